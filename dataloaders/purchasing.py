"""Batch reads of suppliers, purchase orders and replenishment proposals."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import in_keys, matches_keys, one_per_key
from models.purchasing import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
    ReplenishmentRun,
    Supplier,
)

SUPPLIER = prepared(select(Supplier).where(matches_keys(Supplier.id)))


async def supplier_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Supplier | None]:
    """Suppliers by key; None for those outside the session's scope."""
    return await one_per_key(session, SUPPLIER, ids)


PURCHASE_ORDER = prepared(select(PurchaseOrder).where(matches_keys(PurchaseOrder.id)))


async def purchase_order_by_id(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[PurchaseOrder | None]:
    """Purchase orders by key; None for those outside the session's scope."""
    return await one_per_key(session, PURCHASE_ORDER, ids)


async def lines_by_purchase_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[PurchaseOrderLine]]:
    """The lines of each purchase order, by position."""
    rows = await session.scalars(
        select(PurchaseOrderLine)
        .where(in_keys(PurchaseOrderLine.purchase_order_id, ids))
        .order_by(PurchaseOrderLine.position)
    )
    lines: dict[UUID, list[PurchaseOrderLine]] = defaultdict(list)
    for row in rows:
        lines[row.purchase_order_id].append(row)
    return [lines[key] for key in ids]


async def receipts_by_purchase_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[GoodsReceipt]]:
    """The goods receipts of each purchase order, oldest first."""
    rows = await session.scalars(
        select(GoodsReceipt)
        .where(in_keys(GoodsReceipt.purchase_order_id, ids))
        .order_by(GoodsReceipt.id)
    )
    receipts: dict[UUID, list[GoodsReceipt]] = defaultdict(list)
    for row in rows:
        receipts[row.purchase_order_id].append(row)
    return [receipts[key] for key in ids]


async def lines_by_receipt(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[GoodsReceiptLine]]:
    """The lines of each goods receipt, by position."""
    rows = await session.scalars(
        select(GoodsReceiptLine)
        .where(in_keys(GoodsReceiptLine.receipt_id, ids))
        .order_by(GoodsReceiptLine.position)
    )
    lines: dict[UUID, list[GoodsReceiptLine]] = defaultdict(list)
    for row in rows:
        lines[row.receipt_id].append(row)
    return [lines[key] for key in ids]


REPLENISHMENT_RUN = prepared(
    select(ReplenishmentRun).where(matches_keys(ReplenishmentRun.store_id))
)


async def replenishment_run_by_store(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[ReplenishmentRun | None]:
    """The last computation of each store's proposals; None outside the session's scope."""
    return await one_per_key(session, REPLENISHMENT_RUN, ids, "store_id")
