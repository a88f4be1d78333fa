"""One loss that several people find, a count among them, is written off once."""

from collections.abc import AsyncIterator

import pytest

from database.sessions import Database
from models.counting import StockCount
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.orders import Order
from models.stock import StockMovementReason
from services.core.problems import InvalidTransition
from services.counting import stock_counts
from services.fulfillment import picking
from services.fulfillment.picking import LinePick
from services.stock import adjustments, receiving
from services.stock.adjustments import StockAdjustment
from tests.support.city import City
from tests.support.counting import CountingTeam, counting_team, refusal_of
from tests.support.customers import ORIGIN
from tests.support.paid_orders import lines_of, place_paid_order, unexplained_stock
from tests.support.store_staff import accept_task, run_step

ADJUSTMENT = StockMovementReason.ADJUSTMENT


@pytest.fixture
async def team(database: Database, city: City) -> AsyncIterator[CountingTeam]:
    async with counting_team(database, city) as members:
        yield members


async def adjust(team: CountingTeam, units: int) -> None:
    await team.run(
        adjustments.adjust,
        team.manager,
        store_id=team.city.near.id,
        product_id=team.product(0),
        adjustment=StockAdjustment(delta=units),
        reason=ADJUSTMENT,
        note="",
    )


async def ten_arrive(team: CountingTeam) -> None:
    async with team.database.write(team.manager.scope(), ORIGIN) as session:
        await receiving.receive(
            session, company_id=team.city.company.id, store_id=team.city.near.id,
            lines=[receiving.StockReceiptLine(team.product(0), 10)],
            reason=StockMovementReason.RECEIPT, reference="", actor_id=None,
        )  # fmt: skip


async def sell_the_last_two(team: CountingTeam) -> tuple[Order, Fulfillment, Actor]:
    """By the books two units are left, and an order has them both and a bread."""
    await adjust(team, -48)
    order = await place_paid_order(team.dependencies, team.city, 2, (0, 1))
    task, staff = await accept_task(team.dependencies, team.city, order)
    return order, task, staff


async def pick(team: CountingTeam, task: Fulfillment, staff: Actor, found: int) -> None:
    """Record `found` units of the first product, and all of the bread."""
    for line in await lines_of(team.database, task):
        units = found if line.product_id == team.product(0) else line.quantity
        step = LinePick(units, line.id)
        await run_step(team.database, staff, task, picking.pick_line, pick=step)


async def counted(team: CountingTeam, units: int) -> StockCount:
    row = await team.start(0)
    await team.count(row, 0, units)
    return await team.submit(row)


async def expected(team: CountingTeam, row: StockCount) -> int | None:
    (line,) = await team.visible_lines(row)
    return line.expected


@pytest.mark.parametrize("packed", [True, False])
async def test_units_that_a_count_and_a_picker_miss_are_lost_once(
    team: CountingTeam, packed: bool
) -> None:
    """The shelf is empty, and two units are sold: a count misses them, and then the picker.

    Both wrote them off. Ten new units arrived, and the approval left eight of them.
    """
    _, task, staff = await sell_the_last_two(team)
    row = await counted(team, 0)
    assert await expected(team, row) == 2
    await pick(team, task, staff, 0)
    assert await expected(team, row) == 0
    if packed:
        await run_step(team.database, staff, task, picking.pack, bags=1)
    await ten_arrive(team)
    await team.approve(row)
    if not packed:
        await run_step(team.database, staff, task, picking.pack, bags=1)
    assert await team.on_hand(0) == 10
    assert await unexplained_stock(team.database, team.city) == []


async def test_units_that_a_count_has_found_are_not_added_to_those_of_the_picker(
    team: CountingTeam,
) -> None:
    """The picker misses two, the count finds them, and then the picker finds them too.

    The count has two more than were expected of it; added to the books they would be for sale,
    while they lie in the bag.
    """
    _, task, staff = await sell_the_last_two(team)
    await pick(team, task, staff, 0)
    row = await counted(team, 2)
    assert await expected(team, row) == 0
    await pick(team, task, staff, 2)
    assert await expected(team, row) == 2
    await team.approve(row)
    await run_step(team.database, staff, task, picking.pack, bags=1)
    assert await team.on_hand(0) == 0
    assert await unexplained_stock(team.database, team.city) == []


async def test_what_a_picker_misses_beyond_a_count_is_lost_to_the_picker_alone(
    team: CountingTeam,
) -> None:
    """A count found both units, and later the picker finds none: it is the picker's loss."""
    _, task, staff = await sell_the_last_two(team)
    row = await counted(team, 2)
    await pick(team, task, staff, 0)
    assert await expected(team, row) == 2
    await run_step(team.database, staff, task, picking.pack, bags=1)
    await team.approve(row)
    assert await team.on_hand(0) == 0


@pytest.mark.parametrize(
    ("counted_units", "corrected", "left"),
    [(48, -2, 48), (48, -1, 48), (48, -5, 45), (48, 1, 49), (50, -2, 48), (53, 3, 53), (53, 1, 53)],
)
async def test_a_correction_by_hand_since_the_count_is_not_made_twice(
    team: CountingTeam, counted_units: int, corrected: int, left: int
) -> None:
    """50 by the books, 48 counted, and somebody corrects the books to 48 before the approval.

    The approval corrected them once more, to 46. What goes beyond the count, or against it, was
    found by somebody else at another time and stays.
    """
    row = await counted(team, counted_units)
    await adjust(team, corrected)
    await team.approve(row)
    assert await team.on_hand(0) == left
    (line,) = await team.visible_lines(row)
    assert line.variance == left - 50 - corrected
    assert await unexplained_stock(team.database, team.city) == []


async def test_goods_that_moved_since_the_count_are_no_correction(team: CountingTeam) -> None:
    """Ten units arrive, and three are sold: the approval of two missing units keeps all of it."""
    row = await counted(team, 48)
    await ten_arrive(team)
    await place_paid_order(team.dependencies, team.city, 3, (0,))
    await team.approve(row)
    assert await team.on_hand(0) == 48 + 10 - 3
    problem = await refusal_of(team.run(stock_counts.approve, team.manager, count_id=row.id))
    assert isinstance(problem, InvalidTransition)
