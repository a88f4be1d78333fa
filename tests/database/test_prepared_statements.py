"""Kept statements: constants of their modules, whose text is worked out once."""

import pkgutil
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Executable, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import words
from database.statements import KEPT, Shapes, by_key, kept
from models.delivery import Delivery, DeliveryStatus, Rider
from services.core import clock

ROOMS = ("models", "services", "dataloaders", "resolvers", "subscriptions", "jobs")
STATES = (DeliveryStatus.PICKED_UP, DeliveryStatus.ARRIVING)


def constants() -> Iterator[tuple[str, Executable]]:
    """Every kept statement that a module holds, by its name."""
    for room in ROOMS:
        for module in pkgutil.iter_modules([room], f"{room}."):
            for name, value in vars(import_module(module.name)).items():
                if isinstance(value, Executable) and value.get_execution_options().get(KEPT):
                    yield f"{module.name}.{name}", value


def varies(statement: Any) -> bool:
    """Whether its text is made anew for each list of values."""
    shape, _ = Shapes()._of(statement)
    return bool(shape.compiled.post_compile_params)


def test_every_kept_statement_has_one_text() -> None:
    found = dict(constants())
    assert len(found) > 50
    assert [name for name, statement in found.items() if varies(statement)] == []


def test_a_list_of_states_is_spelled_out_so_that_the_text_stays() -> None:
    assert varies(kept(select(Delivery.id).where(Delivery.status.in_(STATES))))
    spelled = kept(select(Delivery.id).where(Delivery.status.in_(words(STATES))))
    assert not varies(spelled)
    _, text, values = Shapes().asked(spelled, {})
    assert text.endswith("IN ('ARRIVING', 'PICKED_UP')")
    assert values == []


def test_a_value_that_is_needed_and_missing_is_an_error() -> None:
    statement = kept(select(Delivery.id).where(Delivery.order_id == bindparam("order")))
    with pytest.raises(KeyError):
        Shapes().asked(statement, {})


@pytest.mark.parametrize(
    ("asked", "ends"),
    [
        ({}, ""),
        ({"locked": True}, "FOR UPDATE"),
        ({"locked": True, "key_share": True}, "FOR NO KEY UPDATE"),
    ],
)
def test_a_row_is_read_by_its_key_with_the_lock_that_is_wanted(
    asked: dict[str, bool], ends: str
) -> None:
    statement, names = by_key(Rider, **asked)
    assert by_key(Rider, **asked)[0] is statement
    assert names == ("key_id",)
    _, text, _ = Shapes().asked(statement, {"key_id": None})
    assert text.partition("$1::UUID")[2].strip() == ends


async def test_the_first_reading_of_the_clock_stands() -> None:
    async with AsyncSession() as session:
        first = await _heard(session, "2026-01-01T12:00:00+00:00")
        assert await _heard(session, "2026-01-01T11:59:00+00:00") >= first


async def _heard(session: AsyncSession, at: str) -> Any:
    clock.hear(session, datetime.fromisoformat(at))
    return await clock.moment(session)
