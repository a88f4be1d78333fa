"""Bulk adjustments: lines with their own comparison and their own problems."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor
from models.imports import ErrorPolicy, StockBulkUpdate
from models.stock import StockLevel, StockMovementReason
from services.core.problems import DomainError, InvalidInput, NotFound, VersionConflict
from services.stock import bulk_adjustments
from services.stock.adjustments import BelowHeld
from services.stock.bulk_adjustments import BulkLine
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import create_picker, unexplained_stock, write_as

ALL, SKIP = ErrorPolicy.ALL_OR_NOTHING, ErrorPolicy.SKIP_INVALID


async def set_many(
    database: Database, city: City, actor: Actor, *lines: BulkLine, policy: ErrorPolicy = ALL,
    **more: Any,
) -> StockBulkUpdate:  # fmt: skip
    arguments = {
        "reason": StockMovementReason.COUNT,
        "note": "aisle 3",
        "store_id": city.near.id,
        **more,
    }
    async with write_as(database, actor, city.company.id) as session:
        return await bulk_adjustments.set_stock_levels(
            session, actor=actor, lines=lines, on_error=policy, **arguments
        )


async def on_hand(database: Database, city: City, *products: int) -> list[int]:
    async with database.read(PLATFORM) as session:
        keys = [(city.near.id, city.products[nth].id) for nth in products]
        return [(await session.get_one(StockLevel, key)).on_hand for key in keys]


def mixed_lines(city: City, keys: list[UUID]) -> tuple[BulkLine, ...]:
    """Two valid lines, one that changes nothing, and one with each kind of problem."""
    return (
        BulkLine(keys[0], 40, compare_quantity=50),
        BulkLine(keys[1], 41, compare_quantity=49),
        BulkLine(keys[2], 42, expected_version=9),
        BulkLine(keys[3], 3),
        BulkLine(keys[0], 39),
        BulkLine(keys[4], -1),
        BulkLine(city.second.products[0].id, 1),
        BulkLine(None, 1),
        BulkLine(keys[5], 50),
        BulkLine(keys[6], 60, expected_version=1),
    )


@pytest.fixture
async def lines(database: Database, city: City) -> tuple[BulkLine, ...]:
    keys = [product.id for product in city.products]
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(StockLevel, (city.near.id, keys[3]))).reserved = 4
    return mixed_lines(city, keys)


PROBLEMS = [
    (VersionConflict, "1", "compareQuantity"),
    (VersionConflict, "2", "expectedVersion"),
    (BelowHeld, "3", "quantity"),
    (InvalidInput, "4", "productId"),
    (InvalidInput, "5", "quantity"),
    (NotFound, "6", "productId"),
    (NotFound, "7", "productId"),
]


async def test_one_invalid_line_rejects_all_and_every_invalid_line_is_named(
    database: Database, city: City, lines: tuple[BulkLine, ...]
) -> None:
    with pytest.raises(DomainError) as caught:
        await set_many(database, city, await create_picker(database, city.near), *lines)
    assert [(type(each), *each.path[2:]) for each in caught.value.problems] == PROBLEMS
    assert await on_hand(database, city, 0, 6) == [50, 50]


async def test_invalid_lines_are_skipped_with_skip_bad(
    database: Database, city: City, lines: tuple[BulkLine, ...]
) -> None:
    staff = await create_picker(database, city.near)
    result = await set_many(database, city, staff, *lines, policy=SKIP)
    assert (result.applied_count, result.unchanged_count) == (2, 1)
    async with database.read(PLATFORM) as session:
        stored = await session.get_one(StockBulkUpdate, result.id)
    problems = bulk_adjustments.skipped_line_problems(stored)
    assert [(type(each), *each.path[2:]) for each in problems] == PROBLEMS
    assert [each.current_version for each in problems if isinstance(each, VersionConflict)] == [
        1,
        1,
    ]
    assert await on_hand(database, city, *range(7)) == [40, 50, 50, 50, 50, 50, 60]


async def test_one_of_two_concurrent_adjustments_of_the_same_quantity_succeeds(
    database: Database, city: City
) -> None:
    staff, key = await create_picker(database, city.near), city.products[0].id
    lines = (BulkLine(key, 7, compare_quantity=50), BulkLine(key, 8, compare_quantity=50))
    results = await asyncio.gather(
        *(set_many(database, city, staff, each) for each in lines), return_exceptions=True
    )
    assert sum(isinstance(each, StockBulkUpdate) for each in results) == 1
    (refused,) = [each for each in results if isinstance(each, DomainError)]
    assert isinstance(refused.problems[0], VersionConflict)
    assert await unexplained_stock(database, city) == []


async def test_an_invalid_bulk_adjustment_is_refused(database: Database, city: City) -> None:
    staff, line = await create_picker(database, city.near), BulkLine(city.products[0].id, 1)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"reason": StockMovementReason.SALE}, 1, "reason"),
        ({}, 0, "lines"),
        ({}, 251, "lines"),
        ({"store_id": city.next.id}, 1, "storeId"),
    ]
    for changes, count, field in cases:
        with pytest.raises(DomainError) as caught:
            await set_many(database, city, staff, *[line] * count, **changes)
        assert caught.value.problems[0].path == ["input", field]
