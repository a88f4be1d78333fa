"""The statements that read products, each compiled once, and the offers in what they answer."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import Grouping

from database.statements import kept
from models.catalog import Brand, Category, Listing, Product, ProductSort
from models.companies import Company
from models.stock import Stock
from models.stores import Store
from services.catalog.categories import Shelf
from services.catalog.listed_products import Maker, Offer, Wanted

Kind = tuple[ProductSort | None, bool, bool]
"""Pages of one order (None: the best match first), within categories, and from a cursor on."""
RANKLESS: Any = literal(0.0)
LISTED = and_(Listing.available, Product.active)
UNITS = func.coalesce(Stock.on_hand - Stock.held, 0)
SOLD_OUT = case((or_(not_(LISTED), UNITS <= 0), 1), else_=0)
OFFER_TEXT = func.coalesce(func.nullif(Listing.offer_text, ""), Product.offer_text)
FACTS: tuple[Any, ...] = (
    Product.code,
    Product.barcode,
    Product.name,
    cast(Product.translations, Text).label("told"),
    Brand.id,
    Brand.slug,
    Brand.name,
    cast(Brand.translations, Text).label("brand_told"),
    Category.id,
    Category.parent_id,
    Category.slug,
    Category.name,
    cast(Category.translations, Text).label("category_told"),
)
NATURE: tuple[Any, ...] = (
    *(Product.temperature_zone, Product.weighed, Product.unit_grams, Product.age_restricted),
)
REST = slice(16, 16 + len(Offer._fields) - 9)  # the columns behind the category's
IN_STORE: tuple[Any, ...] = (
    *(Product.id, Listing.store_id, Listing.company_id, *FACTS),
    *(Listing.price_minor, Company.currency, LISTED, UNITS, OFFER_TEXT, Listing.aisle),
    *(*NATURE, Listing.version, Listing.kilo_price_minor),
)
IN_NO_STORE: tuple[Any, ...] = (
    *(Product.id, null(), Product.company_id, *FACTS),
    *(null(), Company.currency, false(), null(), Product.offer_text, literal("")),
    *(*NATURE, null(), null(), literal(0.0)),
)
SORTED_BY: dict[ProductSort, tuple[Any, ...]] = {
    ProductSort.CATALOG: (Listing.product_id,),
    ProductSort.NAME: (Product.name, Product.id),
    ProductSort.PRICE_ASC: (Listing.price_minor, Product.id),
    ProductSort.PRICE_DESC: (-Listing.price_minor, Product.id),
}
# Wide enough for whatever number a stranger writes into a cursor.
WIDE: dict[type, Any] = {int: BigInteger(), float: Float(53), str: Text(), UUID: Uuid()}
KINDS: dict[ProductSort | None, tuple[type, ...]] = {
    ProductSort.CATALOG: (UUID,),
    ProductSort.NAME: (str, UUID),
    ProductSort.PRICE_ASC: (int, UUID),
    ProductSort.PRICE_DESC: (int, UUID),
    None: (int, float, UUID),
}


def _in_store(rank: Any, found: Any, *on: Any) -> Select[Any]:
    """The offers behind the rows of `found`."""
    stocked = and_(Stock.store_id == Listing.store_id, Stock.product_id == Listing.product_id)
    return (
        select(*IN_STORE, rank)
        .select_from(found)
        .join(Listing, and_(*on))
        .join(Product, Product.id == Listing.product_id)
        .join(Company, Company.id == Listing.company_id)
        .join(Category, Category.id == Product.category_id)
        .outerjoin(Brand, Brand.id == Product.brand_id)
        .outerjoin(Stock, stocked)
    )


KEYS = bindparam("keys", type_=ARRAY(Uuid))
MAKERS = kept(
    select(Brand.id, Brand.slug, Brand.name, cast(Brand.translations, Text)).where(
        Brand.id == any_(KEYS)
    )
)
PLAIN = kept(
    select(*IN_NO_STORE)
    .select_from(Product)
    .join(Company, Company.id == Product.company_id)
    .join(Category, Category.id == Product.category_id)
    .outerjoin(Brand, Brand.id == Product.brand_id)
    .where(Product.id == any_(KEYS))
)
PAIRS = (
    func.unnest(bindparam("stores", type_=ARRAY(Uuid)), bindparam("products", type_=ARRAY(Uuid)))
    .table_valued(column("store_id", Uuid), column("product_id", Uuid), name="asked")
    .render_derived()
)
OFFERS = kept(
    _in_store(
        RANKLESS,
        PAIRS,
        PAIRS.c.store_id == Listing.store_id,
        PAIRS.c.product_id == Listing.product_id,
    )
)


@cache
def pages_of(sort: ProductSort | None, within: bool, beyond: bool) -> Select[Any]:
    """Pages of one kind, however many: what they differ in stands in arrays.

    The products of a page are picked by as few tables as that takes; what is told of them is
    joined to those few.
    """
    starts = [f"after_{nth}" for nth in range(len(KINDS[sort]))] if beyond else []
    asked = _asked(sort, starts)
    start = [asked.c[name] for name in starts]
    if sort is ProductSort.CATALOG and within:
        picked = _picked_of_branches(asked, start)
    else:
        picked = _picked(sort, within, asked, start)
    told = _in_store(
        picked.c.rank,
        asked.join(picked, true()),
        Listing.store_id == asked.c.store_id,
        Listing.product_id == picked.c.product_id,
    )
    by = SORTED_BY[sort] if sort else (SOLD_OUT, -picked.c.rank, Product.id)
    return kept(told.add_columns(asked.c.nth).order_by(asked.c.nth, *by))


def _picked(sort: ProductSort | None, within: bool, asked: Any, start: Sequence[Any]) -> Any:
    """The first products in the order of the page, and how well they meet its query."""
    stocked = and_(Stock.store_id == Listing.store_id, Stock.product_id == Listing.product_id)
    found: Any = select(Listing.product_id).join(Product, Product.id == Listing.product_id)
    found = found.where(Listing.store_id == asked.c.store_id, Product.active)
    rank: Any = RANKLESS
    by: tuple[Any, ...]
    if sort is None:
        rank = cast(func.ts_rank(Product.search, asked.c.meant), Float(53))
        by = (SOLD_OUT, -rank, Product.id)
        met = (Product.company_id == asked.c.seller, Product.search.op("@@")(asked.c.meant))
        found = found.outerjoin(Stock, stocked).where(*met)
    else:
        by = SORTED_BY[sort]
    if within:
        found = found.where(Listing.category_id == any_(_families(asked)))
    if start:
        found = found.where(tuple_(*by) > tuple_(*start))
    found = found.add_columns(rank.label("rank")).order_by(*by).limit(asked.c.most)
    return found.correlate(asked).lateral("picked")


def _picked_of_branches(asked: Any, start: Sequence[Any]) -> Any:
    """The first products of each branch by its index, and of these the first."""
    branch = func.unnest(_families(asked)).table_valued(column("id", Uuid)).render_derived("branch")
    first: Any = (
        select(Listing.product_id)
        .join(Product, Product.id == Listing.product_id)
        .where(Listing.store_id == asked.c.store_id, Listing.category_id == branch.c.id)
        .where(Product.active, *(Listing.product_id > one for one in start))
        .order_by(Listing.product_id)
        .limit(asked.c.most)
        .correlate(asked, branch)
        .lateral("first")
    )
    found: Any = select(first.c.product_id, RANKLESS.label("rank"))
    found = found.select_from(branch.join(first, true()))
    found = found.order_by(first.c.product_id).limit(asked.c.most)
    return found.correlate(asked).lateral("picked")


def _families(asked: Any) -> Any:
    """The categories of one page, out of those of all pages."""
    # In brackets, or PostgreSQL would take the slice for a part of the type's name.
    families: ColumnElement[Any] = Grouping(bindparam("families", type_=ARRAY(Uuid)))
    return families[asked.c.low : asked.c.high]


def _asked(sort: ProductSort | None, starts: Sequence[str]) -> Any:
    """What is asked for, a row a page; each query is understood once, not for each product."""
    kinds: dict[str, Any] = {"store_id": Uuid(), "most": Integer(), "low": Integer()}
    kinds |= {"high": Integer(), "query": Text()}
    kinds |= {name: WIDE[kind] for name, kind in zip(starts, KINDS[sort], strict=False)}
    given = (
        func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()))
        .table_valued(*(column(name, kind) for name, kind in kinds.items()), with_ordinality="nth")
        .render_derived(name="given")
    )
    if sort is not None:
        return select(given).cte("asked").prefix_with("MATERIALIZED")
    english = func.to_tsquery("english", given.c.query)
    meant = english.op("||")(func.to_tsquery("simple", given.c.query)).label("meant")
    seller = select(Store.company_id).where(Store.id == given.c.store_id).correlate(given)
    wanted = select(given, meant, seller.scalar_subquery().label("seller"))
    return wanted.cte("asked").prefix_with("MATERIALIZED")


def asked_for(wanted: Sequence[Wanted], kind: Kind) -> dict[str, list[Any]]:
    """The arrays of `pages_of`; the categories of all pages stand one after the other."""
    sort, within, beyond = kind
    asked: dict[str, list[Any]] = {
        "store_id": [one.store_id for one in wanted],
        "most": [one.first + 1 for one in wanted],
        "query": [one.query for one in wanted],
    }
    lows: list[int] = []
    highs: list[int] = []
    families: list[UUID] = []
    for one in wanted:
        lows.append(len(families) + 1)
        families.extend(one.category_ids or ())
        highs.append(len(families))
    asked |= {"low": lows, "high": highs}
    if within:
        asked["families"] = families
    if beyond:
        for nth in range(len(KINDS[sort])):
            asked[f"after_{nth}"] = [one.after[nth] for one in wanted if one.after]
    return asked


def offer_of(row: Any) -> Offer:
    brand = Maker(*row[7:11]) if row[7] is not None else None
    category = Shelf(row[11], row[1], *row[12:16])
    return Offer._make((*row[:7], brand, category, *row[REST]))
