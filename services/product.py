"""Products as one store sells them: light rows, read a page a statement from the public catalog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Float,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Availability,
    Brand,
    Category,
    Company,
    Listing,
    Product,
    ProductSort,
    Stock,
    Store,
    TemperatureZone,
)
from services.category import Shelf
from services.page import Page, after, bounded, page
from services.search import search_query

LOW_UNITS = 5
PAGES_A_STATEMENT = 25


@dataclass(frozen=True, slots=True)
class Maker:
    """A brand as products carry it."""

    id: UUID
    slug: str
    name: str
    translations: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product in one store: what it is, what it costs there, and how much there is of it.

    `units` is on_hand - held; nobody but staff may be told the number. Where no store is in
    question, store, price, units and version are None.
    """

    id: UUID
    store_id: UUID | None
    company_id: UUID
    code: str
    barcode: str | None
    name: str
    translations: dict[str, Any]
    brand: Maker | None
    category: Shelf
    price_minor: int | None
    currency: str
    listed: bool
    units: int | None
    offer_text: str
    aisle: str
    temperature_zone: TemperatureZone
    weighed: bool
    age_restricted: bool
    listing_version: int | None
    rank: float = 0.0

    @property
    def availability(self) -> Availability | None:
        """The band of stock that strangers may see."""
        if self.store_id is None:
            return None
        if self.orderable == 0:
            return Availability.OUT
        return Availability.LOW if self.orderable <= LOW_UNITS else Availability.IN_STOCK

    @property
    def orderable(self) -> int:
        """How many could be ordered now."""
        return max(0, self.units or 0) if self.listed else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a store's products; equal wants are read once."""

    store_id: UUID
    first: int
    sort: ProductSort | None
    after: tuple[Any, ...] | None = None
    category_ids: tuple[UUID, ...] | None = None
    query: str | None = None


LISTED = and_(Listing.available, Product.active)
UNITS = func.coalesce(Stock.on_hand - Stock.held, 0)
SOLD_OUT = case((or_(not_(LISTED), UNITS <= 0), 1), else_=0)
OFFER_TEXT = func.coalesce(func.nullif(Listing.offer_text, ""), Product.offer_text)
FACTS: tuple[Any, ...] = (
    Product.code,
    Product.barcode,
    Product.name,
    Product.translations,
    Brand.id,
    Brand.slug,
    Brand.name,
    Brand.translations,
    Category.id,
    Category.parent_id,
    Category.slug,
    Category.name,
    Category.translations,
)
NATURE: tuple[Any, ...] = (Product.temperature_zone, Product.weighed, Product.age_restricted)
IN_STORE: tuple[Any, ...] = (
    *(Product.id, Listing.store_id, Listing.company_id, *FACTS),
    *(Listing.price_minor, Company.currency, LISTED, UNITS, OFFER_TEXT, Listing.aisle),
    *(*NATURE, Listing.version),
)
IN_NO_STORE: tuple[Any, ...] = (
    *(Product.id, null(), Product.company_id, *FACTS),
    *(null(), Company.currency, false(), null(), Product.offer_text, literal("")),
    *(*NATURE, null(), literal(0.0)),
)
SORTED_BY: dict[ProductSort, tuple[Any, ...]] = {
    ProductSort.CATALOG: (Listing.product_id,),
    ProductSort.NAME: (Product.name, Product.id),
    ProductSort.PRICE_ASC: (Listing.price_minor, Product.id),
    ProductSort.PRICE_DESC: (-Listing.price_minor, Product.id),
}
WIDE: dict[type, Any] = {int: BigInteger(), float: Float(53), str: Text(), UUID: Uuid()}
KINDS: dict[ProductSort | None, tuple[type, ...]] = {
    ProductSort.CATALOG: (UUID,),
    ProductSort.NAME: (str, UUID),
    ProductSort.PRICE_ASC: (int, UUID),
    ProductSort.PRICE_DESC: (int, UUID),
    None: (int, float, UUID),
}


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
    """Every page wanted, up to 25 of them a statement."""
    found: list[list[Offer]] = [[] for _ in wanted]
    for start in range(0, len(wanted), PAGES_A_STATEMENT):
        part = [
            _page_of(one).add_columns(literal(start + nth))
            for nth, one in enumerate(wanted[start : start + PAGES_A_STATEMENT])
        ]
        # A branch of UNION ALL keeps its own order, which is all that a page needs.
        for row in await session.execute(union_all(*part) if len(part) > 1 else part[0]):
            found[row[-1]].append(_offer(row))
    return [
        page(rows, one.first, lambda row, sort=one.sort: _key(row, sort))  # type: ignore[misc] # a lambda with a default
        for one, rows in zip(wanted, found, strict=True)
    ]


