"""Rejects orders as out of stock, and opens a count of what the store did not find."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountLine
from models.fulfillment import Fulfillment, FulfillmentLine, RejectReason
from models.identity import Actor
from services.core.problems import DomainError
from services.counting import count_opening
from services.counting.count_opening import CountSelection
from services.fulfillment import rerouting


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: RejectReason,
    missing_line_ids: Collection[UUID] = (),
    expected_version: int | None = None,
) -> Fulfillment:
    """Reject an order; products that are out of stock go off sale and are counted.

    Raises DomainError: as `rerouting.reject`.
    """
    fulfillment = await rerouting.reject(
        session,
        actor=actor,
        fulfillment_id=fulfillment_id,
        reason=reason,
        missing_line_ids=missing_line_ids,
        expected_version=expected_version,
    )
    if reason is RejectReason.OUT_OF_STOCK:
        statement = select(FulfillmentLine).where(FulfillmentLine.fulfillment_id == fulfillment_id)
        lines = (await session.scalars(statement.order_by(FulfillmentLine.position))).all()
        products = rerouting.missing_products(lines, missing_line_ids)
        note = f"Order {fulfillment.order_code} was rejected as out of stock."
        await _open_count(session, actor, fulfillment.store_id, products, note)
    return fulfillment


async def _open_count(
    session: AsyncSession, actor: Actor, store_id: UUID, product_ids: Sequence[UUID], note: str
) -> StockCount | None:
    """Open a count of the products that are in no active count; None when all of them are."""
    active = select(StockCountLine.product_id).where(
        StockCountLine.store_id == store_id,
        StockCountLine.live,
        StockCountLine.product_id.in_(product_ids),
    )
    counted = set(await session.scalars(active))
    left = tuple(key for key in product_ids if key not in counted)
    if not left:
        return None
    selection = CountSelection(product_ids=left)
    try:
        async with session.begin_nested():
            return await count_opening.start(
                session, actor=actor, store_id=store_id, selection=selection, note=note
            )
    except DomainError as error:
        if any(not isinstance(one, count_opening.BeingCounted) for one in error.problems):
            raise
        return None  # another count of the same products was opened at the same moment
