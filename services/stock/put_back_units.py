"""Books picked units that a person has put back: to the shelf, written off, or missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.stock import PickedBatch, StockBatch, StockLevel, StockMovementReason
from services.stock import batches
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed, record_movement

PICKS_OF_ORDER = prepared(
    select(PickedBatch)
    .where(
        PickedBatch.order_id == bindparam("order"),
        PickedBatch.store_id == bindparam("store"),
        PickedBatch.quantity > 0,
    )
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class PutBackUnits:
    """Picked units of one fulfillment line, product and batch, and where they went."""

    fulfillment_line_id: UUID
    product_id: UUID
    batch_id: UUID | None
    returned: int
    wasted: int
    missing: int

    @property
    def total(self) -> int:
        return self.returned + self.wasted + self.missing


async def picked_batches_of_order(
    session: AsyncSession, order_id: UUID, store_id: UUID
) -> Sequence[PickedBatch]:
    """What a locked order has picked from the batches of a store and not put back."""
    return (await session.scalars(PICKS_OF_ORDER, {"order": order_id, "store": store_id})).all()


async def record_put_back(
    session: AsyncSession,
    order_id: UUID,
    store_id: UUID,
    units: Sequence[PutBackUnits],
    actor_id: UUID | None,
) -> None:
    """Undo the sale of all units, then write the wasted and the missing ones off.

    Units return to the batch that they were picked from; those of an expired or recalled batch are
    set aside at once. The order must be locked.
    """
    rows = (await lock_rows(session, [store_id], {one.product_id for one in units}))[store_id]
    picks = {
        (pick.fulfillment_line_id, pick.batch_id): pick
        for pick in await picked_batches_of_order(session, order_id, store_id)
    }
    batch_ids = [one.batch_id for one in units if one.batch_id is not None]
    in_stock = await batches.load_in_stock(session, store_id, [], batch_ids)
    batches_by_id = {batch.id: batch for group in in_stock.values() for batch in group}
    for one in units:
        batch = None if one.batch_id is None else batches_by_id[one.batch_id]
        _record(session, rows[one.product_id], batch, one, str(order_id), actor_id)
        if batch is not None:
            picks[one.fulfillment_line_id, batch.id].quantity -= one.total
    await session.flush()
    publish_stock_changed(session, rows.values())


def _record(
    session: AsyncSession,
    row: StockLevel,
    batch: StockBatch | None,
    units: PutBackUnits,
    reference: str,
    actor_id: UUID | None,
) -> None:
    movements = (
        (StockMovementReason.RESTOCK, units.total),
        (StockMovementReason.WASTE, -units.wasted),
        (StockMovementReason.PICK_SHORTAGE, -units.missing),
    )
    for reason, delta in movements:
        if delta:
            cause = MovementCause(reason, reference, actor_id)
            batch_delta = 0 if batch is None else delta
            record_movement(session, row, cause, delta, batch=batch, batch_delta=batch_delta)
    if batch is not None:
        cause = MovementCause(StockMovementReason.RESTOCK, reference, actor_id)
        batches.set_aside(session, row, [batch], cause)
