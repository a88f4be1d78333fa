"""Stock counts: blind, by several people, and correct while orders are sold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Listing
from models.counting import (
    StockCount,
    StockCountAction,
    StockCountFilter,
    StockCountLine,
    StockCountStatus,
)
from models.identity import Grant, Role
from models.stock import StockLevel, StockMovement, StockMovementReason
from services.core.problems import DomainError, InvalidInput, InvalidTransition, NotFound, Problem
from services.counting import count_queries, count_states, stock_counts
from services.counting.count_opening import CountSelection, StockCountInProgress
from services.counting.stock_counts import BelowPromised, UncountedLines
from services.fulfillment import fulfillments, picking
from services.stock import receiving
from tests.support.city import City
from tests.support.counting import CountingTeam, counting_team, refusal_of
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    fulfillments_of,
    lines_of,
    place_paid_order,
    unexplained_stock,
    write_as,
)

S = StockCountStatus


@pytest.fixture
async def team(database: Database, city: City) -> AsyncIterator[CountingTeam]:
    async with counting_team(database, city) as members:
        yield members


async def test_approval_changes_stock_by_the_variance(team: CountingTeam) -> None:
    row = await team.start(0, 1, 2)
    for nth, units in ((0, 47), (1, 50), (2, 53)):
        await team.count(row, nth, units)
    await team.submit(row)
    assert (await team.approve(row)).status is S.APPROVED
    assert [await team.on_hand(nth) for nth in range(3)] == [47, 50, 53]
    async with team.database.read(PLATFORM) as session:
        entries = await session.scalars(
            select(StockMovement).where(StockMovement.reference == str(row.id))
        )
        recorded = {
            (entry.product_id, entry.on_hand_delta, entry.reason, entry.actor_id)
            for entry in entries
        }
    cause = (StockMovementReason.COUNT, team.manager.person_id)
    assert recorded == {(team.product(0), -3, *cause), (team.product(2), 3, *cause)}
    assert await unexplained_stock(team.database, team.city) == []


async def test_expected_quantities_are_hidden_until_a_count_is_submitted(
    team: CountingTeam,
) -> None:
    row = await team.start(0, 1)
    await team.count(row, 0, 44)
    hidden = await team.visible_lines(row)
    assert [
        (line.counted, line.expected, line.variance, line.variance_value_minor) for line in hidden
    ] == [
        (44, None, None, None),
        (None, None, None, None),
    ]
    problem = await refusal_of(team.visible_lines(row, line_filter=StockCountFilter.WITH_VARIANCE))
    assert isinstance(problem, InvalidInput)
    async with team.database.read(PLATFORM) as session:
        (progress,) = await count_queries.progress_of_counts(session, [row.id])
        assert (progress.line_count, progress.counted_line_count, progress.variance) == (2, 1, None)
    await team.count(row, 1, 52)
    await team.submit(row)
    differing = await team.visible_lines(row, line_filter=StockCountFilter.WITH_VARIANCE)
    price = team.city.first.prices
    assert [(line.expected, line.variance, line.variance_value_minor) for line in differing] == [
        (50, -6, -6 * price[0]),
        (50, 2, 2 * price[1]),
    ]
    async with team.database.read(PLATFORM) as session:
        (progress,) = await count_queries.progress_of_counts(session, [row.id])
    variance = progress.variance
    assert variance is not None
    assert (variance.line_count, variance.units_over, variance.units_short) == (2, 2, 6)
    assert (variance.overage_value_minor, variance.shortage_value_minor) == (
        2 * price[1],
        6 * price[0],
    )
    assert variance.net_value_minor == 2 * price[1] - 6 * price[0]


async def test_sales_between_counting_and_approval_are_kept(team: CountingTeam) -> None:
    row = await team.start(0)
    await team.count(row, 0, 48)
    await team.submit(row)
    await place_paid_order(team.dependencies, team.city, quantity=3, products=(0,))
    await team.approve(row)
    assert await team.on_hand(0) == 50 - 2 - 3
    assert await unexplained_stock(team.database, team.city) == []


async def test_sold_units_are_expected_until_they_are_picked(team: CountingTeam) -> None:
    order = await place_paid_order(team.dependencies, team.city, quantity=3, products=(0,))
    row = await team.start(0)
    await team.count(row, 0, 50)
    await team.submit(row)
    (line,) = await team.visible_lines(row)
    assert (line.expected, line.variance) == (50, 0)
    await team.run(stock_counts.cancel, team.manager, count_id=row.id)
    (task,) = await fulfillments_of(team.database, order)
    step: Any = {"actor": team.second_counter, "fulfillment_id": task.id}
    async with write_as(team.database, team.second_counter, team.city.company.id) as session:
        await fulfillments.accept(session, **step)
        (task_line,) = await lines_of(team.database, task)
        pick = picking.LinePick(3, task_line.id)
        await picking.pick_line(session, pick=pick, **step)
    row = await team.start(0)
    await team.count(row, 0, 47)
    await team.submit(row)
    (line,) = await team.visible_lines(row)
    assert (line.expected, line.variance) == (47, 0)


async def test_several_people_count_and_the_last_entry_counts(team: CountingTeam) -> None:
    row = await team.start(*range(8))
    await asyncio.gather(
        *(
            team.count(row, nth, 50, by=counter)
            for nth in range(8)
            for counter in (team.first_counter, team.second_counter)
        )
    )
    await team.count(row, 0, 45, by=team.second_counter)
    await team.submit(row)
    assert [line.variance for line in await team.visible_lines(row)] == [-5, *[0] * 7]


async def test_a_rejected_count_has_its_variances_counted_again(team: CountingTeam) -> None:
    row = await team.start(0, 1)
    await team.count(row, 0, 40)
    await team.count(row, 1, 50)
    await team.submit(row)
    rejected = await team.run(
        stock_counts.reject, team.manager, count_id=row.id, note="look behind"
    )
    assert (rejected.status, rejected.count_round, rejected.note) == (
        S.IN_PROGRESS,
        2,
        "look behind",
    )
    assert [line.counted for line in await team.visible_lines(row)] == [None, 50]
    problem = await refusal_of(team.submit(row))
    assert isinstance(problem, UncountedLines)
    assert problem.remaining_line_count == 1
    await team.count(row, 0, 49)
    await team.submit(row)
    await team.approve(row)
    assert await team.on_hand(0) == 49


async def test_a_count_is_approved_once(team: CountingTeam) -> None:
    row = await team.start(0)
    await team.count(row, 0, 40)
    assert isinstance(await refusal_of(team.approve(row)), InvalidTransition)
    await team.submit(row)
    results = await asyncio.gather(*(team.approve(row) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, StockCount) for each in results) == 1
    assert await team.on_hand(0) == 40


async def test_staff_count_and_only_managers_decide(team: CountingTeam) -> None:
    row = await team.start(0)
    assert count_states.MACHINE.available_actions(row, team.first_counter) == [
        StockCountAction.COUNT,
        StockCountAction.SUBMIT,
    ]
    await team.count(row, 0, 1)
    submitted = await team.submit(row)
    assert count_states.MACHINE.available_actions(submitted, team.first_counter) == []
    for step in (stock_counts.approve, stock_counts.reject, stock_counts.cancel):
        problem = await refusal_of(team.run(step, team.first_counter, count_id=row.id))
        assert isinstance(problem, InvalidTransition)
    problem = await refusal_of(team.count(row, 0, 2))
    assert isinstance(problem, InvalidTransition)
    (stranger,) = await create_people(
        team.database, 1, Grant(Role.STORE_MANAGER, team.city.company.id, team.city.next.id)
    )
    problem = await refusal_of(team.run(stock_counts.approve, stranger, count_id=row.id))
    assert isinstance(problem, NotFound)


async def test_approval_does_not_remove_reserved_units(team: CountingTeam) -> None:
    row = await team.start(0)
    await team.count(row, 0, 1)
    await team.submit(row)
    async with team.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(StockLevel, (team.city.near.id, team.product(0)))).reserved = 4
    problem = await refusal_of(team.approve(row))
    assert isinstance(problem, BelowPromised)
    assert (problem.product_id, problem.reserved, problem.on_hand) == (team.product(0), 4, 1)
    assert await team.on_hand(0) == 50


async def test_a_product_is_in_one_active_count_only(team: CountingTeam) -> None:
    results = await asyncio.gather(*(team.start(0, 1) for _ in range(4)), return_exceptions=True)
    (first,) = [each for each in results if isinstance(each, StockCount)]
    problems = [each.problems[0] for each in results if isinstance(each, DomainError)]
    assert len(problems) == 3
    assert all(
        isinstance(each, StockCountInProgress) and each.stock_count_id == first.id
        for each in problems
    )
    await team.run(stock_counts.cancel, team.manager, count_id=first.id)
    await team.start(0, 1)


async def test_a_whole_category_or_aisle_can_be_counted(team: CountingTeam) -> None:
    food = team.city.first.categories[0].id
    async with team.database.write(PLATFORM, ORIGIN) as session:
        listing = await session.get_one(Listing, (team.city.near.id, team.product(1)))
        listing.aisle = "B7"
    by_category = await team.start(selection=CountSelection(category_id=food))
    by_aisle = await team.start(selection=CountSelection(aisle="B7"))
    assert len(await team.visible_lines(by_category)) == 6
    (line,) = await team.visible_lines(by_aisle)
    assert line.product_id == team.product(1)


async def test_an_invalid_count_is_refused(team: CountingTeam) -> None:
    product, other = team.product(0), team.city.second.products[0].id
    cases: list[tuple[CountSelection, type[Problem], list[str]]] = [
        (CountSelection(), InvalidInput, ["productIds"]),
        (CountSelection(product_ids=()), InvalidInput, ["productIds"]),
        (CountSelection(product_ids=(product, product)), InvalidInput, ["productIds", "1"]),
        (CountSelection(product_ids=(product, other)), NotFound, ["productIds", "1"]),
        (CountSelection(product_ids=(product,), aisle="A1"), InvalidInput, ["productIds"]),
        (CountSelection(category_id=uuid7()), NotFound, ["categoryId"]),
        (CountSelection(aisle="nowhere"), InvalidInput, ["categoryId"]),
        (CountSelection(product_ids=(product,) * 501), InvalidInput, ["productIds"]),
    ]
    for selection, kind, path in cases:
        problem = await refusal_of(team.start(selection=selection))
        assert (type(problem), problem.path) == (kind, ["input", *path]), selection
    row = await team.start(0)
    for units in (-1, 1_000_001):
        assert isinstance(await refusal_of(team.count(row, 0, units)), InvalidInput)
    assert isinstance(await refusal_of(team.count(row, 1, 1)), NotFound)
    assert isinstance(await refusal_of(team.submit(row, allow_uncounted=True)), UncountedLines)


async def test_missing_units_leave_the_batch_that_expires_first(team: CountingTeam) -> None:
    store: Any = {"company_id": team.city.company.id, "store_id": team.city.near.id}
    line = receiving.StockReceiptLine(team.product(0), 10, "LOT")
    async with team.database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session,
            lines=[line],
            reason=StockMovementReason.RECEIPT,
            reference="",
            actor_id=None,
            **store,
        )
    row = await team.start(0)
    await team.count(row, 0, 4)
    await team.submit(row)
    await team.approve(row)
    assert await team.on_hand(0) == 4
    assert await unexplained_stock(team.database, team.city) == []
    async with team.database.read(PLATFORM) as session:
        live = select(StockCountLine).where(StockCountLine.count_id == row.id)
        assert not (await session.scalars(live)).one().live
