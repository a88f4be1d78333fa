"""SQL statements that read products, each compiled once, and the mapping of their rows."""

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
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.types import TypeEngine

from database.statements import prepared
from models.catalog import Brand, Category, Listing, Product, ProductSort
from models.companies import Company
from models.stock import StockLevel
from models.stores import Store
from services.catalog.categories import StoreCategory
from services.catalog.listed_products import BrandRef, ListedProduct, ProductPageRequest

PageKind = tuple[ProductSort | None, bool, bool]
"""The sort order (None: best match first), whether within categories, whether after a cursor."""
ZERO_RANK: Any = literal(0.0)
LISTED = and_(Listing.available, Product.active)
UNITS = func.coalesce(StockLevel.on_hand - StockLevel.reserved, 0)
SOLD_OUT = case((or_(not_(LISTED), UNITS <= 0), 1), else_=0)
OFFER_TEXT = func.coalesce(func.nullif(Listing.promotion_label, ""), Product.promotion_label)
PRODUCT_COLUMNS: tuple[Any, ...] = (
    Product.code,
    Product.barcode,
    Product.name,
    cast(Product.translations, Text).label("translations_json"),
    Brand.id,
    Brand.slug,
    Brand.name,
    cast(Brand.translations, Text).label("brand_translations_json"),
    Category.id,
    Category.parent_id,
    Category.slug,
    Category.name,
    cast(Category.translations, Text).label("category_translations_json"),
)
HANDLING_COLUMNS: tuple[Any, ...] = (
    *(
        Product.temperature_zone,
        Product.weighed,
        Product.average_weight_grams,
        Product.age_restricted,
    ),
)
# The columns after those of the category.
REMAINING_COLUMNS = slice(16, 16 + len(ListedProduct._fields) - 9)
STORE_PRODUCT_COLUMNS: tuple[Any, ...] = (
    *(Product.id, Listing.store_id, Listing.company_id, *PRODUCT_COLUMNS),
    *(Listing.price_minor, Company.currency, LISTED, UNITS, OFFER_TEXT, Listing.aisle),
    *(*HANDLING_COLUMNS, Listing.version, Listing.price_per_kilogram_minor),
)
CATALOG_PRODUCT_COLUMNS: tuple[Any, ...] = (
    *(Product.id, null(), Product.company_id, *PRODUCT_COLUMNS),
    *(null(), Company.currency, false(), null(), Product.promotion_label, literal("")),
    *(*HANDLING_COLUMNS, null(), null(), literal(0.0)),
)
SORT_EXPRESSIONS: dict[ProductSort, tuple[Any, ...]] = {
    ProductSort.CATALOG: (Listing.product_id,),
    ProductSort.NAME: (Product.name, Product.id),
    ProductSort.PRICE_ASC: (Listing.price_minor, Product.id),
    ProductSort.PRICE_DESC: (-Listing.price_minor, Product.id),
}
CURSOR_TYPES: dict[ProductSort | None, tuple[TypeEngine[Any], ...]] = {
    ProductSort.CATALOG: (Uuid(),),
    ProductSort.NAME: (Text(), Uuid()),
    ProductSort.PRICE_ASC: (BigInteger(), Uuid()),
    ProductSort.PRICE_DESC: (BigInteger(), Uuid()),
    None: (BigInteger(), Float(53), Uuid()),
}


def _in_store(rank: Any, source: Any, *on: Any) -> Select[Any]:
    """Select the listed products for the rows of `source`."""
    of_listing = and_(
        StockLevel.store_id == Listing.store_id, StockLevel.product_id == Listing.product_id
    )
    return (
        select(*STORE_PRODUCT_COLUMNS, rank)
        .select_from(source)
        .join(Listing, and_(*on))
        .join(Product, Product.id == Listing.product_id)
        .join(Company, Company.id == Listing.company_id)
        .join(Category, Category.id == Product.category_id)
        .outerjoin(Brand, Brand.id == Product.brand_id)
        .outerjoin(StockLevel, of_listing)
    )


KEYS = bindparam("keys", type_=ARRAY(Uuid))
BRANDS_BY_ID = prepared(
    select(Brand.id, Brand.slug, Brand.name, cast(Brand.translations, Text)).where(
        Brand.id == any_(KEYS)
    )
)
PRODUCTS_BY_ID = prepared(
    select(*CATALOG_PRODUCT_COLUMNS)
    .select_from(Product)
    .join(Company, Company.id == Product.company_id)
    .join(Category, Category.id == Product.category_id)
    .outerjoin(Brand, Brand.id == Product.brand_id)
    .where(Product.id == any_(KEYS))
)
STORE_PRODUCT_PAIRS = (
    func.unnest(bindparam("stores", type_=ARRAY(Uuid)), bindparam("products", type_=ARRAY(Uuid)))
    .table_valued(column("store_id", Uuid), column("product_id", Uuid), name="pair")
    .render_derived()
)
LISTED_PRODUCTS_BY_PAIR = prepared(
    _in_store(
        ZERO_RANK,
        STORE_PRODUCT_PAIRS,
        STORE_PRODUCT_PAIRS.c.store_id == Listing.store_id,
        STORE_PRODUCT_PAIRS.c.product_id == Listing.product_id,
    )
)


