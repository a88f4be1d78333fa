"""Batch reads of brands, categories and products."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import lasting, public
from services.catalog import categories, products
from services.catalog.categories import Asked, Shelf, Tree
from services.catalog.listed_products import Maker, Offer, Wanted
from services.core.pages import Page


@public
async def brand_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Maker | None]:
    return await products.makers(session, keys)


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


@public
async def page_of_offers(session: AsyncSession, keys: Sequence[Wanted]) -> list[Page[Offer]]:
    return await products.pages(session, keys)


@public
async def offer_by_store_and_product(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[Offer | None]:
    """What (store, product) pairs are there; None where the store does not list the product."""
    return await products.offers(session, keys)


@public
async def product_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Offer | None]:
    """Products where no store is in question: they have neither price nor availability."""
    return await products.plain(session, keys)
