from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import lasting, public
from services import category as categories
from services.category import Asked, Shelf, Tree

TREE_SECONDS = 10.0


@lasting(TREE_SECONDS)
async def tree_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[Tree]:
    """All branches with products of each store: counting them is much of a shop window's cost."""
    return await categories.trees(session, keys)


@public
async def branch_as_asked(session: AsyncSession, keys: Sequence[Asked]) -> list[Shelf | None]:
    """Categories of stores by slug or key, without their children; None for empty ones."""
    return await categories.branches(session, keys)


@public
async def category_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Shelf | None]:
    """Categories where no store is in question: they have neither products nor a count."""
    return await categories.plain(session, keys)
