"""A count and changes of stock at the same moment: each sees the other, or is seen by it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from models.counting import StockCountLine
from models.stock import StockMovementReason
from services.counting import stock_counts
from services.fulfillment import picking
from services.fulfillment.picking import LinePick
from services.stock import adjustments
from services.stock.adjustments import StockAdjustment
from services.stock.stock_rows import lock_rows
from tests.support.city import City
from tests.support.counting import CountingTeam, counting_team
from tests.support.paid_orders import lines_of, place_paid_order, unexplained_stock, write_as
from tests.support.stock.lock_waits import until_waiting
from tests.support.store_staff import accept_task, run_step


@pytest.fixture
async def team(database: Database, city: City) -> AsyncIterator[CountingTeam]:
    async with counting_team(database, city) as members:
        yield members


async def correct(team: CountingTeam, session: AsyncSession, units: int) -> None:
    await adjustments.adjust(
        session,
        actor=team.manager,
        store_id=team.city.near.id,
        product_id=team.product(0),
        adjustment=StockAdjustment(delta=units),
        reason=StockMovementReason.ADJUSTMENT,
        note="",
    )


async def test_a_correction_that_began_before_the_count_is_not_made_twice(
    team: CountingTeam,
) -> None:
    """A manager's correction of two missing units begins, and has to wait; meanwhile a count misses
    the same two. The ledger had the beginning of the correction's transaction as its time, before
    the count: the approval took two more units off, and 46 were left of 48.
    """
    row = await team.start(0)
    async with write_as(team.database, team.manager, team.city.company.id) as session:
        await session.execute(text("select now()"))  # the transaction begins
        await team.count(row, 0, 48)
        await correct(team, session, -2)
    await team.submit(row)
    await team.approve(row)
    assert await team.on_hand(0) == 48
    assert await unexplained_stock(team.database, team.city) == []


async def test_a_correction_that_the_count_had_to_wait_for_is_in_what_it_expects(
    team: CountingTeam,
) -> None:
    """The count is sent before the correction ends, and gets the stock row after it."""
    row = await team.start(0)
    async with write_as(team.database, team.manager, team.city.company.id) as session:
        await lock_rows(session, [team.city.near.id], [team.product(0)])
        count = asyncio.create_task(team.count(row, 0, 48))
        await until_waiting(team.database)
        await correct(team, session, -2)
    await count
    await team.submit(row)
    (line,) = await team.visible_lines(row)
    assert (line.expected, line.variance) == (48, 0)
    await team.approve(row)
    assert await team.on_hand(0) == 48


async def test_a_count_that_is_stored_while_a_picker_misses_units_loses_them_once(
    team: CountingTeam,
) -> None:
    """Two units are sold and not on the shelf: a count of 48 is stored while the picker finds none.

    The picker's loss passed by the line, which nobody had counted yet for the picker, and the
    approval took the same two off once more.
    """
    order = await place_paid_order(team.dependencies, team.city, 2, (0, 1))
    task, staff = await accept_task(team.dependencies, team.city, order)
    row = await team.start(0)
    line = next(
        one for one in await lines_of(team.database, task) if one.product_id == team.product(0)
    )
    async with write_as(team.database, team.first_counter, team.city.company.id) as session:
        await stock_counts.set_line(
            session, actor=team.first_counter, count_id=row.id, counted=48,
            product_id=team.product(0),
        )  # fmt: skip
        pick = asyncio.create_task(
            run_step(team.database, staff, task, picking.pick_line, pick=LinePick(0, line.id))
        )
        await until_waiting(team.database)
    await pick
    async with team.database.read(PLATFORM) as session:
        counted = (
            await session.scalars(select(StockCountLine).where(StockCountLine.count_id == row.id))
        ).one()
    assert (counted.counted, counted.expected) == (48, 48)
