"""Manual adjustments, and a random test that no unit is created or lost."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.events import Event
from models.identity import Actor, Grant, Role
from models.operations import AuditEntry
from models.orders import OrderCancelReason, OrderStatus
from models.stock import HoldStatus, StockLevel, StockMovement, StockMovementReason
from services.checkout import cancellation
from services.core.problems import DomainError, InvalidInput, NotFound, VersionConflict
from services.events.event_log import inventory_stream
from services.orders import order_locks
from services.stock import adjustments, movements, reservations, stock_queries
from services.stock.adjustments import BelowHeld, StockAdjustment
from services.stock.audit.stock_audit import StockDifference
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    create_picker,
    fulfillments_of,
    unexplained_stock,
    write_as,
)
from tests.support.store_staff import make_overdue
from workflows.checkout import place_order

ADJUSTMENT = StockMovementReason.ADJUSTMENT


async def adjust(
    database: Database,
    actor: Actor,
    city: City,
    adjustment: StockAdjustment,
    reason: StockMovementReason = ADJUSTMENT,
    product_id: UUID | None = None,
) -> StockMovement:
    product_id = product_id or city.products[0].id
    async with write_as(database, actor, city.company.id) as session:
        return await adjustments.adjust(
            session, actor=actor, store_id=city.near.id, product_id=product_id,
            adjustment=adjustment, reason=reason, note="shelf 3",
        )  # fmt: skip


async def refusal_of(*args: Any, **options: Any) -> Any:
    """The problem with which an adjustment is refused."""
    with pytest.raises(DomainError) as caught:
        await adjust(*args, **options)
    (problem,) = caught.value.problems
    return problem


async def stock_row(database: Database, city: City) -> StockLevel:
    async with database.read(PLATFORM) as session:
        return await session.get_one(StockLevel, (city.near.id, city.products[0].id))


async def test_an_adjustment_changes_stock_ledger_and_stream(
    database: Database, city: City
) -> None:
    staff = await create_picker(database, city.near)
    entry = await adjust(
        database, staff, city, StockAdjustment(delta=-3), StockMovementReason.DAMAGE
    )
    assert (entry.on_hand_delta, entry.actor_id, entry.reference) == (
        -3,
        staff.person_id,
        "shelf 3",
    )
    row = await stock_row(database, city)
    assert (row.on_hand, row.version) == (47, 2)
    second = await adjust(database, staff, city, StockAdjustment(on_hand=60, expected_version=2))
    assert second.on_hand_delta == 13
    third = await adjust(database, staff, city, StockAdjustment(on_hand=0, compare_quantity=60))
    assert third.on_hand_delta == -60
    async with database.read(PLATFORM) as session:
        stream = inventory_stream(city.near.id)
        rows = select(Event.type, Event.body).where(Event.stream == stream).order_by(Event.seq)
        events = [(kind, body["changes"][0]) for kind, body in await session.execute(rows)]
        audited = select(AuditEntry).where(AuditEntry.actor_id == staff.person_id)
        assert len((await session.scalars(audited)).all()) == 3
    assert [kind for kind, _ in events] == ["STOCK_CHANGED"] * 3
    assert [(change["on_hand"], change["held"], change["version"]) for _, change in events] == [
        (47, 0, 2),
        (60, 0, 3),
        (0, 0, 4),
    ]
    assert await unexplained_stock(database, city) == []


async def test_an_adjustment_of_changed_stock_is_refused(database: Database, city: City) -> None:
    staff = await create_picker(database, city.near)
    for adjustment in (
        StockAdjustment(delta=1, expected_version=7),
        StockAdjustment(on_hand=9, expected_version=7),
        StockAdjustment(on_hand=9, compare_quantity=49),
    ):
        problem = await refusal_of(database, staff, city, adjustment)
        assert isinstance(problem, VersionConflict)
        assert problem.current_version == 1
    same = StockAdjustment(on_hand=9, compare_quantity=50)
    results = await asyncio.gather(
        *(adjust(database, staff, city, same) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, StockMovement) for each in results) == 1
    assert sum(isinstance(each, DomainError) for each in results) == 4


async def test_reserved_units_cannot_be_removed(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    staff = await create_picker(database, city.near)
    reserve, quantities = dependencies.reservation_queue.reserve, {city.products[0].id: 5}
    await reserve(city.company.id, city.near.id, uuid7(), quantities, 60)
    problem = await refusal_of(database, staff, city, StockAdjustment(delta=-46))
    assert isinstance(problem, BelowHeld)
    assert problem.reserved == 5
    await adjust(database, staff, city, StockAdjustment(delta=-45))
    assert await unexplained_stock(database, city) == []


@pytest.mark.parametrize(
    ("adjustment", "reason"),
    [
        (StockAdjustment(), ADJUSTMENT),
        (StockAdjustment(delta=0), ADJUSTMENT),
        (StockAdjustment(delta=1, on_hand=2, expected_version=1), ADJUSTMENT),
        (StockAdjustment(on_hand=2), ADJUSTMENT),
        (StockAdjustment(on_hand=50, compare_quantity=50), ADJUSTMENT),
        (StockAdjustment(on_hand=-1, expected_version=1), ADJUSTMENT),
        (StockAdjustment(delta=2**31 - 1), ADJUSTMENT),
        (StockAdjustment(delta=1), StockMovementReason.SALE),
        (StockAdjustment(delta=1), StockMovementReason.OPENING_BALANCE),
        (StockAdjustment(delta=1), StockMovementReason.DAMAGE),
        (StockAdjustment(delta=-1), StockMovementReason.RECEIPT),
    ],
)
async def test_an_invalid_adjustment_is_refused(
    database: Database, city: City, adjustment: StockAdjustment, reason: StockMovementReason
) -> None:
    staff = await create_picker(database, city.near)
    problem = await refusal_of(database, staff, city, adjustment, reason)
    assert isinstance(problem, InvalidInput)
    assert (await stock_row(database, city)).version == 1


async def test_a_store_is_not_found_for_people_of_other_stores(
    database: Database, city: City
) -> None:
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    for stranger in (
        admin,
        await create_picker(database, city.next),
        *await create_people(database),
    ):
        assert isinstance(
            await refusal_of(database, stranger, city, StockAdjustment(delta=1)), NotFound
        )
        async with database.read(stranger.scope()) as session:
            with pytest.raises(DomainError):
                await stock_queries.list_of_store(
                    session, actor=stranger, store_id=city.near.id, first=1, cursor=None
                )
    staff = await create_picker(database, city.near)
    foreign = city.second.products[0].id
    problem = await refusal_of(database, staff, city, StockAdjustment(delta=1), product_id=foreign)
    assert isinstance(problem, NotFound)


async def test_stock_is_read_in_pages_and_searched(database: Database, city: City) -> None:
    staff = await create_picker(database, city.near)
    await adjust(database, staff, city, StockAdjustment(delta=-48))

    async def product_ids(**arguments: Any) -> list[UUID]:
        async with database.read(staff.scope()) as session:
            page = await stock_queries.list_of_store(
                session, actor=staff, store_id=city.near.id, cursor=None, **arguments
            )
        return [row.product_id for row in page.nodes]

    everything = await product_ids(first=100)
    assert everything == sorted(product.id for product in city.products)
    milk = city.products[0].id
    assert await product_ids(first=5, max_available=2) == [milk]
    assert await product_ids(first=5, search="milk") == [milk]
    assert await product_ids(first=5, search="5600000000001") == [milk]
    assert await product_ids(first=5, search="%") == []


class RandomWork:
    """Random concurrent steps with the stock of a few products."""

    def __init__(
        self, dependencies: OrderDependencies, city: City, staff: Actor, seed: int
    ) -> None:
        self.dependencies, self.city, self.staff = dependencies, city, staff
        self.random = random.Random(seed)
        self.placed: list[Any] = []
        self.released: set[str] = set()

    async def place(self) -> None:
        (customer,) = await create_people(self.dependencies.database)
        request = order_request(
            self.city, self.random.randint(1, 3), tuple(self.random.sample(range(3, 8), 3))
        )
        result = await place_order.place(
            self.dependencies, actor=customer, origin=ORIGIN, order_request=request
        )
        self.placed.append(result.order)

    async def pay(self) -> None:
        if self.placed:
            await authorize(self.dependencies.database, self.random.choice(self.placed))

    async def release(self) -> None:
        """An unpaid order loses its reservations, which no service does to it."""
        if self.placed:
            async with self.dependencies.database.write(PLATFORM, ORIGIN) as session:
                order = await order_locks.lock(session, self.random.choice(self.placed).id)
                if order.status is OrderStatus.PLACED:
                    await reservations.release(session, [order.id], HoldStatus.RELEASED)
                    self.released.add(str(order.id))

    async def cancel(self) -> None:
        if self.placed:
            order = self.random.choice(self.placed)
            async with self.dependencies.database.write(PLATFORM, ORIGIN) as session:
                actor, reason = Actor(order.customer_id), OrderCancelReason.CHANGED_MIND
                await cancellation.cancel_order(
                    session, actor=actor, order_id=order.id, reason=reason
                )

    async def reroute(self) -> None:
        if self.placed:
            order = self.random.choice(self.placed)
            for task in await fulfillments_of(self.dependencies.database, order):
                await make_overdue(self.dependencies.database, task)
            await jobs.time_out_acceptances(self.dependencies.database)

    async def adjust(self) -> None:
        product = self.city.products[self.random.randrange(3, 8)].id
        adjustment = StockAdjustment(delta=self.random.choice((-4, -1, 2, 5)))
        await adjust(
            self.dependencies.database, self.staff, self.city, adjustment, product_id=product
        )

    async def deduct(self) -> None:
        lines = {self.city.products[index].id: 2 for index in self.random.sample(range(3, 8), 2)}
        async with self.dependencies.database.write(PLATFORM, ORIGIN) as session:
            store = (self.city.next.id, self.city.company.id)
            await movements.deduct(session, *store, lines, StockMovementReason.DAMAGE, "day", None)

    async def unexplained(self) -> list[StockDifference]:
        """What the audit finds, besides the reservations that `release` took from orders."""
        return [
            each
            for each in await unexplained_stock(self.dependencies.database, self.city)
            if (each.counter, each.actual) != ("reserved", 0) or each.order_id not in self.released
        ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_unit_is_created_or_lost_by_concurrent_work(
    dependencies: OrderDependencies, seed: int
) -> None:
    city = await cities.build_city(dependencies.database, on_hand=15)
    work = RandomWork(
        dependencies, city, await create_picker(dependencies.database, city.near), seed
    )
    steps = [work.place, work.place, work.pay, work.pay, work.release, work.cancel]
    steps += [work.adjust, work.deduct, work.reroute, work.reroute]
    for _ in range(8):
        concurrent = [work.random.choice(steps)() for _ in range(8)]
        results = await asyncio.gather(*concurrent, return_exceptions=True)
        assert all(each is None or isinstance(each, DomainError) for each in results), results
        assert await work.unexplained() == []
    async with dependencies.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(StockLevel).where(StockLevel.store_id.in_([city.near.id, city.next.id]))
        )
        assert all(0 <= row.reserved <= row.on_hand for row in rows)
