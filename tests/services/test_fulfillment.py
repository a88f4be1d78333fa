"""A store's work on an order, from the queue to the packed bag, and the ways it can go wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from jobs import fulfillment as jobs
from models import (
    PLATFORM,
    Actor,
    CancelReason,
    Event,
    Fulfillment,
    FulfillmentAction,
    FulfillmentLineStatus,
    FulfillmentStatus,
    Grant,
    Order,
    OrderLine,
    OrderStatus,
    RejectReason,
    Role,
    Stock,
    StockEntry,
    StockReason,
    Store,
    StoreStatus,
)
from models.database import Database
from services import checkout, pick_list, stock
from services import fulfillment as fulfillments
from services.event import order_stream, store_queue_stream
from services.fulfillment import Pick, WrongProduct
from services.refusal import IllegalStep, InvalidInput, NotFound, Refused, VersionConflict
from tests.city import City
from tests.services.customers import ORIGIN, people
from tests.services.paid import (
    Doors,
    fresh,
    lines,
    opened,
    paid,
    payment_of,
    picker,
    tasks,
    unexplained,
    working,
)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def step(
    database: Database, actor: Actor, task: Fulfillment, verb: Any, **more: Any
) -> Fulfillment:
    async with working(database, actor, task.company_id) as session:
        done: Fulfillment = await verb(session, actor=actor, fulfillment_id=task.id, **more)
    return done


async def refused(
    database: Database, actor: Actor, task: Fulfillment, verb: Any, **more: Any
) -> Any:
    with pytest.raises(Refused) as caught:
        await step(database, actor, task, verb, **more)
    (reason,) = caught.value.reasons
    return reason


async def overdue(database: Database, task: Fulfillment) -> None:
    """Let a task's time to accept be over."""
    async with database.write(PLATFORM, ORIGIN) as session:
        late = func.now() - timedelta(seconds=1)
        await session.execute(
            update(Fulfillment).where(Fulfillment.id == task.id).values(due_at=late)
        )


async def told(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))


async def on_hand(database: Database, store: Any, city: City, index: int) -> int:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Stock, (store.id, city.products[index].id))
        return row.on_hand


async def test_what_is_short_is_not_charged(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    assert (task.status, task.store_id) == (FulfillmentStatus.QUEUED, city.near.id)
    await step(database, staff, task, fulfillments.accept)
    _, second, third = await lines(database, task)
    barcode = city.products[0].barcode
    await step(database, staff, task, fulfillments.pick_line, pick=Pick(2, code=barcode))
    await step(database, staff, task, fulfillments.pick_line, pick=Pick(1, second.id))
    reason = await refused(database, staff, task, fulfillments.pack, bags=1)
    assert isinstance(reason, IllegalStep)
    assert reason.legal == [FulfillmentAction.PICK_LINE]
    await step(database, staff, task, fulfillments.pick_line, pick=Pick(0, third.id))
    done = await step(database, staff, task, fulfillments.pack, bags=2)
    assert (done.status, done.bags) == (FulfillmentStatus.PACKED, 2)
    found, some, none = await lines(database, task)
    assert found.status is FulfillmentLineStatus.FOUND
    assert (some.status, some.missing_quantity) == (FulfillmentLineStatus.SHORT, 1)
    assert (none.status, none.missing_quantity) == (FulfillmentLineStatus.SHORT, 2)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
        packed = await session.scalars(
            select(OrderLine.packed_quantity)
            .where(OrderLine.order_id == order.id)
            .order_by(OrderLine.position)
        )
        assert list(packed) == [2, 1, 0]
        short = await session.scalar(
            select(func.sum(StockEntry.delta)).where(
                StockEntry.store_id == city.near.id, StockEntry.reason == StockReason.SHORT
            )
        )
    goods = 2 * 199 + 1 * 299
    assert order.items_minor == 2 * (199 + 299 + 399)
    fees = order.delivery_fee_minor + order.small_order_fee_minor
    assert payment.capture_wanted_minor == goods + fees + order.tip_minor
    assert short == -3
    assert await on_hand(database, city.near, city, 2) == 48
    assert await unexplained(database, city) == []
    events = [
        "FULFILLMENT_QUEUED", "FULFILLMENT_ACCEPTED", "PICKING_STARTED", "LINE_PICKED",
        "LINE_SHORT", "LINE_SHORT", "FULFILLMENT_PACKED",
    ]  # fmt: skip
    seen = [one for one in await told(database, store_queue_stream(city.near.id)) if one in events]
    assert seen == events


async def test_a_full_bag_is_worth_the_total(doors: Doors, city: City) -> None:
    order = await paid(doors, city, 2, (3,))
    task, staff = await accepted(doors, city, order)
    await step(doors.database, staff, task, fulfillments.pick_line, pick=Pick(2, code="P004"))
    await step(doors.database, staff, task, fulfillments.pack, bags=1)
    await step(doors.database, staff, task, fulfillments.stage)
    async with doors.database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).capture_wanted_minor == order.total_minor


