from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import ReorderRun
from models.light import kept

REORDER_RUN_BY_STORE_ID = kept(select(ReorderRun).where(asked(ReorderRun.store_id)))


async def run_by_store(session: AsyncSession, ids: Sequence[UUID]) -> list[ReorderRun | None]:
    """When each store's proposals were worked out, as far as the scope may see it."""
    return await one_each(session, REORDER_RUN_BY_STORE_ID, ids, "store_id")
