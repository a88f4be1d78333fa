"""Many shelves set at once: each line with what was seen before, and with its own reason."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor
from models.imports import ErrorPolicy, StockSet
from models.stock import Stock, StockReason
from services.core.problems import InvalidInput, NotFound, Refused, VersionConflict
from services.stock import bulk_adjustments
from services.stock.adjustments import BelowHeld
from services.stock.bulk_adjustments import Line
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import picker, unexplained, working

ALL, SKIP = ErrorPolicy.ALL_OR_NOTHING, ErrorPolicy.SKIP_BAD


async def set_many(
    database: Database, city: City, actor: Actor, *lines: Line, policy: ErrorPolicy = ALL,
    **more: Any,
) -> StockSet:  # fmt: skip
    given = {"reason": StockReason.COUNT, "note": "aisle 3", "store_id": city.near.id, **more}
    async with working(database, actor, city.company.id) as session:
        return await bulk_adjustments.set_many(
            session, actor=actor, lines=lines, on_error=policy, **given
        )


async def on_hand(database: Database, city: City, *products: int) -> list[int]:
    async with database.read(PLATFORM) as session:
        keys = [(city.near.id, city.products[nth].id) for nth in products]
        return [(await session.get_one(Stock, key)).on_hand for key in keys]


def mixed(city: City, keys: list[UUID]) -> tuple[Line, ...]:
    """Two good lines, one that changes nothing, and one of each kind that is bad."""
    return (
        Line(keys[0], 40, compare_quantity=50),
        Line(keys[1], 41, compare_quantity=49),
        Line(keys[2], 42, expected_version=9),
        Line(keys[3], 3),
        Line(keys[0], 39),
        Line(keys[4], -1),
        Line(city.second.products[0].id, 1),
        Line(None, 1),
        Line(keys[5], 50),
        Line(keys[6], 60, expected_version=1),
    )


@pytest.fixture
async def lines(database: Database, city: City) -> tuple[Line, ...]:
    keys = [product.id for product in city.products]
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Stock, (city.near.id, keys[3]))).held = 4
    return mixed(city, keys)


BAD = [
    (VersionConflict, "1", "compareQuantity"),
    (VersionConflict, "2", "expectedVersion"),
    (BelowHeld, "3", "quantity"),
    (InvalidInput, "4", "productId"),
    (InvalidInput, "5", "quantity"),
    (NotFound, "6", "productId"),
    (NotFound, "7", "productId"),
]


async def test_one_bad_line_stops_all_and_every_one_is_named(
    database: Database, city: City, lines: tuple[Line, ...]
) -> None:
    with pytest.raises(Refused) as caught:
        await set_many(database, city, await picker(database, city.near), *lines)
    said = [(type(one), *one.path[2:]) for one in caught.value.reasons]
    assert said == BAD
    assert await on_hand(database, city, 0, 6) == [50, 50]


async def test_bad_lines_are_left_out_when_asked_to(
    database: Database, city: City, lines: tuple[Line, ...]
) -> None:
    staff = await picker(database, city.near)
    done = await set_many(database, city, staff, *lines, policy=SKIP)
    assert (done.applied, done.unchanged) == (2, 1)
    async with database.read(PLATFORM) as session:
        kept = bulk_adjustments.refused(await session.get_one(StockSet, done.id))
    assert [(type(one), *one.path[2:]) for one in kept] == BAD
    assert [one.current for one in kept if isinstance(one, VersionConflict)] == [1, 1]
    assert await on_hand(database, city, *range(7)) == [40, 50, 50, 50, 50, 50, 60]


async def test_of_two_who_saw_the_same_one_sets(database: Database, city: City) -> None:
    staff, key = await picker(database, city.near), city.products[0].id
    both = (Line(key, 7, compare_quantity=50), Line(key, 8, compare_quantity=50))
    said = await asyncio.gather(
        *(set_many(database, city, staff, one) for one in both), return_exceptions=True
    )
    assert sum(isinstance(one, StockSet) for one in said) == 1
    (lost,) = [one for one in said if isinstance(one, Refused)]
    assert isinstance(lost.reasons[0], VersionConflict)
    assert await unexplained(database, city) == []


async def test_a_set_that_can_not_be_right_is_refused(database: Database, city: City) -> None:
    staff, one = await picker(database, city.near), Line(city.products[0].id, 1)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"reason": StockReason.SALE}, 1, "reason"),
        ({}, 0, "lines"),
        ({}, 251, "lines"),
        ({"store_id": city.next.id}, 1, "storeId"),
    ]
    for more, count, field in cases:
        with pytest.raises(Refused) as caught:
            await set_many(database, city, staff, *[one] * count, **more)
        assert caught.value.reasons[0].path == ["input", field]