def test_a_discount_shrinks_with_the_goods_in_the_customers_favor() -> None:
    order = Order(
        items_minor=1000, discount_minor=100, delivery_fee_minor=50, small_order_fee_minor=0,
        tip_minor=20, total_minor=970,
    )  # fmt: skip
    whole = [OrderLine(packed_quantity=10, unit_price_minor=100)]
    third = [OrderLine(packed_quantity=3, unit_price_minor=111)]
    assert fulfillments.worth(order, whole) == order.total_minor
    assert fulfillments.worth(order, third) == 333 - 34 + 50 + 20


async def accepted(doors: Doors, city: City, order: Order) -> tuple[Fulfillment, Actor]:
    (task,) = await tasks(doors.database, order)
    staff = await picker(doors.database, city.near)
    return await step(doors.database, staff, task, fulfillments.accept), staff


async def test_an_empty_bag_cancels_the_order_and_lets_the_money_go(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city, 3, (4,))
    task, staff = await accepted(doors, city, order)
    await step(database, staff, task, fulfillments.pick_line, pick=Pick(0, code="P005"))
    done = await step(database, staff, task, fulfillments.pack, bags=1)
    assert done.status is FulfillmentStatus.CANCELED
    order = await fresh(database, order)
    canceled = (OrderStatus.CANCELED, CancelReason.OUT_OF_STOCK)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.void_wanted
    assert payment.capture_wanted_minor is None
    assert await unexplained(database, city) == []


async def test_silence_sends_the_order_to_the_second_store(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    assert await jobs.time_out(database) == 0
    await overdue(database, task)
    assert sum(await asyncio.gather(*(jobs.time_out(database) for _ in range(3)))) == 1
    first, second = await tasks(database, order)
    assert (first.status, first.due_at) == (FulfillmentStatus.TIMED_OUT, None)
    assert (second.status, second.attempt) == (FulfillmentStatus.QUEUED, 2)
    assert second.store_id == city.next.id
    moved = await fresh(database, order)
    assert (moved.store_id, moved.status) == (city.next.id, OrderStatus.CONFIRMED)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 48
    assert await unexplained(database, city) == []
    assert len(await lines(database, second)) == 3
    events = await told(database, order_stream(order.id))
    assert events[-2:] == ["FULFILLMENT_TIMED_OUT", "FULFILLMENT_QUEUED"]


async def test_without_a_second_store_a_rejected_order_is_canceled(
    doors: Doors, city: City
) -> None:
    database = doors.database
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Store, city.next.id)).status = StoreStatus.PAUSED
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    why = RejectReason.TOO_BUSY
    done = await step(database, staff, task, fulfillments.reject, reason=why)
    assert (done.status, done.reject_reason) == (FulfillmentStatus.REJECTED, why)
    order = await fresh(database, order)
    canceled = (OrderStatus.CANCELED, CancelReason.NO_STORE)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).void_wanted
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained(database, city) == []