async def offers(session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]) -> list[Offer | None]:
    """The offers behind (store, product) pairs, sold out ones too; None for what is not listed."""
    rows = await session.execute(
        _select(literal(0.0)).where(tuple_(Listing.store_id, Listing.product_id).in_(keys))
    )
    found = {(row[1], row[0]): _offer(row) for row in rows}
    return [found.get(key) for key in keys]


async def plain(session: AsyncSession, product_ids: Sequence[UUID]) -> list[Offer | None]:
    """Products by key where no store is in question: without a price and a band of stock."""
    rows = await session.execute(
        select(*IN_NO_STORE)
        .select_from(Product)
        .join(Company, Company.id == Product.company_id)
        .join(Category, Category.id == Product.category_id)
        .outerjoin(Brand, Brand.id == Product.brand_id)
        .where(Product.id.in_(product_ids))
    )
    found = {row[0]: _offer(row) for row in rows}
    return [found.get(key) for key in product_ids]


async def makers(session: AsyncSession, brand_ids: Sequence[UUID]) -> list[Maker | None]:
    """Brands by key; None for what there is not."""
    columns = (Brand.id, Brand.slug, Brand.name, Brand.translations)
    rows = await session.execute(select(*columns).where(Brand.id.in_(brand_ids)))
    found = {row[0]: Maker(*row) for row in rows}
    return [found.get(key) for key in brand_ids]


def _select(rank: Any) -> Select[Any]:
    in_store = and_(Stock.store_id == Listing.store_id, Stock.product_id == Listing.product_id)
    return (
        select(*IN_STORE, rank)
        .select_from(Listing)
        .join(Product, Product.id == Listing.product_id)
        .join(Company, Company.id == Listing.company_id)
        .join(Category, Category.id == Product.category_id)
        .outerjoin(Brand, Brand.id == Product.brand_id)
        .outerjoin(Stock, in_store)
    )


def _page_of(wanted: Wanted) -> Select[Any]:
    rank: Any = literal(0.0)
    by: tuple[Any, ...]
    if wanted.sort is None:
        asked = func.to_tsquery("english", wanted.query).op("||")(
            func.to_tsquery("simple", wanted.query)
        )
        rank = cast(func.ts_rank(Product.search, asked), Float(53))
        by = (SOLD_OUT, -rank, Product.id)
    else:
        by = SORTED_BY[wanted.sort]
    found = _select(rank).where(Listing.store_id == wanted.store_id, Product.active)
    if wanted.sort is None:
        seller = select(Store.company_id).where(Store.id == wanted.store_id).scalar_subquery()
        found = found.where(Product.company_id == seller, Product.search.op("@@")(asked))
    if wanted.category_ids is not None:
        found = found.where(Listing.category_id.in_(wanted.category_ids))
    if wanted.after is not None:
        found = found.where(tuple_(*by) > tuple_(*map(_literal, wanted.after)))
    return found.order_by(*by).limit(wanted.first + 1)


def _literal(value: Any) -> Any:
    """A value of a cursor in a type wide enough for whatever number a stranger writes there."""
    return literal(value, WIDE[type(value)])


def _key(offer: Offer, sort: ProductSort | None) -> tuple[Any, ...]:
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


def _offer(row: Any) -> Offer:
    key, store_id, company_id, code, barcode, name, translations = row[:7]
    brand = Maker(*row[7:11]) if row[7] is not None else None
    category = Shelf(row[11], store_id, *row[12:16])
    return Offer(
        key, store_id, company_id, code, barcode, name, translations, brand, category, *row[16:26]
    )
