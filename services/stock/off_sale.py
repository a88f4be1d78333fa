"""Takes products off sale in a store that does not find them on its shelf."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import StockMovementReason
from services.stock import batches
from services.stock.stock_rows import available_units, lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed


async def write_off_available(
    session: AsyncSession,
    store_id: UUID,
    product_ids: Collection[UUID],
    reference: str,
    actor_id: UUID | None,
) -> None:
    """Write off all units of products that nobody has reserved or bought, as not found.

    What a count finds after that comes back with its approval.
    """
    rows = (await lock_rows(session, [store_id], product_ids))[store_id]
    in_stock = await batches.load_in_stock(session, store_id, product_ids)
    cause = MovementCause(StockMovementReason.OUT_OF_STOCK, reference, actor_id)
    for product_id, row in rows.items():
        if units := available_units(row):
            product_batches = in_stock.get(product_id, [])
            batches.write_off_missing(session, row, product_batches, units, cause)
    await session.flush()
    publish_stock_changed(session, rows.values())
