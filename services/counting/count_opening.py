"""Starts a stock count: selects the products of a store to count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Category, Listing, Product
from models.companies import Company
from models.counting import StockCount, StockCountLine
from models.identity import Actor
from models.stock import StockLevel
from models.stores import Store
from services.core.problems import DomainError, InvalidInput, NotFound, Problem, not_found
from services.core.text import parse_code, parse_line
from services.counting.count_states import record_change
from services.stock.stock_queries import visible_store

MAX_LINES = 500
MAX_NAMED_CONFLICTS = 20
MAX_NOTE_LENGTH = 200
MAX_AISLE_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCountInProgress(Problem):
    """A product is in another active count: both would change the same stock row."""

    product_id: UUID
    stock_count_id: UUID


@dataclass(frozen=True, slots=True)
class CountSelection:
    """What to count: named products, or those of a category (with subcategories) and an aisle."""

    product_ids: tuple[UUID, ...] | None = None
    category_id: UUID | None = None
    aisle: str | None = None


async def start(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    selection: CountSelection,
    note: str = "",
) -> StockCount:
    """Start a count of at most MAX_LINES products of a store, by one of its staff.

    Raises DomainError: NotFound, InvalidInput for no or too many products, StockCountInProgress.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    store = await visible_store(session, actor, store_id)
    product_ids = await _select_products(session, store, selection)
    return await open_count(session, store, product_ids, note, actor.person_id)


async def open_count(
    session: AsyncSession,
    store: Store,
    product_ids: Sequence[UUID],
    note: str,
    person_id: UUID | None,
) -> StockCount:
    """Open a count of products of a store's company, started by a person or by the system.

    Raises DomainError: StockCountInProgress.
    """
    await _check_not_being_counted(session, store.id, product_ids)
    company = await session.get_one(Company, store.company_id)
    row = StockCount(
        company_id=store.company_id,
        store_id=store.id,
        note=note,
        currency=company.currency,
        started_by_id=person_id,
    )
    session.add(row)
    await session.flush()
    await _create_lines(session, row, product_ids)
    record_change(session, row)
    return row


async def _create_lines(
    session: AsyncSession, row: StockCount, product_ids: Sequence[UUID]
) -> None:
    """Create the lines; StockCountInProgress if a concurrent count has one of the products."""
    columns = {"count_id": row.id, "company_id": row.company_id, "store_id": row.store_id}
    try:
        async with session.begin_nested():
            session.add_all(
                StockCountLine(product_id=key, position=nth, **columns)
                for nth, key in enumerate(product_ids)
            )
    except IntegrityError:
        await _check_not_being_counted(session, row.store_id, product_ids)
        raise


async def _select_products(
    session: AsyncSession, store: Store, selection: CountSelection
) -> Sequence[UUID]:
    """The products to count, each once: in the order of the input, or by aisle and name."""
    if selection.product_ids is not None:
        if selection.category_id is not None or selection.aisle is not None:
            message = "Name products, or a category and an aisle: not both."
            raise _invalid(message, "productIds")
        return await _check_products(session, store, selection.product_ids)
    if selection.category_id is None and selection.aisle is None:
        raise _invalid("Say what to count: products, a category or an aisle.", "productIds")
    if selection.category_id is not None:
        category = await session.get(Category, selection.category_id)
        if category is None or category.company_id != store.company_id:
            raise not_found(Category, "categoryId")
    product_ids = (await session.scalars(_products_of_area(store, selection))).all()
    if not product_ids:
        raise _invalid("The store has no such products.", "categoryId")
    if len(product_ids) > MAX_LINES:
        raise _invalid(f"A count has at most {MAX_LINES} products: choose less.", "categoryId")
    return product_ids


async def _check_products(
    session: AsyncSession, store: Store, product_ids: Sequence[UUID]
) -> Sequence[UUID]:
    if not 1 <= len(product_ids) <= MAX_LINES:
        raise _invalid(f"A count has from 1 to {MAX_LINES} products.", "productIds")
    own = select(Product.id).where(
        Product.id.in_(product_ids), Product.company_id == store.company_id
    )
    known = set(await session.scalars(own))
    problems: list[Problem] = []
    for nth, key in enumerate(product_ids):
        path = ["input", "productIds", str(nth)]
        if key not in known:
            problems.append(NotFound(path=path, message="There is no such product."))
        elif key in product_ids[:nth]:
            problems.append(InvalidInput(path=path, message="This product is named twice."))
    if problems:
        raise DomainError(*problems)
    return product_ids


def _products_of_area(store: Store, selection: CountSelection) -> Select[UUID]:
    """Products that the store lists in the aisle, or lists or stocks, and of the category.

    Selects one more than a count may have, so that the caller sees when there are too many.
    """
    products = select(Product.id).where(Product.company_id == store.company_id)
    listed = select(Listing.product_id).where(Listing.store_id == store.id)
    stocked = select(StockLevel.product_id).where(StockLevel.store_id == store.id)
    if selection.aisle is not None:
        aisle = parse_code(selection.aisle, "input", "aisle", max_length=MAX_AISLE_LENGTH)
        products = products.where(Product.id.in_(listed.where(Listing.aisle == aisle)))
    else:
        products = products.where(Product.id.in_(listed.union(stocked)))
    if selection.category_id is not None:
        tree = select(Category.id).where(Category.id == selection.category_id)
        below = tree.cte("below", recursive=True)
        below = below.union(select(Category.id).join(below, Category.parent_id == below.c.id))
        products = products.where(Product.category_id.in_(select(below.c.id)))
    of_listing = (Listing.store_id == store.id) & (Listing.product_id == Product.id)
    with_aisle = products.outerjoin(Listing, of_listing)
    ordered = with_aisle.order_by(Listing.aisle.nulls_last(), Product.name, Product.id)
    return ordered.limit(MAX_LINES + 1)


async def _check_not_being_counted(
    session: AsyncSession, store_id: UUID, product_ids: Sequence[UUID]
) -> None:
    """Raise StockCountInProgress for products that are in an active count of the store."""
    active = (
        select(StockCountLine.product_id, StockCountLine.count_id)
        .where(StockCountLine.store_id == store_id, StockCountLine.live)
        .where(StockCountLine.product_id.in_(product_ids))
        .order_by(StockCountLine.product_id)
        .limit(MAX_NAMED_CONFLICTS)
    )
    count_by_product: Mapping[UUID, UUID] = {
        row.product_id: row.count_id for row in await session.execute(active)
    }
    if count_by_product:
        message, path = "This product is being counted already.", ["input", "productIds"]
        raise DomainError(
            *(
                StockCountInProgress(
                    path=path, message=message, product_id=key, stock_count_id=count_id
                )
                for key, count_id in count_by_product.items()
            )
        )


def _invalid(message: str, field: str) -> DomainError:
    return DomainError(InvalidInput(path=["input", field], message=message))
