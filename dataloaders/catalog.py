"""Batch reads of brands, categories and products."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.batches import public, public_cached
from services.catalog import categories, products
from services.catalog.categories import CategoryLookup, CategoryTree, StoreCategory
from services.catalog.listed_products import BrandRef, ListedProduct, ProductPageRequest
from services.core.pages import Page


@public
async def brand_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[BrandRef | None]:
    return await products.load_brands(session, keys)


TREE_SECONDS = 10.0


@public_cached(TREE_SECONDS)
async def tree_by_store(session: AsyncSession, keys: Sequence[UUID]) -> list[CategoryTree]:
    """Load each store's category tree; the counts are a large part of a storefront's cost."""
    return await categories.load_trees(session, keys)


@public
async def category_by_lookup(
    session: AsyncSession, keys: Sequence[CategoryLookup]
) -> list[StoreCategory | None]:
    """Load categories of stores by slug or key, without children; None for empty ones."""
    return await categories.load_branches(session, keys)


@public
async def category_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[StoreCategory | None]:
    """Load categories outside any store: without products and counts."""
    return await categories.load_categories(session, keys)


@public
async def product_page_by_request(
    session: AsyncSession, keys: Sequence[ProductPageRequest]
) -> list[Page[ListedProduct]]:
    return await products.load_pages(session, keys)


@public
async def product_by_store_and_id(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[ListedProduct | None]:
    """Load the products of (store, product) pairs; None if the store does not list it."""
    return await products.load_listed_products(session, keys)


@public
async def products_by_ids(
    session: AsyncSession, keys: Sequence[tuple[UUID, ...]]
) -> list[list[ListedProduct]]:
    """Load lists of products outside any store; missing ones are left out."""
    ids = list(dict.fromkeys(key for group in keys for key in group))
    found = {row.id: row for row in await products.load_products(session, ids) if row}
    return [[found[key] for key in group if key in found] for group in keys]


@public
async def product_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[ListedProduct | None]:
    """Load products outside any store: without price and availability."""
    return await products.load_products(session, keys)
