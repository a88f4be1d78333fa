"""Cycle counts: blind, by several at once, and true while orders flow."""

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
from models.stock import Stock, StockEntry, StockReason
from services.core.problems import IllegalStep, InvalidInput, NotFound, Problem, Refused
from services.counting import count_queries, count_states, stock_counts
from services.counting.count_opening import BeingCounted, Choice
from services.counting.stock_counts import BelowPromised, Uncounted
from services.fulfillment import fulfillments, picking
from services.stock import receiving
from tests.support.city import City
from tests.support.counting import Team, against, gathered
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import lines, paid, tasks, unexplained, working

S = StockCountStatus


@pytest.fixture
async def team(database: Database, city: City) -> AsyncIterator[Team]:
    async with gathered(database, city) as one:
        yield one


async def test_a_count_moves_the_shelf_by_what_differs(team: Team) -> None:
    row = await team.start(0, 1, 2)
    for nth, units in ((0, 47), (1, 50), (2, 53)):
        await team.count(row, nth, units)
    await team.submit(row)
    assert (await team.approve(row)).status is S.APPROVED
    assert [await team.on_hand(nth) for nth in range(3)] == [47, 50, 53]
    async with team.database.read(PLATFORM) as session:
        entries = await session.scalars(
            select(StockEntry).where(StockEntry.reference == str(row.id))
        )
        booked = {(one.product_id, one.delta, one.reason, one.actor_id) for one in entries}
    whose = (StockReason.COUNT, team.manager.person_id)
    assert booked == {(team.product(0), -3, *whose), (team.product(2), 3, *whose)}
    assert await unexplained(team.database, team.city) == []


async def test_nobody_sees_the_books_while_they_count(team: Team) -> None:
    row = await team.start(0, 1)
    await team.count(row, 0, 44)
    blind = await team.seen(row)
    assert [(one.counted, one.expected, one.variance, one.value_minor) for one in blind] == [
        (44, None, None, None),
        (None, None, None, None),
    ]
    off = await against(team.seen(row, only=StockCountFilter.OFF))
    assert isinstance(off, InvalidInput)
    async with team.database.read(PLATFORM) as session:
        (tally,) = await count_queries.tallies(session, [row.id])
        assert (tally.lines, tally.counted, tally.variance) == (2, 1, None)
    await team.count(row, 1, 52)
    await team.submit(row)
    shown = await team.seen(row, only=StockCountFilter.OFF)
    price = team.city.first.prices
    assert [(one.expected, one.variance, one.value_minor) for one in shown] == [
        (50, -6, -6 * price[0]),
        (50, 2, 2 * price[1]),
    ]
    async with team.database.read(PLATFORM) as session:
        (tally,) = await count_queries.tallies(session, [row.id])
    found = tally.variance
    assert found is not None
    assert (found.off, found.units_over, found.units_short) == (2, 2, 6)
    assert (found.over_minor, found.short_minor) == (2 * price[1], 6 * price[0])
    assert found.net_minor == 2 * price[1] - 6 * price[0]


async def test_sales_between_counting_and_approval_are_not_undone(team: Team) -> None:
    row = await team.start(0)
    await team.count(row, 0, 48)
    await team.submit(row)
    await paid(team.doors, team.city, quantity=3, products=(0,))
    await team.approve(row)
    assert await team.on_hand(0) == 50 - 2 - 3
    assert await unexplained(team.database, team.city) == []


async def test_sold_units_still_lie_on_the_shelf_until_they_are_picked(team: Team) -> None:
    order = await paid(team.doors, team.city, quantity=3, products=(0,))
    row = await team.start(0)
    await team.count(row, 0, 50)
    await team.submit(row)
    (line,) = await team.seen(row)
    assert (line.expected, line.variance) == (50, 0)
    await team.do(stock_counts.cancel, team.manager, count_id=row.id)
    (task,) = await tasks(team.database, order)
    whose: Any = {"actor": team.other, "fulfillment_id": task.id}
    async with working(team.database, team.other, team.city.company.id) as session:
        await fulfillments.accept(session, **whose)
        (own,) = await lines(team.database, task)
        pick = picking.Pick(3, own.id)
        await picking.pick_line(session, pick=pick, **whose)
    row = await team.start(0)
    await team.count(row, 0, 47)
    await team.submit(row)
    (line,) = await team.seen(row)
    assert (line.expected, line.variance) == (47, 0)


async def test_several_count_and_the_last_word_stands(team: Team) -> None:
    row = await team.start(*range(8))
    await asyncio.gather(
        *(team.count(row, nth, 50, by=who) for nth in range(8) for who in (team.one, team.other))
    )
    await team.count(row, 0, 45, by=team.other)
    await team.submit(row)
    assert [one.variance for one in await team.seen(row)] == [-5, *[0] * 7]


async def test_what_differs_is_counted_again_when_a_manager_says_so(team: Team) -> None:
    row = await team.start(0, 1)
    await team.count(row, 0, 40)
    await team.count(row, 1, 50)
    await team.submit(row)
    back = await team.do(stock_counts.reject, team.manager, count_id=row.id, note="look behind")
    assert (back.status, back.round, back.note) == (S.COUNTING, 2, "look behind")
    assert [one.counted for one in await team.seen(row)] == [None, 50]
    missing = await against(team.submit(row))
    assert isinstance(missing, Uncounted)
    assert missing.remaining == 1
    await team.count(row, 0, 49)
    await team.submit(row)
    await team.approve(row)
    assert await team.on_hand(0) == 49


