"""Stock rows: one per product and store, locked before they are read for a change.

Rows are always locked in the order of (store, product), so that two transactions cannot deadlock.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.stock import StockLevel
from services.stock.stock_writer import create_missing_rows

StockRows = dict[UUID, StockLevel]
"""The stock rows of one store by product."""
Shortage = tuple[UUID, int]
"""A product, and how many units of it are available."""


async def lock_rows(
    session: AsyncSession, store_ids: Collection[UUID], product_ids: Collection[UUID]
) -> dict[UUID, StockRows]:
    """Lock the rows of these products in these stores by one statement; by store and product."""
    rows = await session.scalars(
        select(StockLevel)
        .where(StockLevel.store_id.in_(store_ids), StockLevel.product_id.in_(product_ids))
        .order_by(StockLevel.store_id, StockLevel.product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    by_store: dict[UUID, StockRows] = {store_id: {} for store_id in store_ids}
    for row in rows:
        by_store[row.store_id][row.product_id] = row
    return by_store


async def ensure_and_lock(
    session: AsyncSession, company_id: UUID, store_id: UUID, product_ids: Collection[UUID]
) -> StockRows:
    """Lock the rows of these products in a store; create those that the company's products lack.

    Products of other companies are left out. Rows are created before any row is locked: a
    transaction that waits for another's uncommitted row then holds no lock that the other needs.
    """
    keys = sorted(set(product_ids))
    in_store = (StockLevel.store_id == store_id) & (StockLevel.product_id == Product.id)
    without_row = (
        select(Product.id).outerjoin(StockLevel, in_store).where(StockLevel.store_id.is_(None))
    )
    own = without_row.where(Product.id.in_(keys), Product.company_id == company_id)
    missing = (await session.scalars(own.order_by(Product.id))).all()
    await create_missing_rows(session, company_id, store_id, missing)
    rows = (await lock_rows(session, [store_id], keys))[store_id]
    return {key: row for key, row in rows.items() if row.company_id == company_id}


def find_shortages(
    rows: StockRows, quantities: Mapping[UUID, int], company_id: UUID
) -> list[Shortage]:
    """The products of which a store has fewer units available than `quantities` (by product)."""
    shortages: list[Shortage] = []
    for product_id, quantity in quantities.items():
        row = rows.get(product_id)
        available = available_units(row) if row is not None and row.company_id == company_id else 0
        if available < quantity:
            shortages.append((product_id, available))
    return shortages


def available_units(row: StockLevel) -> int:
    """Units that can still be reserved."""
    return row.on_hand - row.reserved
