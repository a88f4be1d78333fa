"""Batch reads of counter sales."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import in_keys
from models.counter_sales import CounterSaleLine
from models.stores import Store


async def lines_by_sale(session: AsyncSession, ids: Sequence[UUID]) -> list[list[CounterSaleLine]]:
    """The lines of each counter sale, by position."""
    rows = await session.scalars(
        select(CounterSaleLine)
        .where(in_keys(CounterSaleLine.counter_sale_id, ids))
        .order_by(CounterSaleLine.position)
    )
    lines: defaultdict[UUID, list[CounterSaleLine]] = defaultdict(list)
    for row in rows:
        lines[row.counter_sale_id].append(row)
    return [lines[key] for key in ids]


async def local_date_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[date | None]:
    """The current date in each store's time zone."""
    local_date = func.date(func.timezone(Store.timezone, func.clock_timestamp()))
    rows = await session.execute(select(Store.id, local_date).where(in_keys(Store.id, ids)))
    dates: dict[UUID, date] = dict(rows.all())
    return [dates.get(key) for key in ids]
