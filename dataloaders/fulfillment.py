"""Batch reads of fulfillments, their lines and substitutes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import asked, many_each, one_each
from models.fulfillment import Fulfillment, FulfillmentLine, Substitute

FULFILLMENT = kept(select(Fulfillment).where(asked(Fulfillment.id)))
NEWEST = kept(
    select(Fulfillment)
    .where(asked(Fulfillment.order_id))
    .order_by(Fulfillment.order_id, Fulfillment.attempt.desc())
    .ext(distinct_on(Fulfillment.order_id))
)
LINES = kept(
    select(FulfillmentLine)
    .where(asked(FulfillmentLine.fulfillment_id))
    .order_by(FulfillmentLine.position)
)


async def fulfillment_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Fulfillment | None]:
    """Fulfillments by key."""
    return await one_each(session, FULFILLMENT, ids)


async def fulfillment_by_order(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> list[Fulfillment | None]:
    """The newest fulfillment of each order: the one that counts, or the last that did."""
    return await one_each(session, NEWEST, order_ids, "order_id")


async def lines_by_fulfillment(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[FulfillmentLine]]:
    """The pick list of each fulfillment, in the order in which a picker walks."""
    return await many_each(session, LINES, ids, "fulfillment_id")


SUBSTITUTES = kept(select(Substitute).where(asked(Substitute.order_id)).order_by(Substitute.id))


async def substitutes_by_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[Substitute]]:
    """What was proposed for each order, the oldest first."""
    return await many_each(session, SUBSTITUTES, ids, "order_id")
