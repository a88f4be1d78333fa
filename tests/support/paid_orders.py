"""Orders that are paid and stand in a store's queue, and the people who work on them there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import Intent, IntentState
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import Payment
from models.stores import Store
from services import checkout
from services.stock.stock_audit import Difference, conservation
from tests.support.city import City
from tests.support.customers import ORIGIN, people, wish
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import Combiner


@dataclass(frozen=True)
class Doors:
    """What placing an order needs."""

    database: Database
    combiner: Combiner


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Doors]:
    combiner = Combiner(database)
    combiner.start()
    try:
        yield Doors(database, combiner)
    finally:
        await combiner.close()


async def paid(
    doors: Doors, city: City, quantity: int = 2, products: tuple[int, ...] = (0, 1, 2)
) -> Order:
    """A new customer's order, placed, authorized and queued at the nearest store."""
    (customer,) = await people(doors.database)
    asked = wish(city, quantity, products)
    made = await place_order.place(doors, actor=customer, origin=ORIGIN, wish=asked)
    await authorize(doors.database, made.order)
    return await fresh(doors.database, made.order)


async def authorize(database: Database, order: Order) -> None:
    """Let the provider say that the whole sum is held."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await payment_of(session, order)
        intent = Intent(
            id=f"pi_{payment.id.hex}",
            state=IntentState.AUTHORIZED,
            amount_minor=payment.amount_minor,
            capturable_minor=payment.amount_minor,
            captured_minor=0,
            refunded_minor=None,
            currency=payment.currency,
            client_secret=None,
            failure_code=None,
            failure_message=None,
            next_action_url=None,
            payment_id=payment.id,
        )
        assert await checkout.converge(session, intent) is not None


async def payment_of(session: AsyncSession, order: Order) -> Payment:
    return (await session.scalars(select(Payment).where(Payment.order_id == order.id))).one()


async def fresh(database: Database, order: Order) -> Order:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Order, order.id)


async def tasks(database: Database, order: Order) -> list[Fulfillment]:
    """The fulfillments of an order, the first one first."""
    async with database.read(PLATFORM) as session:
        rows = select(Fulfillment).where(Fulfillment.order_id == order.id)
        return list(await session.scalars(rows.order_by(Fulfillment.attempt)))


async def lines(database: Database, task: Fulfillment) -> list[FulfillmentLine]:
    async with database.read(PLATFORM) as session:
        rows = select(FulfillmentLine).where(FulfillmentLine.fulfillment_id == task.id)
        return list(await session.scalars(rows.order_by(FulfillmentLine.position)))


async def picker(database: Database, store: Store) -> Actor:
    """A new member of the store's staff."""
    grant = Grant(Role.STORE_STAFF, store.company_id, store.id)
    return (await people(database, 1, grant))[0]


@asynccontextmanager
async def working(
    database: Database, actor: Actor, company_id: UUID
) -> AsyncIterator[AsyncSession]:
    """A unit of work of one person inside one company, as the resolvers open it."""
    origin = Origin("test", actor.person_id)
    async with database.write(actor.scope().with_company(company_id), origin) as session:
        yield session


async def unexplained(database: Database, city: City) -> list[Difference]:
    """Units that the books of the city's stores don't explain."""
    stores = {store.id for store in (*city.first.stores, *city.second.stores)}
    async with database.read(PLATFORM) as session:
        return [one for one in await conservation(session) if one.store_id in stores]
