"""Reads products as one store sells them; pages of one kind share one statement."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Availability, ProductSort
from services.catalog import product_statements
from services.catalog.listed_products import BrandRef, ListedProduct, ProductPageRequest
from services.catalog.product_statements import CURSOR_TYPES, PageKind, listed_product_of
from services.catalog.search_text import search_query
from services.core.pages import Page, build_page, check_page_size, decode_cursor


def product_page_request(
    store_id: UUID,
    first: int,
    cursor: str | None,
    sort: ProductSort = ProductSort.CATALOG,
    category_ids: tuple[UUID, ...] | None = None,
) -> ProductPageRequest:
    """Return the request for a page of a store's products, of all or some categories.

    Raises DomainError: InvalidInput for an invalid cursor or page size.
    """
    start = decode_cursor(cursor, *CURSOR_TYPES[sort])
    return ProductPageRequest(
        store_id, check_page_size(first), sort, tuple(start) if start else None, category_ids
    )


def search_page_request(
    store_id: UUID, first: int, cursor: str | None, text: str
) -> ProductPageRequest:
    """Return the request for a page of a store's products that match every word, best first.

    Sold-out products come last. Raises DomainError: InvalidInput for an empty or too long text.
    """
    start = decode_cursor(cursor, *CURSOR_TYPES[None])
    query = search_query(text)
    return ProductPageRequest(
        store_id, check_page_size(first), None, tuple(start) if start else None, None, query
    )


async def load_pages(
    session: AsyncSession, requests: Sequence[ProductPageRequest]
) -> list[Page[ListedProduct]]:
    """Load the page of each request, with one statement per kind of page."""
    indexes_by_kind: dict[PageKind, list[int]] = {}
    for index, request in enumerate(requests):
        kind = request.sort, request.category_ids is not None, request.after is not None
        indexes_by_kind.setdefault(kind, []).append(index)
    products: list[list[ListedProduct]] = [[] for _ in requests]
    for kind, indexes in indexes_by_kind.items():
        same_kind = [requests[index] for index in indexes]
        parameters = product_statements.page_parameters(same_kind, kind)
        for row in await session.execute(product_statements.pages_statement(*kind), parameters):
            products[indexes[row[-1] - 1]].append(listed_product_of(row))
    return [
        build_page(rows, request.first, request.after, partial(_sort_key, request.sort))
        for request, rows in zip(requests, products, strict=True)
    ]


async def load_listed_products(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[ListedProduct | None]:
    """Load the products of (store, product) pairs, sold-out ones too; None if not listed."""
    stores, products = [store for store, _ in keys], [product for _, product in keys]
    parameters = {"stores": stores, "products": products}
    rows = await session.execute(product_statements.LISTED_PRODUCTS_BY_PAIR, parameters)
    by_pair = {(row[1], row[0]): listed_product_of(row) for row in rows}
    return [by_pair.get(key) for key in keys]


async def load_products(
    session: AsyncSession, product_ids: Sequence[UUID]
) -> list[ListedProduct | None]:
    """Load products by key outside any store: without price and availability."""
    rows = await session.execute(product_statements.PRODUCTS_BY_ID, {"keys": list(product_ids)})
    by_id = {row[0]: listed_product_of(row) for row in rows}
    return [by_id.get(key) for key in product_ids]


async def load_brands(session: AsyncSession, brand_ids: Sequence[UUID]) -> list[BrandRef | None]:
    """Load brands by key; None for a missing one."""
    rows = await session.execute(product_statements.BRANDS_BY_ID, {"keys": list(brand_ids)})
    by_id = {row[0]: BrandRef(*row) for row in rows}
    return [by_id.get(key) for key in brand_ids]


def _sort_key(sort: ProductSort | None, product: ListedProduct) -> tuple[Any, ...]:
    """Return the sort key of a product, in the order of `SORT_EXPRESSIONS`."""
    if sort is None:
        return (int(product.availability is Availability.OUT_OF_STOCK), -product.rank, product.id)
    keys: dict[ProductSort, tuple[Any, ...]] = {
        ProductSort.CATALOG: (product.id,),
        ProductSort.NAME: (product.name, product.id),
        ProductSort.PRICE_ASC: (product.price_minor, product.id),
        ProductSort.PRICE_DESC: (-(product.price_minor or 0), product.id),
    }
    return keys[sort]
