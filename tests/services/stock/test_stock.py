"""Counting the shelf, and the proof that no unit is made or lost whatever happens at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from jobs.fulfillment import fulfillments
from models.events import Event
from models.identity import Actor, Grant, Role
from models.operations import AuditEntry
from models.orders import CancelReason, OrderStatus
from models.stock import HoldStatus, Stock, StockEntry, StockReason
from services import checkout
from services.core.problems import InvalidInput, NotFound, Refused, VersionConflict
from services.events.event_log import inventory_stream
from services.orders import orders
from services.stock import adjustments, movements, reservations
from services.stock.adjustments import BelowHeld, Count
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, people, wish
from tests.support.paid_orders import Doors, authorize, opened, picker, tasks, unexplained, working
from tests.support.store_staff import overdue
from workflows.checkout import place_order

ADJUSTMENT = StockReason.ADJUSTMENT


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def adjust(
    database: Database,
    actor: Actor,
    city: City,
    count: Count,
    reason: StockReason = ADJUSTMENT,
    product_id: UUID | None = None,
) -> StockEntry:
    product_id = product_id or city.products[0].id
    async with working(database, actor, city.company.id) as session:
        return await adjustments.adjust(
            session, actor=actor, store_id=city.near.id, product_id=product_id, count=count,
            reason=reason, note="shelf 3",
        )  # fmt: skip


async def reason_against(*args: Any, **more: Any) -> Any:
    with pytest.raises(Refused) as caught:
        await adjust(*args, **more)
    (reason,) = caught.value.reasons
    return reason


async def shelf(database: Database, city: City) -> Stock:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Stock, (city.near.id, city.products[0].id))


async def test_a_count_changes_the_shelf_the_ledger_and_the_stream(
    database: Database, city: City
) -> None:
    staff = await picker(database, city.near)
    entry = await adjust(database, staff, city, Count(delta=-3), StockReason.DAMAGE)
    assert (entry.delta, entry.actor_id, entry.reference) == (-3, staff.person_id, "shelf 3")
    row = await shelf(database, city)
    assert (row.on_hand, row.version) == (47, 2)
    second = await adjust(database, staff, city, Count(on_hand=60, expected_version=2))
    assert second.delta == 13
    third = await adjust(database, staff, city, Count(on_hand=0, compare_on_hand=60))
    assert third.delta == -60
    async with database.read(PLATFORM) as session:
        stream = inventory_stream(city.near.id)
        rows = select(Event.type, Event.body).where(Event.stream == stream).order_by(Event.seq)
        seen = [(kind, body["changes"][0]) for kind, body in await session.execute(rows)]
        audited = select(AuditEntry).where(AuditEntry.actor_id == staff.person_id)
        assert len((await session.scalars(audited)).all()) == 3
    assert [kind for kind, _ in seen] == ["STOCK_CHANGED"] * 3
    assert [(one["on_hand"], one["held"], one["version"]) for _, one in seen] == [
        (47, 0, 2),
        (60, 0, 3),
        (0, 0, 4),
    ]
    assert await unexplained(database, city) == []


async def test_a_count_of_a_shelf_that_changed_since_is_refused(
    database: Database, city: City
) -> None:
    staff = await picker(database, city.near)
    for count in (
        Count(delta=1, expected_version=7),
        Count(on_hand=9, expected_version=7),
        Count(on_hand=9, compare_on_hand=49),
    ):
        reason = await reason_against(database, staff, city, count)
        assert isinstance(reason, VersionConflict)
        assert reason.current == 1
    same = Count(on_hand=9, compare_on_hand=50)
    answers = await asyncio.gather(
        *(adjust(database, staff, city, same) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, StockEntry) for one in answers) == 1
    assert sum(isinstance(one, Refused) for one in answers) == 4


async def test_units_that_are_promised_can_not_be_counted_away(doors: Doors, city: City) -> None:
    database = doors.database
    staff = await picker(database, city.near)
    wanted = {city.products[0].id: 5}
    await doors.combiner.hold(city.company.id, city.near.id, uuid7(), wanted, 60)
    reason = await reason_against(database, staff, city, Count(delta=-46))
    assert isinstance(reason, BelowHeld)
    assert reason.held == 5
    await adjust(database, staff, city, Count(delta=-45))
    assert await unexplained(database, city) == []


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (Count(), ADJUSTMENT),
        (Count(delta=0), ADJUSTMENT),
        (Count(delta=1, on_hand=2, expected_version=1), ADJUSTMENT),
        (Count(on_hand=2), ADJUSTMENT),
        (Count(on_hand=50, compare_on_hand=50), ADJUSTMENT),
        (Count(on_hand=-1, expected_version=1), ADJUSTMENT),
        (Count(delta=2**31 - 1), ADJUSTMENT),
        (Count(delta=1), StockReason.SALE),
        (Count(delta=1), StockReason.OPENING),
        (Count(delta=1), StockReason.DAMAGE),
        (Count(delta=-1), StockReason.RECEIPT),
    ],
)
async def test_a_count_that_is_never_right_is_refused(
    database: Database, city: City, count: Count, reason: StockReason
) -> None:
    staff = await picker(database, city.near)
    against = await reason_against(database, staff, city, count, reason)
    assert isinstance(against, InvalidInput)
    assert (await shelf(database, city)).version == 1


async def test_strangers_are_told_that_there_is_no_such_store(
    database: Database, city: City
) -> None:
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    for stranger in (admin, await picker(database, city.next), *await people(database)):
        assert isinstance(await reason_against(database, stranger, city, Count(delta=1)), NotFound)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(Refused):
                await adjustments.shelves(
                    session, actor=stranger, store_id=city.near.id, first=1, cursor=None
                )
    staff = await picker(database, city.near)
    foreign = city.second.products[0].id
    reason = await reason_against(database, staff, city, Count(delta=1), product_id=foreign)
    assert isinstance(reason, NotFound)


async def test_the_shelves_are_read_page_by_page_and_searched(
    database: Database, city: City
) -> None:
    staff = await picker(database, city.near)
    await adjust(database, staff, city, Count(delta=-48))

    async def names(**more: Any) -> list[UUID]:
        async with database.read(staff.scope()) as session:
            page = await adjustments.shelves(
                session, actor=staff, store_id=city.near.id, cursor=None, **more
            )
        return [row.product_id for row in page.nodes]

    everything = await names(first=100)
    assert everything == sorted(product.id for product in city.products)
    milk = city.products[0].id
    assert await names(first=5, at_most=2) == [milk]
    assert await names(first=5, search="milk") == [milk]
    assert await names(first=5, search="5600000000001") == [milk]
    assert await names(first=5, search="%") == []


class Day:
    """One random day of a small city: many people at once, on the same few shelves."""

    def __init__(self, doors: Doors, city: City, staff: Actor, seed: int) -> None:
        self.doors, self.city, self.staff = doors, city, staff
        self.dice = random.Random(seed)
        self.placed: list[Any] = []

    async def place(self) -> None:
        (customer,) = await people(self.doors.database)
        asked = wish(self.city, self.dice.randint(1, 3), tuple(self.dice.sample(range(3, 8), 3)))
        made = await place_order.place(self.doors, actor=customer, origin=ORIGIN, wish=asked)
        self.placed.append(made.order)

    async def claim(self) -> None:
        if self.placed:
            await authorize(self.doors.database, self.dice.choice(self.placed))

    async def release(self) -> None:
        if self.placed:
            async with self.doors.database.write(PLATFORM, ORIGIN) as session:
                order = await orders.lock(session, self.dice.choice(self.placed).id)
                if order.status is OrderStatus.PLACED:
                    await reservations.release(session, [order.id], HoldStatus.RELEASED)

    async def cancel(self) -> None:
        if self.placed:
            order = self.dice.choice(self.placed)
            async with self.doors.database.write(PLATFORM, ORIGIN) as session:
                who, why = Actor(order.customer_id), CancelReason.CHANGED_MIND
                await checkout.cancel_order(session, actor=who, order_id=order.id, reason=why)

    async def reroute(self) -> None:
        if self.placed:
            for task in await tasks(self.doors.database, self.dice.choice(self.placed)):
                await overdue(self.doors.database, task)
            await fulfillments.time_out(self.doors.database)

    async def count(self) -> None:
        product = self.city.products[self.dice.randrange(3, 8)].id
        count = Count(delta=self.dice.choice((-4, -1, 2, 5)))
        await adjust(self.doors.database, self.staff, self.city, count, product_id=product)

    async def take(self) -> None:
        lines = {self.city.products[index].id: 2 for index in self.dice.sample(range(3, 8), 2)}
        async with self.doors.database.write(PLATFORM, ORIGIN) as session:
            where = (self.city.next.id, self.city.company.id)
            await movements.take(session, *where, lines, StockReason.DAMAGE, "day", None)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_unit_is_made_or_lost_on_a_busy_day(doors: Doors, seed: int) -> None:
    city = await cities.build(doors.database, on_hand=15)
    day = Day(doors, city, await picker(doors.database, city.near), seed)
    verbs = [day.place, day.place, day.claim, day.claim, day.release, day.cancel]
    verbs += [day.count, day.take, day.reroute, day.reroute]
    for _ in range(8):
        hour = [day.dice.choice(verbs)() for _ in range(8)]
        answers = await asyncio.gather(*hour, return_exceptions=True)
        wrong = [one for one in answers if one is not None and not isinstance(one, Refused)]
        assert wrong == []
        assert await unexplained(doors.database, city) == []
    async with doors.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(Stock).where(Stock.store_id.in_([city.near.id, city.next.id]))
        )
        assert all(0 <= row.held <= row.on_hand for row in rows)
