"""Batch reads of counter sales."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import in_keys
from models.counter_sales import PosSaleLine
from models.stores import Store
from services.stores import store_time


async def lines_by_sale(session: AsyncSession, ids: Sequence[UUID]) -> list[list[PosSaleLine]]:
    """The lines of each counter sale, by position."""
    rows = await session.scalars(
        select(PosSaleLine)
        .where(in_keys(PosSaleLine.counter_sale_id, ids))
        .order_by(PosSaleLine.position)
    )
    lines: defaultdict[UUID, list[PosSaleLine]] = defaultdict(list)
    for row in rows:
        lines[row.counter_sale_id].append(row)
    return [lines[key] for key in ids]


async def business_day_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[date | None]:
    """The current business day of each store."""
    columns = Store.id, store_time.business_day_column()
    rows = await session.execute(select(*columns).where(in_keys(Store.id, ids)))
    days: dict[UUID, date] = dict(rows.all())
    return [days.get(key) for key in ids]
