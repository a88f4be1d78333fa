"""Batch reads of suppliers, purchase orders and replenishment proposals."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import among, asked, one_each
from models.purchasing import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
    ReorderRun,
    Supplier,
)

SUPPLIER = kept(select(Supplier).where(asked(Supplier.id)))


async def supplier_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Supplier | None]:
    """Suppliers by key, as far as the scope may see them."""
    return await one_each(session, SUPPLIER, ids)


PURCHASE_ORDER = kept(select(PurchaseOrder).where(asked(PurchaseOrder.id)))


async def purchase_order_by_id(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[PurchaseOrder | None]:
    """Orders by key, as far as the scope may see them."""
    return await one_each(session, PURCHASE_ORDER, ids)


async def lines_by_purchase_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[PurchaseOrderLine]]:
    """The lines of each order, in their order."""
    rows = await session.scalars(
        select(PurchaseOrderLine)
        .where(among(PurchaseOrderLine.purchase_order_id, ids))
        .order_by(PurchaseOrderLine.position)
    )
    found: dict[UUID, list[PurchaseOrderLine]] = defaultdict(list)
    for row in rows:
        found[row.purchase_order_id].append(row)
    return [found[key] for key in ids]


async def receipts_by_purchase_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[GoodsReceipt]]:
    """The deliveries that came for each order, the first one first."""
    rows = await session.scalars(
        select(GoodsReceipt)
        .where(among(GoodsReceipt.purchase_order_id, ids))
        .order_by(GoodsReceipt.id)
    )
    found: dict[UUID, list[GoodsReceipt]] = defaultdict(list)
    for row in rows:
        found[row.purchase_order_id].append(row)
    return [found[key] for key in ids]


async def lines_by_receipt(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[GoodsReceiptLine]]:
    """What each delivery brought, line by line."""
    rows = await session.scalars(
        select(GoodsReceiptLine)
        .where(among(GoodsReceiptLine.receipt_id, ids))
        .order_by(GoodsReceiptLine.position)
    )
    found: dict[UUID, list[GoodsReceiptLine]] = defaultdict(list)
    for row in rows:
        found[row.receipt_id].append(row)
    return [found[key] for key in ids]


REORDER_RUN_BY_STORE_ID = kept(select(ReorderRun).where(asked(ReorderRun.store_id)))


async def run_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[ReorderRun | None]:
    """When each store's proposals were worked out, as far as the scope may see it."""
    return await one_each(session, REORDER_RUN_BY_STORE_ID, ids, "store_id")
