"""What is read before an order is placed: where it goes, what is wanted, and who could bring it."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.sessions import Database
from database.statements import kept
from models.geo_point import Point
from models.identity import Actor
from models.orders import Order, OrderStatus
from services.carts import baskets
from services.carts.baskets import Door, Wish
from services.core.problems import RateLimited, Refused, not_found
from services.stores.coverage import Coverage, coverage

UNPAID_ORDERS = 20
UNPAID_RETRY_SECONDS = 60
UNPAID = kept(
    select(func.count()).where(
        Order.customer_id == bindparam("customer"), Order.status == OrderStatus.PLACED
    )
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Where an order is to go, what the customer's carts hold, and who could bring it."""

    door: Door
    cart: baskets.Carts
    covered: Coverage


async def seen_of(database: Database, actor: Actor, wish: Wish) -> Seen:
    """What decides where it could come from, read in as few trips as its parts allow.

    Refused: NotFound, InvalidInput, RateLimited when too many orders wait for their payment.
    """
    if (customer_id := actor.person_id) is None:
        raise not_found(Order)
    trips = database.trips(actor.scope())
    own = asyncio.gather(
        baskets.door(trips.session(), customer_id, wish),
        _cart(trips.session(), customer_id, wish),
        _few_unpaid(trips.session(), customer_id),
    )
    if wish.point is None:
        door, cart, _ = await own
        return Seen(door, cart, await _covered(database, wish, door.point))
    (door, cart, _), covered = await asyncio.gather(own, _covered(database, wish, wish.point))
    return Seen(door, cart, covered)


async def _cart(session: AsyncSession, customer_id: UUID, wish: Wish) -> baskets.Carts:
    return await baskets.carts(session, customer_id) if wish.lines is None else {}


async def _few_unpaid(session: AsyncSession, customer_id: UUID) -> None:
    unpaid = await session.scalar(UNPAID, {"customer": customer_id})
    if (unpaid or 0) >= UNPAID_ORDERS:
        raise Refused(_too_many())


async def _covered(database: Database, wish: Wish, point: Point) -> Coverage:
    async with database.public() as session:
        return await coverage(session, point, company_id=wish.company_id)


def _too_many() -> RateLimited:
    return RateLimited(
        message=f"You have {UNPAID_ORDERS} orders that wait for payment: pay or cancel one first.",
        retry_after_seconds=UNPAID_RETRY_SECONDS,
    )