async def test_one_of_two_managers_approves(team: Team) -> None:
    row = await team.start(0)
    await team.count(row, 0, 40)
    assert isinstance(await against(team.approve(row)), IllegalStep)
    await team.submit(row)
    said = await asyncio.gather(*(team.approve(row) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, StockCount) for one in said) == 1
    assert await team.on_hand(0) == 40


async def test_staff_count_and_do_not_decide(team: Team) -> None:
    row = await team.start(0)
    assert count_states.available_actions(row, team.one) == [
        StockCountAction.COUNT,
        StockCountAction.SUBMIT,
    ]
    await team.count(row, 0, 1)
    done = await team.submit(row)
    assert count_states.available_actions(done, team.one) == []
    for verb in (stock_counts.approve, stock_counts.reject, stock_counts.cancel):
        reason = await against(team.do(verb, team.one, count_id=row.id))
        assert isinstance(reason, IllegalStep)
    late = await against(team.count(row, 0, 2))
    assert isinstance(late, IllegalStep)
    (stranger,) = await people(
        team.database, 1, Grant(Role.STORE_MANAGER, team.city.company.id, team.city.next.id)
    )
    other = await against(team.do(stock_counts.approve, stranger, count_id=row.id))
    assert isinstance(other, NotFound)


async def test_what_customers_were_promised_is_not_counted_away(team: Team) -> None:
    row = await team.start(0)
    await team.count(row, 0, 1)
    await team.submit(row)
    async with team.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Stock, (team.city.near.id, team.product(0)))).held = 4
    reason = await against(team.approve(row))
    assert isinstance(reason, BelowPromised)
    assert (reason.product_id, reason.held, reason.on_hand) == (team.product(0), 4, 1)
    assert await team.on_hand(0) == 50


async def test_a_product_is_in_one_live_count_only(team: Team) -> None:
    said = await asyncio.gather(*(team.start(0, 1) for _ in range(4)), return_exceptions=True)
    (first,) = [one for one in said if isinstance(one, StockCount)]
    reasons = [one.reasons[0] for one in said if isinstance(one, Refused)]
    assert len(reasons) == 3
    assert all(isinstance(one, BeingCounted) and one.count_id == first.id for one in reasons)
    await team.do(stock_counts.cancel, team.manager, count_id=first.id)
    await team.start(0, 1)


async def test_a_category_or_an_aisle_is_counted_as_a_whole(team: Team) -> None:
    food = team.city.first.categories[0].id
    async with team.database.write(PLATFORM, ORIGIN) as session:
        listing = await session.get_one(Listing, (team.city.near.id, team.product(1)))
        listing.aisle = "B7"
    by_category = await team.start(choice=Choice(category_id=food))
    by_aisle = await team.start(choice=Choice(aisle="B7"))
    assert len(await team.seen(by_category)) == 6
    (line,) = await team.seen(by_aisle)
    assert line.product_id == team.product(1)


async def test_a_count_that_can_not_be_right_is_refused(team: Team) -> None:
    product, other = team.product(0), team.city.second.products[0].id
    cases: list[tuple[Choice, type[Problem], list[str]]] = [
        (Choice(), InvalidInput, ["productIds"]),
        (Choice(product_ids=()), InvalidInput, ["productIds"]),
        (Choice(product_ids=(product, product)), InvalidInput, ["productIds", "1"]),
        (Choice(product_ids=(product, other)), NotFound, ["productIds", "1"]),
        (Choice(product_ids=(product,), aisle="A1"), InvalidInput, ["productIds"]),
        (Choice(category_id=uuid7()), NotFound, ["categoryId"]),
        (Choice(aisle="nowhere"), InvalidInput, ["categoryId"]),
        (Choice(product_ids=(product,) * 501), InvalidInput, ["productIds"]),
    ]
    for choice, kind, path in cases:
        reason = await against(team.start(choice=choice))
        assert (type(reason), reason.path) == (kind, ["input", *path]), choice
    row = await team.start(0)
    for units in (-1, 1_000_001):
        assert isinstance(await against(team.count(row, 0, units)), InvalidInput)
    assert isinstance(await against(team.count(row, 1, 1)), NotFound)
    assert isinstance(await against(team.submit(row, leave_uncounted=True)), Uncounted)


async def test_batches_lose_what_expires_first(team: Team) -> None:
    at: Any = {"company_id": team.city.company.id, "store_id": team.city.near.id}
    lot = receiving.Received(team.product(0), 10, "LOT")
    async with team.database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session, lines=[lot], reason=StockReason.RECEIPT, reference="", actor_id=None, **at
        )
    row = await team.start(0)
    await team.count(row, 0, 4)
    await team.submit(row)
    await team.approve(row)
    assert await team.on_hand(0) == 4
    assert await unexplained(team.database, team.city) == []
    async with team.database.read(PLATFORM) as session:
        live = select(StockCountLine).where(StockCountLine.count_id == row.id)
        assert not (await session.scalars(live)).one().live
