"""What a store's staff do about batches: see what expires, mark down what is slow, throw away."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.stock import Stock, StockBatch, StockEntry, StockReason, WasteSource
from models.stores import Store
from services.carts.basket_problems import InsufficientStock
from services.core.access import works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Refused, not_found
from services.core.text import line
from services.stock import batches
from services.stock.receiving import RECEIVED_UNITS, today_in
from services.stock.stock_rows import Cause, announce, available, lock, move

WITHIN_DAYS = 365
SALES_DAYS = 14
NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Markdown:
    """A batch of which units will be left when it expires, if sales go on as they did."""

    batch: StockBatch
    days_left: int
    daily_sales: float
    surplus: int


async def store_of(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    """The store, for its staff; refused as not found."""
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    return store


async def expiring(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    within_days: int,
    first: int,
    cursor: str | None,
) -> Page[StockBatch]:
    """A page of the batches on the shelf that expire within some days, the first to expire first.

    Those that have expired already and are promised still are among them. Refused: NotFound,
    InvalidInput.
    """
    bounded(first)
    last = await _last_day(session, actor, store_id, within_days)
    rows = (
        select(StockBatch)
        .where(StockBatch.store_id == store_id, StockBatch.expires_on <= last)
        .where(StockBatch.on_hand > 0)
        .order_by(StockBatch.expires_on, StockBatch.id)
        .limit(first + 1)
    )
    if (start := _start(cursor)) is not None:
        key = func.row(StockBatch.expires_on, StockBatch.id)
        rows = rows.where(key > func.row(*start))
    found = (await session.scalars(rows)).all()
    return page(found, first, _key)


# Sales of a day: what was sold less what came back. A batch is sold after those of its product that
# expire before it, so what stands before it counts too; what of them will be left is theirs.
MARKDOWNS = text(
    """
    with soon as (
        select * from stock_batch where store_id = :store and status = 'OPEN' and on_hand > 0
            and expires_on between :today and :last
    ), sold as (
        select product_id, greatest(-sum(delta), 0)::float8 / cast(:days as int) as daily
        from stock_entry where store_id = :store and product_id in (select product_id from soon)
            and reason in ('SALE', 'COUNTER_SALE', 'RESTOCK')
            and at > now() - make_interval(days => cast(:days as int))
        group by 1
    ), queued as (
        select id, soon.product_id, expires_on, expires_on - cast(:today as date) as days_left,
            coalesce(daily, 0) as daily,
            sum(on_hand) over (partition by soon.product_id order by expires_on, id) as before
        from soon left join sold using (product_id)
    ), left_over as (
        select *, max(greatest(0, ceil(before - daily * (days_left + 1)))::int)
            over (partition by product_id order by expires_on, id) as units
        from queued
    ), figured as (
        select *, units - lag(units, 1, 0)
            over (partition by product_id order by expires_on, id) as surplus
        from left_over
    )
    select id, days_left, daily, surplus from figured
    where surplus > 0 and (cast(:after as uuid) is null
        or (expires_on, id) > (cast(:after_day as date), cast(:after as uuid)))
    order by expires_on, id limit :rows
    """
)


async def markdowns(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    within_days: int,
    first: int,
    cursor: str | None,
) -> Page[Markdown]:
    """A page of the batches that expire within some days and sell too slowly for that.

    daily = units sold less units brought back in the last 14 days, / 14. What will be left of a
    product's batches up to one = their units - daily * (days left + 1), rounded up, at least 0 and
    at least what will be left up to the one before; a batch's surplus is the difference of both.
    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    last = await _last_day(session, actor, store_id, within_days)
    day, key = _start(cursor) or (None, None)
    given = {"today": last - timedelta(days=within_days), "last": last, "days": SALES_DAYS}
    rows = await session.execute(
        MARKDOWNS,
        {**given, "store": store_id, "after": key, "after_day": day, "rows": first + 1},
    )
    figures = rows.all()
    named = select(StockBatch).where(StockBatch.id.in_([row.id for row in figures]))
    known = {batch.id: batch for batch in await session.scalars(named)}
    found = [Markdown(known[row.id], row.days_left, row.daily, row.surplus) for row in figures]
    return page(found, first, lambda one: _key(one.batch))


