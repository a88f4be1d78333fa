"""Products as one store sells them, read from the public catalog: all pages of a kind at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Availability, ProductSort
from services.catalog import product_statements
from services.catalog.listed_products import Maker, Offer, Wanted
from services.catalog.product_statements import KINDS, Kind, offer_of
from services.catalog.search_text import search_query
from services.core.pages import Page, after, bounded, page


def listed(
    store_id: UUID,
    first: int,
    cursor: str | None,
    sort: ProductSort = ProductSort.CATALOG,
    category_ids: tuple[UUID, ...] | None = None,
) -> Wanted:
    """A page of what a store lists, of some categories or of all; refused for a foreign cursor."""
    start = after(cursor, *KINDS[sort])
    return Wanted(store_id, bounded(first), sort, tuple(start) if start else None, category_ids)


def searched(store_id: UUID, first: int, cursor: str | None, text: str) -> Wanted:
    """A page of what a store lists that meets every word of `text`, the best match first.

    What is sold out sinks below all that is not. Refused for an empty or an endless text.
    """
    start = after(cursor, *KINDS[None])
    query = search_query(text)
    return Wanted(store_id, bounded(first), None, tuple(start) if start else None, None, query)


async def pages(session: AsyncSession, wanted: Sequence[Wanted]) -> list[Page[Offer]]:
    """Every page wanted, all of a kind in one statement."""
    kinds: dict[Kind, list[int]] = {}
    for nth, one in enumerate(wanted):
        kind = one.sort, one.category_ids is not None, one.after is not None
        kinds.setdefault(kind, []).append(nth)
    found: list[list[Offer]] = [[] for _ in wanted]
    for kind, places in kinds.items():
        asked = product_statements.asked_for([wanted[nth] for nth in places], kind)
        for row in await session.execute(product_statements.pages_of(*kind), asked):
            found[places[row[-1] - 1]].append(offer_of(row))
    return [
        page(rows, one.first, partial(_key, one.sort))
        for one, rows in zip(wanted, found, strict=True)
    ]


async def offers(session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]) -> list[Offer | None]:
    """The offers behind (store, product) pairs, sold out ones too; None for what is not listed."""
    asked = {"stores": [store for store, _ in keys], "products": [product for _, product in keys]}
    rows = await session.execute(product_statements.OFFERS, asked)
    found = {(row[1], row[0]): offer_of(row) for row in rows}
    return [found.get(key) for key in keys]


async def plain(session: AsyncSession, product_ids: Sequence[UUID]) -> list[Offer | None]:
    """Products by key where no store is in question: without a price and a band of stock."""
    rows = await session.execute(product_statements.PLAIN, {"keys": list(product_ids)})
    found = {row[0]: offer_of(row) for row in rows}
    return [found.get(key) for key in product_ids]


async def makers(session: AsyncSession, brand_ids: Sequence[UUID]) -> list[Maker | None]:
    """Brands by key; None for what there is not."""
    rows = await session.execute(product_statements.MAKERS, {"keys": list(brand_ids)})
    found = {row[0]: Maker(*row) for row in rows}
    return [found.get(key) for key in brand_ids]


def _key(sort: ProductSort | None, offer: Offer) -> tuple[Any, ...]:
    """The sort key of a row, in the order of `SORTED_BY`."""
    if sort is None:
        return (int(offer.availability is Availability.OUT), -offer.rank, offer.id)
    named: dict[ProductSort, tuple[Any, ...]] = {
        ProductSort.CATALOG: (offer.id,),
        ProductSort.NAME: (offer.name, offer.id),
        ProductSort.PRICE_ASC: (offer.price_minor, offer.id),
        ProductSort.PRICE_DESC: (-(offer.price_minor or 0), offer.id),
    }
    return named[sort]
