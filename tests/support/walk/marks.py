"""Marks in private values, by which an answer tells the rows that it shows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Text, func, literal, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Base
from models.accounts import Invitation, User
from models.delivery import DeliveryTrack
from models.geo_point import Point
from models.identity import Actor
from models.ids import MODELS, decode_id
from models.riders import RiderLocation
from services.routing import track_codec
from services.routing.track_codec import TrackPoint
from tests.support.walk.parties import World
from tests.support.walk.rules import GUARDED, PLACE, RULE_OF_ROWS, RULE_OF_VALUE, rule_of_value

ID = re.compile(rb"\b(?:" + "|".join(MODELS).encode() + rb")_[\w-]{22}")
MARK = re.compile(rb"~(\w+)\.(\w+)\.([0-9a-f-]{36})~")
NUMBER = re.compile(rb"\b\d+\.\d{9}\b")
MARKED_MODELS = {model.__name__: model for model in GUARDED}
# Values that a query compares or parses, so they can't be replaced; and names of enum members.
UNMARKED = frozenset(
    {"code", "currency", "intent_id", "provider", "provider_refund_id", "provider_dispute_id",
     "stream", "type", "selection", "schema_version", "url", "language", "password_hash",
     "timezone", "reference", "nonce", "previous_nonce"}
)  # fmt: skip
PHONES: dict[type[Base], tuple[str, ...]] = {User: ("phone",)}
"""Columns of phones, whose marks are numbers that nobody else has."""
LINES: dict[type[Base], tuple[str, ...]] = {DeliveryTrack: ("line",)}
"""Columns of tracks, whose marks are polylines that nobody else has."""
KEYS: dict[type[Base], str] = {RiderLocation: "rider_id", DeliveryTrack: "delivery_id"}
"""The keys of models without an id."""
PHONE = re.compile(rb"\+35193(\d{7})\b")
Shown = tuple[str, str]


def text_columns(model: type[Base]) -> list[str]:
    """The columns of a guarded model in which a mark can stand."""
    elsewhere = {*PLACE, *PHONES.get(model, ()), *LINES.get(model, ())}
    own = [name for guarded, name in RULE_OF_VALUE if guarded is model and name not in elsewhere]
    if model not in RULE_OF_ROWS:
        return own
    columns = model.__table__.columns
    texts = [one.name for one in columns if isinstance(one.type, Text) and not one.computed]
    return list(
        dict.fromkeys([*own, *(name for name in texts if name not in UNMARKED | elsewhere)])
    )


async def write_marks(session: AsyncSession, world: World) -> dict[float, Any]:
    """Write the names of model, column and row into every private value; return the numbers."""
    numbers: dict[float, Any] = {}
    for model in GUARDED:
        key = key_column(model)
        keys = list(world.rows[model])
        columns = text_columns(model)
        if columns:
            marks = {name: _mark(model, name, key) for name in columns}
            # A ledger can't be changed.
            writable = {name for name in marks if await _is_writable(session, model, name)}
            marks = {name: mark for name, mark in marks.items() if name in writable}
            if model is Invitation:
                del marks["phone"]
            if marks:
                await session.execute(update(model).where(key.in_(keys)).values(marks))
        for column in PHONES.get(model, ()):
            numbers |= await _write_phones(session, model, column, keys)
        if PLACE[0] in model.__table__.columns and model is not User:
            numbers |= await _write_numbers(session, model, key, keys, len(numbers))
    return numbers


async def _is_writable(session: AsyncSession, model: type[Base], column: str) -> bool:
    table = f'"{model.__tablename__}"'
    granted = func.has_column_privilege(table, column, "UPDATE")
    return bool(await session.scalar(select(granted)))


def _mark(model: type[Base], column: str, key: Any) -> Any:
    return literal(f"~{model.__name__}.{column}.") + sql_cast(key, Text) + "~"


async def _write_numbers(
    session: AsyncSession, model: type[Base], key: Any, keys: list[UUID], begin: int
) -> dict[float, Any]:
    """Give each row a latitude and a longitude that no other row has."""
    numbers = {}
    for place, row in enumerate(keys):
        values = {}
        for axis, column in enumerate(PLACE):
            value = 10 + (begin + 2 * place + axis) / 10_000 + 0.000_000_007
            numbers[round(value, 9)] = (model, column, row)
            values[column] = round(value, 9)
        await session.execute(update(model).where(key == row).values(values))
    return numbers


async def _write_phones(
    session: AsyncSession, model: type[Base], column: str, keys: list[UUID]
) -> dict[float, Any]:
    """Give each row a phone by which it is known."""
    table: Any = model
    numbers: dict[float, Any] = {}
    for number, row in enumerate(keys):
        text = f"+35193{number:07}"
        numbers[float(text)] = (model, column, row)
        await session.execute(update(model).where(table.id == row).values({column: text}))
    return numbers


async def write_tracks(session: AsyncSession, world: World) -> dict[bytes, Any]:
    """Give each track two points where no other track is; return the polylines."""
    lines: dict[bytes, Any] = {}
    for number, key in enumerate(world.rows[DeliveryTrack]):
        latitude, at = 20 + number / 1_000, datetime(2026, 1, 1, tzinfo=UTC)
        ends = [TrackPoint(at, Point(latitude, at_longitude)) for at_longitude in (7.001, 7.123)]
        change = {"line": track_codec.encode(ends)}
        await session.execute(
            update(DeliveryTrack).where(DeliveryTrack.delivery_id == key).values(change)
        )
        polyline = track_codec.encode_polyline([end.location for end in ends])
        lines[orjson.dumps(polyline)[1:-1]] = (DeliveryTrack, "line", key)
    return lines


def key_column(model: type[Base]) -> Any:
    return getattr(model, KEYS.get(model, "id"))


def shown_marks(world: World, text: bytes) -> Iterator[tuple[type[Base], str, UUID]]:
    """The model, the column and the key of each private value in an answer."""
    for name, column, key in set(MARK.findall(text)):
        yield MARKED_MODELS[name.decode()], column.decode(), UUID(key.decode())
    phones = {b"35193" + number for number in PHONE.findall(text)}
    for line, place in world.lines.items():
        if line in text:
            yield place
    for number in phones.union(NUMBER.findall(text)):
        if (found := world.numbers.get(float(number))) is not None:
            yield found


def shown_rows(world: World, text: bytes) -> Iterator[tuple[type[Base], UUID]]:
    """The model and the key of each guarded row whose id is in an answer."""
    for public_id in set(ID.findall(text)):
        model: Any = MODELS[public_id[:3].decode()]
        key = decode_id(model, public_id.decode())
        if model in RULE_OF_ROWS and key in world.rows[model]:
            yield model, key


def violations(world: World, actor: Actor, data: Any) -> set[Shown]:
    """The rules that an answer breaks, each with the row or the value that it shows."""
    text = data if isinstance(data, bytes) else orjson.dumps(data)
    found = set()
    for model, key in shown_rows(world, text):
        rule = RULE_OF_ROWS[model]
        if not rule.permits(world, actor, world.rows[model][key]):
            found.add((rule.name, model.__name__))
    for model, column, key in shown_marks(world, text):
        rule = rule_of_value(model, column)
        if not rule.permits(world, actor, world.rows[model][key]):
            found.add((rule.name, f"{model.__name__}.{column}"))
    return found


async def read_rows(session: AsyncSession, model: type[Base], companies: list[UUID]) -> Any:
    """The rows of the city's companies by key, or all where a model belongs to no company."""
    table: Any = model
    key = key_column(model)
    statement = select(model).order_by(key.desc())
    if "company_id" in table.__table__.columns:
        statement = statement.where(table.company_id.in_(companies))
    statement = statement.execution_options(populate_existing=True).limit(500)
    rows = await session.scalars(statement)
    return {getattr(row, key.key): row for row in rows}
