"""Prepared statements: constants of their modules, compiled once to one text."""

import pkgutil
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Executable, bindparam, select

from database.base import enum_literals
from database.statements import PREPARED, StatementCache, prepared, select_by_key
from database.write_session import WriteSession
from models.delivery import Delivery, DeliveryStatus
from models.riders import Rider
from services.core import clock

PACKAGES = (
    "database", "models", "services", "workflows", "dataloaders", "resolvers", "subscriptions",
    "jobs",
)  # fmt: skip
STATUSES = (DeliveryStatus.PICKED_UP, DeliveryStatus.ARRIVING)


def constants() -> Iterator[tuple[str, Executable]]:
    """Every prepared statement that is a module's constant, by its name."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages([package], f"{package}."):
            for name, value in vars(import_module(module.name)).items():
                if isinstance(value, Executable) and value.get_execution_options().get(PREPARED):
                    yield f"{module.name}.{name}", value


def varies(statement: Any) -> bool:
    """Whether its text is made again for each list of values."""
    compiled, _ = StatementCache().compile(statement)
    return bool(compiled.compiled.post_compile_params)


def test_every_prepared_statement_has_one_text() -> None:
    statements = dict(constants())
    assert len(statements) > 50
    assert [name for name, statement in statements.items() if varies(statement)] == []


def test_enum_literals_keep_the_text_of_a_list_the_same() -> None:
    assert varies(prepared(select(Delivery.id).where(Delivery.status.in_(STATUSES))))
    literal = prepared(select(Delivery.id).where(Delivery.status.in_(enum_literals(STATUSES))))
    assert not varies(literal)
    _, text, values = StatementCache().bind(literal, {})
    assert text.endswith("IN ('ARRIVING', 'PICKED_UP')")
    assert values == []


def test_a_required_value_that_is_missing_is_an_error() -> None:
    statement = prepared(select(Delivery.id).where(Delivery.order_id == bindparam("order")))
    with pytest.raises(KeyError):
        StatementCache().bind(statement, {})


@pytest.mark.parametrize(
    ("options", "ending"),
    [
        ({}, ""),
        ({"for_update": True}, "FOR UPDATE"),
        ({"for_update": True, "key_share": True}, "FOR NO KEY UPDATE"),
    ],
)
def test_a_row_is_selected_by_its_key_with_the_given_lock(
    options: dict[str, bool], ending: str
) -> None:
    statement, names = select_by_key(Rider, **options)
    assert select_by_key(Rider, **options)[0] is statement
    assert names == ("key_id",)
    _, text, _ = StatementCache().bind(statement, {"key_id": None})
    assert text.partition("$1::UUID")[2].strip() == ending


async def test_the_first_reading_of_the_clock_is_kept() -> None:
    async with WriteSession() as session:
        first = await _time_after_reading(session, "2026-01-01T12:00:00+00:00")
        assert await _time_after_reading(session, "2026-01-01T11:59:00+00:00") >= first


async def _time_after_reading(session: WriteSession, at: str) -> datetime:
    clock.set_current_time(session, datetime.fromisoformat(at))
    return await clock.current_time(session)
