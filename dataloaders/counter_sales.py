"""Batch reads of sales over the counter."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models.counter_sales import CounterSaleLine
from models.stores import Store


async def lines_by_sale(session: AsyncSession, ids: Sequence[UUID]) -> list[list[CounterSaleLine]]:
    """What stands on each receipt, in its order."""
    rows = await session.scalars(
        select(CounterSaleLine)
        .where(among(CounterSaleLine.counter_sale_id, ids))
        .order_by(CounterSaleLine.position)
    )
    found: defaultdict[UUID, list[CounterSaleLine]] = defaultdict(list)
    for row in rows:
        found[row.counter_sale_id].append(row)
    return [found[key] for key in ids]


async def today_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[date | None]:
    """The day it is in each store, by its own clock."""
    here = func.date(func.timezone(Store.timezone, func.clock_timestamp()))
    rows = await session.execute(select(Store.id, here).where(among(Store.id, ids)))
    found: dict[UUID, date] = dict(rows.all())
    return [found.get(key) for key in ids]
