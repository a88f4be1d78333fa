from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders import public
from dataloaders.keys import among, asked, one_each
from models.stores import Store, StoreHours
from services.stores import administration, coverage, zones
from services.stores.coverage import Asked, Coverage, Desk, open_at

STORE = kept(select(Store).where(asked(Store.id)))


@public
async def store_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Store | None]:
    return await one_each(session, STORE, keys)


@public
async def hours_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[list[StoreHours]]:
    return await administration.hours(session, keys)


@public
async def zone_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[dict[str, Any] | None]:
    return await zones.zones(session, keys)


@public
async def open_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[bool]:
    """Whether each store is within its opening hours now, whatever its switch says."""
    rows = await session.execute(select(Store.id, open_at()).where(among(Store.id, keys)))
    found = {row[0]: row[1] for row in rows}
    return [found.get(key, False) for key in keys]


@public
async def coverage_as_asked(session: AsyncSession, keys: Sequence[Asked]) -> list[Coverage]:
    """Who delivers to each place now."""
    return await coverage.coverages(session, keys)


async def desk_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[Desk | None]:
    """What a store's people see of it; None for those who don't work in its company."""
    rows = await session.execute(
        select(Store.id, Store.version, Store.preparation_seconds).where(among(Store.id, keys))
    )
    found = {store_id: Desk(store_id, *rest) for store_id, *rest in rows}
    return [found.get(key) for key in keys]
