from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import public
from dataloaders.keys import in_keys, matches_keys, one_per_key
from models.stores import Store, StoreHours
from services.stores import coverage, opening_hours, zones
from services.stores.coverage import Coverage, CoverageQuery, StoreStaffDetails

STORE = prepared(select(Store).where(matches_keys(Store.id)))


@public
async def store_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Store | None]:
    return await one_per_key(session, STORE, keys)


@public
async def hours_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[list[StoreHours]]:
    return await opening_hours.read_hours(session, keys)


@public
async def zone_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[dict[str, Any] | None]:
    return await zones.zones_of_stores(session, keys)


@public
async def is_open_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[bool]:
    """Return whether each store is within its opening hours now, regardless of its status."""
    rows = await session.execute(
        select(Store.id, opening_hours.is_open_at()).where(in_keys(Store.id, keys))
    )
    is_open = {row[0]: row[1] for row in rows}
    return [is_open.get(key, False) for key in keys]


@public
async def coverage_by_query(session: AsyncSession, keys: Sequence[CoverageQuery]) -> list[Coverage]:
    """Find the stores that deliver to each point now."""
    return await coverage.find_coverages(session, keys)


async def staff_details_by_store(
    session: AsyncSession, keys: Sequence[UUID]
) -> list[StoreStaffDetails | None]:
    """Load the staff details of stores; None outside the actor's scope."""
    columns = (
        Store.id, Store.version, Store.preparation_seconds, Store.timer_overrides,
        Store.business_day_start,
    )  # fmt: skip
    rows = await session.execute(select(*columns).where(in_keys(Store.id, keys)))
    details = {row.id: StoreStaffDetails(*row) for row in rows}
    return [details.get(key) for key in keys]
