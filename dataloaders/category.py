from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from services import category as categories
from services.category import Tree


@public
async def tree_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[Tree]:
    return await categories.trees(session, keys)
