"""Substitutes: decided by the customer or the clock, never dearer than what is missing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs.fulfillment import substitutions as substitution_jobs
from models.carts import Substitution
from models.fulfillment import Fulfillment, FulfillmentStatus, Substitute, SubstituteStatus
from models.identity import Actor
from models.orders import Order, OrderLine
from services.carts.basket_problems import InsufficientStock
from services.core.problems import IllegalStep, InvalidInput, NotFound, Refused
from services.events.event_log import order_stream
from services.fulfillment import fulfillments, picking, substitutions
from services.fulfillment.picking import Pick
from services.fulfillment.substitutions import Proposal, SubstituteUnwanted
from services.operations import documents
from services.stock.receiving import Received
from tests.services.stock.test_batches import batches_of, day, receive
from tests.services.stock.test_picked_batches import got
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import (
    Doors,
    fresh,
    lines,
    opened,
    paid,
    payment_of,
    unexplained,
    working,
)
from tests.support.store_staff import accepted, on_hand, refused, step, told


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def short(
    doors: Doors, city: City, wish: Substitution
) -> tuple[Order, Fulfillment, Actor, Any]:
    """An order of two of a product, of which the picker finds one."""
    order = await paid(doors, city, 2, (3,))
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        mine = OrderLine.order_id == order.id
        await session.execute(update(OrderLine).where(mine).values(substitution=wish))
    task, staff = await accepted(doors, city, order)
    (line,) = await lines(doors.database, task)
    await step(doors.database, staff, task, picking.pick_line, pick=Pick(1, line.id))
    return order, task, staff, line


async def proposed(doors: Doors, task: Fulfillment, staff: Actor, line: Any, code: str) -> Any:
    asked = Proposal(line.id, code, 1)
    done = await step(doors.database, staff, task, substitutions.propose, proposal=asked)
    assert done.status is FulfillmentStatus.AWAITING_SUBSTITUTION
    return await newest(doors.database, task)


async def newest(database: Database, task: Fulfillment) -> Substitute:
    async with database.read(PLATFORM) as session:
        rows = select(Substitute).where(Substitute.fulfillment_id == task.id)
        return (await session.scalars(rows.order_by(Substitute.id.desc()).limit(1))).one()


async def answered(doors: Doors, order: Order, row: Substitute, accept: bool) -> Substitute:
    customer = Actor(person_id=order.customer_id)
    async with working(doors.database, customer, order.company_id) as session:
        return await substitutions.answer(
            session, actor=customer, substitute_id=row.id, accept=accept
        )


@pytest.mark.parametrize(("code", "price"), [("P002", 299), ("P009", 499)])
async def test_what_is_taken_is_charged_but_never_more_than_the_missing(
    code: str, price: int, doors: Doors, city: City
) -> None:
    database = doors.database
    order, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    row = await proposed(doors, task, staff, line, code)
    reason = await refused(database, staff, task, picking.pack, bags=1)
    assert isinstance(reason, IllegalStep)
    done = await answered(doors, order, row, accept=True)
    assert (done.status, done.total_minor) == (SubstituteStatus.ACCEPTED, price)
    with pytest.raises(Refused) as caught:
        await answered(doors, order, row, accept=False)
    assert isinstance(caught.value.reasons[0], IllegalStep)
    await step(database, staff, task, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    fees = order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor
    assert payment.capture_wanted_minor == 499 + price + fees
    assert payment.capture_wanted_minor <= order.total_minor
    assert await unexplained(database, city) == []
    async with database.read(PLATFORM) as session:
        slip = await documents.slip(session, actor=staff, fulfillment_id=task.id)
    assert [(one.code, one.quantity, one.packed) for one in slip.lines] == [
        (city.products[3].code, 2, "1"), (code, 0, "1"),
    ]  # fmt: skip
    seen = await told(database, order_stream(order.id))
    assert seen.index("SUBSTITUTE_PROPOSED") < seen.index("SUBSTITUTE_ACCEPTED")


async def test_what_is_declined_goes_back_and_is_not_charged(doors: Doors, city: City) -> None:
    order, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    row = await proposed(doors, task, staff, line, "P002")
    assert await on_hand(doors.database, city.near, city, 1) == 49
    await answered(doors, order, row, accept=False)
    assert await on_hand(doors.database, city.near, city, 1) == 50
    await step(doors.database, staff, task, picking.pack, bags=1)
    async with doors.database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    fees = order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor
    assert payment.capture_wanted_minor == 499 + fees
    assert await unexplained(doors.database, city) == []


@pytest.mark.parametrize(
    ("wish", "ends"),
    [
        (Substitution.REPLACE_SIMILAR, SubstituteStatus.ACCEPTED),
        (Substitution.ASK_ME, SubstituteStatus.DECLINED),
    ],
)
async def test_without_an_answer_the_wish_on_the_line_decides(
    wish: Substitution, ends: SubstituteStatus, doors: Doors, city: City
) -> None:
    _, task, staff, line = await short(doors, city, wish)
    row = await proposed(doors, task, staff, line, "P002")
    await substitution_jobs.time_out(doors.database)
    assert (await newest(doors.database, task)).status is SubstituteStatus.PROPOSED
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        late = func.now() - timedelta(seconds=1)
        mine = Substitute.id == row.id
        await session.execute(update(Substitute).where(mine).values(due_at=late))
    assert await substitution_jobs.time_out(doors.database) >= 1
    assert (await newest(doors.database, task)).status is ends
    assert await unexplained(doors.database, city) == []


async def test_a_canceled_order_gives_its_substitutes_back(doors: Doors, city: City) -> None:
    order, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    await proposed(doors, task, staff, line, "P002")
    async with working(doors.database, staff, order.company_id) as session:
        await fulfillments.cancel_for(session, await session.get_one(Order, order.id))
    assert await on_hand(doors.database, city.near, city, 1) == 50
    assert (await newest(doors.database, task)).status is SubstituteStatus.RETURNED
    assert await unexplained(doors.database, city) == []


async def test_what_cannot_be_proposed_is_refused(doors: Doors, city: City) -> None:
    database = doors.database
    _, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    cases: list[tuple[Proposal, type]] = [
        (Proposal(line.id, "P002", 2), InvalidInput),
        (Proposal(line.id, "P002", 0), InvalidInput),
        (Proposal(line.id, "P004", 1), InvalidInput),
        (Proposal(line.id, "nope", 1), NotFound),
        (Proposal(task.id, "P002", 1), NotFound),
    ]
    for asked, kind in cases:
        reason = await refused(database, staff, task, substitutions.propose, proposal=asked)
        assert isinstance(reason, kind), asked
    await step(database, staff, task, picking.pick_line, pick=Pick(2, line.id))
    asked = Proposal(line.id, "P002", 1)
    reason = await refused(database, staff, task, substitutions.propose, proposal=asked)
    assert isinstance(reason, IllegalStep)
    _, task, staff, line = await short(doors, city, Substitution.REFUND)
    asked = Proposal(line.id, "P002", 1)
    reason = await refused(database, staff, task, substitutions.propose, proposal=asked)
    assert isinstance(reason, SubstituteUnwanted)
    assert not isinstance(reason, InsufficientStock)


async def test_nobody_answers_for_the_customer(doors: Doors, city: City) -> None:
    order, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    row = await proposed(doors, task, staff, line, "P002")
    for other in [staff, *(await people(doors.database))]:
        async with doors.database.write(PLATFORM, ORIGIN) as session:
            with pytest.raises(Refused) as caught:
                await substitutions.answer(session, actor=other, substitute_id=row.id, accept=True)
        assert isinstance(caught.value.reasons[0], NotFound)
    assert (await fresh(doors.database, order)).id == order.id


@pytest.mark.parametrize("accept", [True, False])
async def test_the_batches_of_a_substitute_are_known(
    accept: bool, doors: Doors, city: City
) -> None:
    database, other = doors.database, city.products[1].id
    await receive(database, city.near, Received(other, 3, "late", day(8)))
    order, task, staff, line = await short(doors, city, Substitution.ASK_ME)
    row = await proposed(doors, task, staff, line, "P002")
    assert await got(database, order) == {"late": 1}
    await answered(doors, order, row, accept)
    assert await got(database, order) == ({"late": 1} if accept else {})
    assert (await batches_of(database, city.near, other))["late"][0] == 3 - accept
    if accept:
        async with working(database, staff, order.company_id) as session:
            await fulfillments.cancel_for(session, await session.get_one(Order, order.id))
        assert await got(database, order) == {}
        assert (await batches_of(database, city.near, other))["late"][0] == 3
    assert await unexplained(database, city) == []
