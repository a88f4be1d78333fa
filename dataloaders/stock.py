"""Batch reads of what stores have on the shelf."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from dataloaders.keys import among
from models import Stock

Place = tuple[UUID, UUID]
"""A store and a product."""


@public
async def stock_by_place(session: AsyncSession, places: Sequence[Place]) -> list[Stock | None]:
    """The counter row of each product in its store."""
    rows = await session.scalars(
        select(Stock).where(tuple_(Stock.store_id, Stock.product_id).in_(places))
    )
    found = {(row.store_id, row.product_id): row for row in rows}
    return [found.get(place) for place in places]


async def shelves_by_product(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Stock]]:
    """The counter rows of each product, store by store."""
    rows = await session.scalars(
        select(Stock).where(among(Stock.product_id, ids)).order_by(Stock.store_id)
    )
    found: defaultdict[UUID, list[Stock]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(row)
    return [found[key] for key in ids]
