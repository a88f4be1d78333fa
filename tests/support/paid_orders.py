"""Paid orders in the queue of a store, and the people who work on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import IntentState
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import Payment, PaymentStatus
from models.stores import Store
from seed.payment_reports import payment_report
from services.checkout import payment_outcomes
from services.stock.audit.stock_audit import StockDifference, find_differences
from tests.support.city import City
from tests.support.customers import NO_LIMITS, ORIGIN, create_people, order_request
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import ReservationBatcher


@dataclass(frozen=True)
class OrderDependencies:
    """What placing an order needs from the process."""

    database: Database
    reservation_queue: ReservationBatcher


@asynccontextmanager
async def order_dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    """Run a reservation queue until the block ends."""
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    try:
        yield OrderDependencies(database, reservation_queue)
    finally:
        await reservation_queue.close()


async def place_paid_order(
    dependencies: OrderDependencies,
    city: City,
    quantity: int = 2,
    products: tuple[int, ...] = (0, 1, 2),
    customer: Actor | None = None,
) -> Order:
    """A (new) customer's order, placed, authorized and queued at the nearest store."""
    customer = customer or (await create_people(dependencies.database))[0]
    request = order_request(city, quantity, products, age_confirmed=True)
    result = await place_order.place(
        dependencies, actor=customer, origin=ORIGIN, order_request=request, limits=NO_LIMITS
    )
    await authorize(dependencies.database, result.order)
    return await reload_order(dependencies.database, result.order)


async def authorize(database: Database, order: Order) -> None:
    """Report from the provider that the whole amount is authorized."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await payment_of(session, order)
        intent = payment_report(payment, IntentState.AUTHORIZED)
        assert await payment_outcomes.apply_payment_state(session, intent) is not None


async def payment_of(session: AsyncSession, order: Order) -> Payment:
    statement = select(Payment).where(Payment.order_id == order.id, Payment.is_current)
    return (await session.scalars(statement)).one()


async def reload_order(database: Database, order: Order) -> Order:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Order, order.id)


async def fulfillments_of(database: Database, order: Order) -> list[Fulfillment]:
    """The fulfillments of an order, the first one first."""
    async with database.read(PLATFORM) as session:
        statement = select(Fulfillment).where(Fulfillment.order_id == order.id)
        return list(await session.scalars(statement.order_by(Fulfillment.attempt_number)))


async def lines_of(database: Database, fulfillment: Fulfillment) -> list[FulfillmentLine]:
    async with database.read(PLATFORM) as session:
        statement = select(FulfillmentLine).where(FulfillmentLine.fulfillment_id == fulfillment.id)
        return list(await session.scalars(statement.order_by(FulfillmentLine.position)))


async def create_picker(database: Database, store: Store) -> Actor:
    """A new member of a store's staff."""
    grant = Grant(Role.STORE_STAFF, store.company_id, store.id)
    return (await create_people(database, 1, grant))[0]


@asynccontextmanager
async def write_as(
    database: Database, actor: Actor, company_id: UUID
) -> AsyncIterator[AsyncSession]:
    """A write transaction of one person in the scope of one company, as resolvers open it."""
    origin = AuditContext("test", actor.person_id)
    async with database.write(actor.scope().with_company(company_id), origin) as session:
        yield session


async def unexplained_stock(database: Database, city: City) -> list[StockDifference]:
    """Units in the city's stores that the stock movements do not explain."""
    store_ids = {store.id for store in (*city.first.stores, *city.second.stores)}
    async with database.read(PLATFORM) as session:
        return [
            difference
            for difference in await find_differences(session)
            if difference.store_id in store_ids
        ]


async def capture_payment(database: Database, order: Order) -> None:
    """Store the capture that the order requests, as if the provider had answered."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await session.scalar(select(Payment).where(Payment.order_id == order.id))
        assert payment is not None
        assert payment.capture_wanted_minor is not None
        payment.captured_amount_minor = payment.capture_wanted_minor
        payment.capture_wanted_minor, payment.status = None, PaymentStatus.CAPTURED
