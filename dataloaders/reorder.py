from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import ReorderRun


async def run_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[ReorderRun | None]:
    """When each store's proposals were worked out, as far as the scope may see it."""
    rows = await session.scalars(select(ReorderRun).where(among(ReorderRun.store_id, ids)))
    found = {row.store_id: row for row in rows}
    return [found.get(key) for key in ids]
