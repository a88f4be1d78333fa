"""Opening a cycle count: which products of a store are to be counted."""

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
from models.stock import Stock
from models.stores import Store
from services.core.access import works_in
from services.core.problems import InvalidInput, NotFound, Problem, Refused, not_found
from services.core.text import line
from services.counting.count_states import tell

LINES = 500
NAMED = 20
NOTE_LENGTH = 200
AISLE_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class BeingCounted(Problem):
    """A product is in another count that is not over yet: both would move the same shelf."""

    product_id: UUID
    count_id: UUID


@dataclass(frozen=True, slots=True)
class Choice:
    """What to count: these products, or those of a category (with all below it), of an aisle."""

    product_ids: tuple[UUID, ...] | None = None
    category_id: UUID | None = None
    aisle: str | None = None


async def start(
    session: AsyncSession, *, actor: Actor, store_id: UUID, choice: Choice, note: str = ""
) -> StockCount:
    """Begin a count of at most LINES products of a store; its staff may.

    Refused: NotFound, InvalidInput for nothing or too much to count, BeingCounted.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    chosen = await _chosen(session, store, choice)
    await _free(session, store_id, chosen)
    company = await session.get_one(Company, store.company_id)
    row = StockCount(
        company_id=store.company_id,
        store_id=store_id,
        note=note,
        currency=company.currency,
        started_by_id=actor.person_id,
    )
    session.add(row)
    await session.flush()
    await _lay_out(session, row, chosen)
    tell(session, row)
    return row


async def _lay_out(session: AsyncSession, row: StockCount, chosen: Sequence[UUID]) -> None:
    """Make the count's lines; refused where another count was faster."""
    at = {"count_id": row.id, "company_id": row.company_id, "store_id": row.store_id}
    try:
        async with session.begin_nested():
            session.add_all(
                StockCountLine(product_id=key, position=nth, **at) for nth, key in enumerate(chosen)
            )
    except IntegrityError:
        await _free(session, row.store_id, chosen)
        raise


async def _chosen(session: AsyncSession, store: Store, choice: Choice) -> Sequence[UUID]:
    """The products to count, each once: as they were named, or by their aisles."""
    if choice.product_ids is not None:
        if choice.category_id is not None or choice.aisle is not None:
            said = "Name products, or a category and an aisle: not both."
            raise _invalid(said, "productIds")
        return await _named(session, store, choice.product_ids)
    if choice.category_id is None and choice.aisle is None:
        raise _invalid("Say what to count: products, a category or an aisle.", "productIds")
    if choice.category_id is not None:
        found = await session.get(Category, choice.category_id)
        if found is None or found.company_id != store.company_id:
            raise not_found(Category, "categoryId")
    rows = (await session.scalars(_placed(store, choice))).all()
    if not rows:
        raise _invalid("There is nothing of it in the store.", "categoryId")
    if len(rows) > LINES:
        raise _invalid(f"A count has at most {LINES} products: choose less.", "categoryId")
    return rows


async def _named(
    session: AsyncSession, store: Store, product_ids: Sequence[UUID]
) -> Sequence[UUID]:
    if not 1 <= len(product_ids) <= LINES:
        raise _invalid(f"A count has from 1 to {LINES} products.", "productIds")
    ours = select(Product.id).where(
        Product.id.in_(product_ids), Product.company_id == store.company_id
    )
    known = set(await session.scalars(ours))
    problems: list[Problem] = []
    for nth, key in enumerate(product_ids):
        path = ["input", "productIds", str(nth)]
        if key not in known:
            problems.append(NotFound(path=path, message="There is no such product."))
        elif key in product_ids[:nth]:
            problems.append(InvalidInput(path=path, message="This product is named twice."))
    if problems:
        raise Refused(*problems)
    return product_ids


def _placed(store: Store, choice: Choice) -> Select[UUID]:
    """Products that the store lists in the aisle and the category, or has stock of in the latter.

    One more than a count may have, so that too many are seen to be so.
    """
    products = select(Product.id).where(Product.company_id == store.company_id)
    listed = select(Listing.product_id).where(Listing.store_id == store.id)
    stocked = select(Stock.product_id).where(Stock.store_id == store.id)
    if choice.aisle is not None:
        aisle = line(choice.aisle, "input", "aisle", most=AISLE_LENGTH, least=1)
        products = products.where(Product.id.in_(listed.where(Listing.aisle == aisle)))
    else:
        products = products.where(Product.id.in_(listed.union(stocked)))
    if choice.category_id is not None:
        tree = select(Category.id).where(Category.id == choice.category_id)
        below = tree.cte("below", recursive=True)
        below = below.union(select(Category.id).join(below, Category.parent_id == below.c.id))
        products = products.where(Product.category_id.in_(select(below.c.id)))
    at = (Listing.store_id == store.id) & (Listing.product_id == Product.id)
    walked = products.outerjoin(Listing, at).order_by(Listing.aisle.nulls_last(), Product.name)
    return walked.order_by(Product.id).limit(LINES + 1)


async def _free(session: AsyncSession, store_id: UUID, product_ids: Sequence[UUID]) -> None:
    """Refuse products that are in a live count of the store."""
    live = (
        select(StockCountLine.product_id, StockCountLine.count_id)
        .where(StockCountLine.store_id == store_id, StockCountLine.live)
        .where(StockCountLine.product_id.in_(product_ids))
        .order_by(StockCountLine.product_id)
        .limit(NAMED)
    )
    taken: Mapping[UUID, UUID] = {
        one.product_id: one.count_id for one in await session.execute(live)
    }
    if taken:
        said, path = "This product is being counted already.", ["input", "productIds"]
        raise Refused(
            *(
                BeingCounted(path=path, message=said, product_id=key, count_id=count)
                for key, count in taken.items()
            )
        )


def _invalid(message: str, field: str) -> Refused:
    return Refused(InvalidInput(path=["input", field], message=message))