async def test_a_store_that_lacks_a_line_is_not_the_second_store(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        broken = {city.products[1].id: 49}
        place = (city.next.id, city.company.id)
        assert not await stock.take(session, *place, broken, StockReason.DAMAGE, "", None)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    why = RejectReason.CLOSING
    await step(database, staff, task, fulfillments.reject, reason=why)
    assert (await fresh(database, order)).cancel_reason is CancelReason.NO_STORE
    assert await unexplained(database, city) == []


async def test_of_two_pickers_one_accepts(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = [await picker(database, city.near) for _ in range(4)]
    answers = await asyncio.gather(
        *(step(database, one, task, fulfillments.accept) for one in staff), return_exceptions=True
    )
    won = [one for one in answers if isinstance(one, Fulfillment)]
    lost = [one for one in answers if isinstance(one, Refused)]
    assert (len(won), len(lost)) == (1, 3), answers
    for one in lost:
        (reason,) = one.reasons
        assert isinstance(reason, IllegalStep)
        assert (reason.state, reason.legal) == ("ACCEPTED", ["PICK_LINE"])
    seen = await refused(
        database, staff[0], task, fulfillments.accept, expected_version=task.version
    )
    assert isinstance(seen, VersionConflict)
    assert seen.current == task.version + 1


async def test_strangers_are_told_that_there_is_no_such_task(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    others = [await picker(database, city.next), await picker(database, city.second.stores[0])]
    for stranger in (*others, admin, Actor(order.customer_id)):
        assert fulfillments.available_actions(task, [], stranger) == []
        reason = await refused(database, stranger, task, fulfillments.accept)
        assert isinstance(reason, NotFound)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(Refused):
                await fulfillments.visible(session, actor=stranger, fulfillment_id=task.id)
            with pytest.raises(Refused):
                await fulfillments.queue(
                    session, actor=stranger, store_id=city.near.id, first=1, cursor=None
                )


async def test_a_wrong_barcode_says_what_to_look_for(doors: Doors, city: City) -> None:
    database = doors.database
    task, staff = await accepted(doors, city, await paid(doors, city))
    first, *_ = await lines(database, task)
    for pick in (Pick(2, first.id, "P002"), Pick(2, code="P009")):
        reason = await refused(database, staff, task, fulfillments.pick_line, pick=pick)
        assert isinstance(reason, WrongProduct)
        assert reason.expected == city.products[0].barcode
    for pick in (Pick(3, first.id), Pick(-1, first.id), Pick(1), Pick(1, code="a\0b")):
        reason = await refused(database, staff, task, fulfillments.pick_line, pick=pick)
        assert isinstance(reason, InvalidInput)
    for bags in (0, 21):
        for code in ("P001", "P002", "P003"):
            await step(database, staff, task, fulfillments.pick_line, pick=Pick(2, code=code))
        reason = await refused(database, staff, task, fulfillments.pack, bags=bags)
        assert isinstance(reason, InvalidInput)


async def test_canceling_puts_back_what_was_found_and_writes_off_the_rest(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    await step(database, staff, task, fulfillments.pick_line, pick=Pick(0, code="P001"))
    async with database.write(PLATFORM, ORIGIN) as session:
        actor = Actor(order.customer_id)
        why = CancelReason.CHANGED_MIND
        await checkout.cancel_order(session, actor=actor, order_id=order.id, reason=why)
    assert (await tasks(database, order))[0].status is FulfillmentStatus.CANCELED
    assert await on_hand(database, city.near, city, 0) == 48
    assert await on_hand(database, city.near, city, 1) == 50
    assert await unexplained(database, city) == []


async def test_the_queue_is_read_page_by_page(doors: Doors, city: City) -> None:
    for _ in range(3):
        await paid(doors, city, 1, (5,))
    staff = await picker(doors.database, city.near)
    seen, cursor = [], None
    async with doors.database.read(staff.scope()) as session:
        while True:
            page = await fulfillments.queue(
                session, actor=staff, store_id=city.near.id, first=2, cursor=cursor
            )
            seen += [row.id for row in page.nodes]
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                break
    assert len(seen) == 3
    assert seen == sorted(seen)


def test_every_state_offers_exactly_the_steps_of_the_table() -> None:
    offered = {state: pick_list.legal(state, []) for state in FulfillmentStatus}
    for action, states in pick_list.STEPS.items():
        assert {state for state, steps in offered.items() if action in steps} == states