@cache
def pages_statement(sort: ProductSort | None, within: bool, beyond: bool) -> Select[Any]:
    """Build the statement for any number of pages of one kind; array parameters hold the requests.

    An inner query finds the products of a page with as few tables as possible; the remaining
    columns are joined to those rows only.
    """
    cursor_columns = [f"after_{nth}" for nth in range(len(CURSOR_TYPES[sort]))] if beyond else []
    requests = _requests(sort, cursor_columns)
    cursor = [requests.c[name] for name in cursor_columns]
    if sort is ProductSort.CATALOG and within:
        matches = _matches_by_category(requests, cursor)
    else:
        matches = _matches(sort, within, requests, cursor)
    statement = _in_store(
        matches.c.rank,
        requests.join(matches, true()),
        Listing.store_id == requests.c.store_id,
        Listing.product_id == matches.c.product_id,
    )
    by = SORT_EXPRESSIONS[sort] if sort else (SOLD_OUT, -matches.c.rank, Product.id)
    return prepared(statement.add_columns(requests.c.nth).order_by(requests.c.nth, *by))


def _matches(sort: ProductSort | None, within: bool, requests: Any, cursor: Sequence[Any]) -> Any:
    """Select the first products in the order of the page, with their search rank."""
    of_listing = and_(
        StockLevel.store_id == Listing.store_id, StockLevel.product_id == Listing.product_id
    )
    query: Any = select(Listing.product_id).join(Product, Product.id == Listing.product_id)
    query = query.where(Listing.store_id == requests.c.store_id, Product.active)
    rank: Any = ZERO_RANK
    by: tuple[Any, ...]
    if sort is None:
        rank = cast(func.ts_rank(Product.search, requests.c.ts_query), Float(53))
        by = (SOLD_OUT, -rank, Product.id)
        query = query.outerjoin(StockLevel, of_listing).where(
            Product.company_id == requests.c.company_id,
            Product.search.op("@@")(requests.c.ts_query),
        )
    else:
        by = SORT_EXPRESSIONS[sort]
    if within:
        query = query.where(Listing.category_id == any_(_category_ids(requests)))
    if cursor:
        query = query.where(tuple_(*by) > tuple_(*cursor))
    query = query.add_columns(rank.label("rank")).order_by(*by).limit(requests.c.row_limit)
    return query.correlate(requests).lateral("matches")


def _matches_by_category(requests: Any, cursor: Sequence[Any]) -> Any:
    """Select the first products of each category by its index, then the first of all these."""
    category = (
        func.unnest(_category_ids(requests))
        .table_valued(column("id", Uuid))
        .render_derived("wanted_category")
    )
    first: Any = (
        select(Listing.product_id)
        .join(Product, Product.id == Listing.product_id)
        .where(Listing.store_id == requests.c.store_id, Listing.category_id == category.c.id)
        .where(Product.active, *(Listing.product_id > product_id for product_id in cursor))
        .order_by(Listing.product_id)
        .limit(requests.c.row_limit)
        .correlate(requests, category)
        .lateral("first")
    )
    query: Any = select(first.c.product_id, ZERO_RANK.label("rank"))
    query = query.select_from(category.join(first, true()))
    query = query.order_by(first.c.product_id).limit(requests.c.row_limit)
    return query.correlate(requests).lateral("matches")


def _category_ids(requests: Any) -> Any:
    """Slice the categories of one request out of those of all requests."""
    # Without parentheses PostgreSQL would parse the slice as part of the type's name.
    category_ids: ColumnElement[Any] = Grouping(bindparam("category_ids", type_=ARRAY(Uuid)))
    return category_ids[requests.c.low : requests.c.high]


def _requests(sort: ProductSort | None, cursor_columns: Sequence[str]) -> Any:
    """Select the requests, one row per page; each search text is parsed once, not per product."""
    types: dict[str, Any] = {"store_id": Uuid(), "row_limit": Integer(), "low": Integer()}
    types |= {"high": Integer(), "query": Text()}
    types |= dict(zip(cursor_columns, CURSOR_TYPES[sort], strict=False))
    rows = (
        func.unnest(*(bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()))
        .table_valued(
            *(column(name, type_) for name, type_ in types.items()), with_ordinality="nth"
        )
        .render_derived(name="request_row")
    )
    if sort is not None:
        return select(rows).cte("request").prefix_with("MATERIALIZED")
    ts_query = cast(rows.c.query, TSQUERY).label("ts_query")
    company_id = select(Store.company_id).where(Store.id == rows.c.store_id).correlate(rows)
    requests = select(rows, ts_query, company_id.scalar_subquery().label("company_id"))
    return requests.cte("request").prefix_with("MATERIALIZED")


def page_parameters(requests: Sequence[ProductPageRequest], kind: PageKind) -> dict[str, list[Any]]:
    """Return the arrays for `pages_statement`; `low` and `high` delimit a page's category ids."""
    sort, within, beyond = kind
    parameters: dict[str, list[Any]] = {
        "store_id": [request.store_id for request in requests],
        "row_limit": [request.first + 1 for request in requests],
        "query": [request.query for request in requests],
    }
    lows: list[int] = []
    highs: list[int] = []
    category_ids: list[UUID] = []
    for request in requests:
        lows.append(len(category_ids) + 1)
        category_ids.extend(request.category_ids or ())
        highs.append(len(category_ids))
    parameters |= {"low": lows, "high": highs}
    if within:
        parameters["category_ids"] = category_ids
    if beyond:
        for nth in range(len(CURSOR_TYPES[sort])):
            parameters[f"after_{nth}"] = [
                request.after[nth] for request in requests if request.after
            ]
    return parameters


def listed_product_of(row: Any) -> ListedProduct:
    brand = BrandRef(*row[7:11]) if row[7] is not None else None
    category = StoreCategory(row[11], row[1], *row[12:16])
    return ListedProduct._make((*row[:7], brand, category, *row[REMAINING_COLUMNS]))
