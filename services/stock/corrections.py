"""What a movement says of the shelf: that goods moved, or that the books were wrong.

A total of a moment, counted or imported, replaces what the books were corrected by since then:
otherwise one loss is written off twice. Goods that have moved since then are kept.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import first_uuid7_at
from database.statements import prepared
from models.counting import StockCountLine
from models.stock import StockMovementReason

GOODS = frozenset(
    {
        StockMovementReason.SALE,
        StockMovementReason.RESTOCK,
        StockMovementReason.RECEIPT,
        StockMovementReason.DAMAGE,
        StockMovementReason.WASTE,
        StockMovementReason.RECALL,
        StockMovementReason.EXPIRY,
        StockMovementReason.PICK,
        StockMovementReason.INCOMING,
        StockMovementReason.TRANSFER_OUT,
        StockMovementReason.TRANSFER_IN,
        StockMovementReason.POS_SALE,
    }
)
"""Goods came, left, were set aside, or changed hands in the books."""
SHORTAGES = {
    StockMovementReason.PICK_SHORTAGE: StockMovementReason.RESTOCK,
    StockMovementReason.TRANSFER_SHORTAGE: StockMovementReason.TRANSFER_IN,
}
"""Losses that are written together with the movement that brings the same units into the books.

The two sum to the goods that moved, so both count as goods.
"""
CORRECTIONS = frozenset(
    {
        StockMovementReason.OPENING_BALANCE,
        StockMovementReason.ADJUSTMENT,
        StockMovementReason.COUNT,
        StockMovementReason.OUT_OF_STOCK,
    }
)
"""The books are made to agree with the shelf: no goods move."""
BY_MODE = frozenset({StockMovementReason.IMPORT})
"""Totals of a file are a correction, units to add are goods."""
# Of the ledger row `e`.
IS_CORRECTION = f"""case when e.reason = 'IMPORT' then not exists (
        select from stock_import i where i.id = e.reference::uuid and i.mode = 'ADD')
    else e.reason in ({", ".join(f"'{reason}'" for reason in sorted(CORRECTIONS))}) end"""
CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the clocks of processes, which make keys, may differ from the database's."""
CORRECTED_UNITS = text(
    f"""
    select since.product_id, sum(e.on_hand_delta)
    from unnest(:products, :moments) as since (product_id, moment)
    join stock_entry e on e.store_id = :store and e.product_id = since.product_id
        and e.id > :first and e.occurred_at > since.moment
    where {IS_CORRECTION} group by 1
    """  # noqa: S608 - a constant within another
).bindparams(
    bindparam("products", type_=ARRAY(Uuid)),
    bindparam("moments", type_=ARRAY(DateTime(timezone=True))),
    bindparam("store", type_=Uuid),
    bindparam("first", type_=Uuid),
)
# Also lines that nobody has counted yet: somebody may be about to store what they counted.
LINES_OF_COUNTS = prepared(
    select(StockCountLine)
    .where(
        StockCountLine.store_id == bindparam("store"),
        StockCountLine.product_id == bindparam("product"),
        StockCountLine.live,
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)


def first_key_since(moment: datetime) -> UUID:
    """A key below those of all ledger rows since a moment."""
    return first_uuid7_at((moment - CLOCK_TOLERANCE).timestamp())


async def corrected_units(
    session: AsyncSession, store_id: UUID, since: Mapping[UUID, datetime]
) -> dict[UUID, int]:
    """By product: by how many units on_hand was corrected since a moment, below 0 for fewer.

    The stock rows must be locked.
    """
    parameters = {
        "products": list(since),
        "moments": list(since.values()),
        "store": store_id,
        "first": first_key_since(min(since.values())),
    }
    rows = await session.execute(CORRECTED_UNITS, parameters)
    return {product_id: int(units) for product_id, units in rows}


async def settle_loss(session: AsyncSession, place: tuple[UUID, UUID], units: int) -> None:
    """Tell the active count of a product in a store of `units` that a picker did not find.

    Below 0 they were found after all. What the count misses already is written off by the picker
    alone. Call it before stock rows are locked.
    """
    if units:
        store_id, product_id = place
        keys = {"store": store_id, "product": product_id}
        for line in await session.scalars(LINES_OF_COUNTS, keys):
            line.settle(-units)