async def waste(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    batch_id: UUID | None,
    quantity: int,
    source: WasteSource,
    note: str,
) -> StockEntry:
    """Throw units of a batch away, or of a product: then the first to expire, or of no batch.

    Answers the (first) entry of the ledger. Refused: NotFound, InvalidInput, InsufficientStock.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    if not 1 <= quantity <= RECEIVED_UNITS:
        raise Refused(_wrong("quantity", f"From 1 to {RECEIVED_UNITS} units."))
    if (product_id is None) == (batch_id is None):
        raise Refused(_wrong("batchId", "Name either a batch or a product."))
    await store_of(session, actor, store_id)
    cause = Cause(StockReason.WASTE, note, actor.person_id)
    row, batch = await _place(session, store_id, product_id, batch_id)
    if source is WasteSource.SET_ASIDE:
        _enough(row, await _set_aside(session, row, batch), quantity)
        entry = move(session, row, cause, damaged=-quantity, batch=batch)
    elif batch is not None:
        _enough(row, min(batch.on_hand, available(row)), quantity)
        entry = move(session, row, cause, -quantity, batch=batch, of_batch=-quantity)
    else:
        entry = await _off_the_shelf(session, row, quantity, cause)
    await session.flush()
    announce(session, [row])
    return entry


async def _place(
    session: AsyncSession, store_id: UUID, product_id: UUID | None, batch_id: UUID | None
) -> tuple[Stock, StockBatch | None]:
    """The locked row, and the batch under its lock."""
    if batch_id is not None:
        here = select(StockBatch.product_id).where(StockBatch.id == batch_id)
        product_id = await session.scalar(here.where(StockBatch.store_id == store_id))
        if product_id is None:
            raise not_found(StockBatch, "batchId")
    shelf = (await lock(session, [store_id], [product_id]))[store_id] if product_id else {}
    if product_id is None or (row := shelf.get(product_id)) is None:
        raise not_found(Product, "productId")
    if batch_id is None:
        return row, None
    return row, await session.get_one(StockBatch, batch_id, populate_existing=True)


async def _off_the_shelf(
    session: AsyncSession, row: Stock, quantity: int, cause: Cause
) -> StockEntry:
    there = (await batches.on_shelf(session, row.store_id, [row.product_id]))[row.product_id]
    batches.set_aside(session, row, there, cause)
    _enough(row, available(row), quantity)
    return batches.leave(session, row, there, quantity, cause)[0]


async def _set_aside(session: AsyncSession, row: Stock, batch: StockBatch | None) -> int:
    """Units set aside of a batch, or of none that is known."""
    if batch is not None:
        return batch.damaged
    known = select(func.coalesce(func.sum(StockBatch.damaged), 0)).where(
        StockBatch.store_id == row.store_id, StockBatch.product_id == row.product_id
    )
    return row.damaged - int(await session.scalar(known) or 0)


def _enough(row: Stock, there: int, quantity: int) -> None:
    if there < quantity:
        message = f"Only {there} units are there."
        path = ["input", "quantity"]
        raise Refused(
            InsufficientStock(
                path=path, message=message, product_id=row.product_id, available=there
            )
        )


async def _last_day(session: AsyncSession, actor: Actor, store_id: UUID, within_days: int) -> date:
    if not 0 <= within_days <= WITHIN_DAYS:
        said = f"withinDays is from 0 to {WITHIN_DAYS}."
        raise Refused(InvalidInput(path=["withinDays"], message=said))
    await store_of(session, actor, store_id)
    return await today_in(session, store_id) + timedelta(days=within_days)


def _key(batch: StockBatch) -> tuple[int, str]:
    return (batch.expires_on or date.max).toordinal(), str(batch.id)


def _start(cursor: str | None) -> tuple[date, UUID] | None:
    start = after(cursor, int, UUID)
    if start is None:
        return None
    if not 1 <= start[0] <= date.max.toordinal():
        raise Refused(InvalidInput(path=["after"], message="That cursor is not one of ours."))
    return date.fromordinal(start[0]), start[1]


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
