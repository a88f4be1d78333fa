"""Batch reads of fulfillments, their lines and substitutes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import trusted_keys
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.orders import Order
from models.payments import Payment
from services.fulfillment.handover import HandoverState
from services.orders.payment_cover import IS_COVERED

FULFILLMENT = prepared(select(Fulfillment).where(matches_keys(Fulfillment.id)))
NEWEST = prepared(
    select(Fulfillment)
    .where(matches_keys(Fulfillment.order_id))
    .order_by(Fulfillment.order_id, Fulfillment.attempt_number.desc())
    .ext(distinct_on(Fulfillment.order_id))
)
LINES = prepared(
    select(FulfillmentLine)
    .where(matches_keys(FulfillmentLine.fulfillment_id))
    .order_by(FulfillmentLine.position)
)


async def fulfillment_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Fulfillment | None]:
    """Fulfillments by key."""
    return await one_per_key(session, FULFILLMENT, ids)


HANDOVER_STATES = prepared(
    select(Fulfillment.id, Fulfillment.status, IS_COVERED)
    .join(Order, Order.id == Fulfillment.order_id)
    .join(Payment, (Payment.order_id == Order.id) & Payment.is_current)
    .where(matches_keys(Fulfillment.id))
)


@trusted_keys
async def handover_by_fulfillment(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[HandoverState | None]:
    """What the handover of the bags of fulfillments depends on; riders see neither row."""
    rows = await session.execute(HANDOVER_STATES, {"keys": [*ids]})
    states = {key: HandoverState(status, is_covered) for key, status, is_covered in rows}
    return [states.get(key) for key in ids]


async def fulfillment_by_order(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> list[Fulfillment | None]:
    """The newest fulfillment of each order."""
    return await one_per_key(session, NEWEST, order_ids, "order_id")


async def lines_by_fulfillment(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[FulfillmentLine]]:
    """The lines of each fulfillment in picking order."""
    return await many_per_key(session, LINES, ids, "fulfillment_id")


SUBSTITUTES = prepared(
    select(Substitution).where(matches_keys(Substitution.order_id)).order_by(Substitution.id)
)


async def substitutes_by_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[Substitution]]:
    """The substitutes proposed for each order, the oldest first."""
    return await many_per_key(session, SUBSTITUTES, ids, "order_id")


PUT_BACK_LINES = prepared(
    select(PutBackLine)
    .where(matches_keys(PutBackLine.fulfillment_id))
    .order_by(PutBackLine.position)
)


async def put_back_lines_by_fulfillment(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[PutBackLine]]:
    """What has to be put back of each fulfillment."""
    return await many_per_key(session, PUT_BACK_LINES, ids, "fulfillment_id")
