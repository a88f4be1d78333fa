"""Batches near their expiry: lists them, proposes markdowns, and writes units off."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.message_text import count_text, number_text
from models.stock import StockBatch, StockLevel, StockMovement, StockMovementReason, WriteOffSource
from services.carts.basket_problems import InsufficientStock
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_line
from services.stock import batches
from services.stock.receiving import MAX_RECEIPT_UNITS
from services.stock.stock_queries import visible_store
from services.stock.stock_rows import available_units, lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed, record_movement
from services.stores.store_time import read_calendar_date

MAX_DAYS_AHEAD = 365
SALES_DAYS = 14
MAX_NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class MarkdownCandidate:
    """A batch that will expire with `surplus` units unsold, at the current daily sales."""

    batch: StockBatch
    days_to_expiry: int
    daily_sales: float
    surplus: int


async def list_expiring(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    within_days: int,
    first: int,
    cursor: str | None,
) -> Page[StockBatch]:
    """A page of the batches in stock that expire within some days, the first to expire first.

    Includes expired batches whose units are still reserved. Raises DomainError: NotFound,
    InvalidInput.
    """
    check_page_size(first)
    last = await _last_day(session, actor, store_id, within_days)
    statement = (
        select(StockBatch)
        .where(StockBatch.store_id == store_id, StockBatch.sell_by_date <= last)
        .where(StockBatch.on_hand > 0)
        .order_by(StockBatch.sell_by_date, StockBatch.id)
        .limit(first + 1)
    )
    if (start := _decode_start(cursor)) is not None:
        key = func.row(StockBatch.sell_by_date, StockBatch.id)
        statement = statement.where(key > func.row(*start))
    return build_page((await session.scalars(statement)).all(), first, cursor, _cursor_key)


# Daily sales: units sold less units returned. A batch is sold after the batches of its product that
# expire earlier, so those count too; their own surplus is subtracted from the running total.
MARKDOWN_CANDIDATES = text(
    """
    with soon as (
        select * from stock_batch where store_id = :store and status = 'OPEN' and on_hand > 0
            and sell_by_date between :today and :last
    ), sold as (
        select product_id, greatest(-sum(on_hand_delta), 0)::float8 / cast(:days as int) as daily
        from stock_entry where store_id = :store and product_id in (select product_id from soon)
            and reason in ('SALE', 'POS_SALE', 'RESTOCK')
            and occurred_at > now() - make_interval(days => cast(:days as int))
        group by 1
    ), queued as (
        select id, soon.product_id, sell_by_date,
            sell_by_date - cast(:today as date) as days_to_expiry, coalesce(daily, 0) as daily,
            sum(on_hand) over (partition by soon.product_id order by sell_by_date, id) as cumulative
        from soon left join sold using (product_id)
    ), left_over as (
        select *, max(greatest(0, ceil(cumulative - daily * (days_to_expiry + 1)))::int)
            over (partition by product_id order by sell_by_date, id) as units
        from queued
    ), batch_surplus as (
        select *, units - lag(units, 1, 0)
            over (partition by product_id order by sell_by_date, id) as surplus
        from left_over
    )
    select id, days_to_expiry, daily, surplus from batch_surplus
    where surplus > 0 and (cast(:after as uuid) is null
        or (sell_by_date, id) > (cast(:after_day as date), cast(:after as uuid)))
    order by sell_by_date, id limit :rows
    """
)


async def list_markdown_candidates(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    within_days: int,
    first: int,
    cursor: str | None,
) -> Page[MarkdownCandidate]:
    """A page of the batches that expire within some days and will not be sold by then.

    daily = (units sold - units returned in the last 14 days) / 14. Left over of a product's batches
    up to one batch = their units - daily * (days left + 1), rounded up, at least 0 and at least
    the left over up to the batch before; a batch's surplus is the difference of both.
    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    last = await _last_day(session, actor, store_id, within_days)
    day, key = _decode_start(cursor) or (None, None)
    today = last - timedelta(days=within_days)
    figures = await session.execute(
        MARKDOWN_CANDIDATES,
        {
            "store": store_id, "today": today, "last": last, "days": SALES_DAYS,
            "after": key, "after_day": day, "rows": first + 1,
        },
    )  # fmt: skip
    rows = figures.all()
    listed = select(StockBatch).where(StockBatch.id.in_([row.id for row in rows]))
    batches_by_id = {batch.id: batch for batch in await session.scalars(listed)}
    candidates = [
        MarkdownCandidate(batches_by_id[row.id], row.days_to_expiry, row.daily, row.surplus)
        for row in rows
    ]
    return build_page(candidates, first, cursor, lambda candidate: _cursor_key(candidate.batch))


async def write_off(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    batch_id: UUID | None,
    quantity: int,
    source: WriteOffSource,
    note: str,
) -> StockMovement:
    """Write off units of a batch, or of a product: the first to expire, or those of no batch.

    Returns the (first) ledger row. Raises DomainError: NotFound, InvalidInput, InsufficientStock.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    if not 1 <= quantity <= MAX_RECEIPT_UNITS:
        raise DomainError(
            _invalid("quantity", f"quantity is from 1 to {number_text(MAX_RECEIPT_UNITS)}.")
        )
    if (product_id is None) == (batch_id is None):
        raise DomainError(_invalid("goods", "Name either a batch or a product."))
    await visible_store(session, actor, store_id)
    cause = MovementCause(StockMovementReason.WASTE, note, actor.person_id)
    row, batch = await _lock(session, store_id, product_id, batch_id)
    if source is WriteOffSource.UNSELLABLE:
        _check_available(row, await _set_aside_units(session, row, batch), quantity)
        entry = record_movement(session, row, cause, unsellable_delta=-quantity, batch=batch)
    elif batch is not None:
        _check_available(row, min(batch.on_hand, available_units(row)), quantity)
        entry = record_movement(session, row, cause, -quantity, batch=batch, batch_delta=-quantity)
    else:
        entry = await _remove_first_expiring(session, row, quantity, cause)
    await session.flush()
    publish_stock_changed(session, [row])
    return entry


async def _lock(
    session: AsyncSession, store_id: UUID, product_id: UUID | None, batch_id: UUID | None
) -> tuple[StockLevel, StockBatch | None]:
    """Lock the stock row, then read the batch; NotFound unless both are in the store."""
    if batch_id is not None:
        product_of_batch = select(StockBatch.product_id).where(StockBatch.id == batch_id)
        product_id = await session.scalar(product_of_batch.where(StockBatch.store_id == store_id))
        if product_id is None:
            raise not_found(StockBatch, "goods", "batchId")
    rows = (await lock_rows(session, [store_id], [product_id]))[store_id] if product_id else {}
    if product_id is None or (row := rows.get(product_id)) is None:
        raise not_found(Product, "goods", "productId")
    if batch_id is None:
        return row, None
    return row, await session.get_one(StockBatch, batch_id, populate_existing=True)


async def _remove_first_expiring(
    session: AsyncSession, row: StockLevel, quantity: int, cause: MovementCause
) -> StockMovement:
    in_stock = await batches.load_in_stock(session, row.store_id, [row.product_id])
    product_batches = in_stock[row.product_id]
    batches.set_aside(session, row, product_batches, cause)
    _check_available(row, available_units(row), quantity)
    return batches.remove_units(session, row, product_batches, quantity, cause)[0]


async def _set_aside_units(session: AsyncSession, row: StockLevel, batch: StockBatch | None) -> int:
    """Units set aside of a batch, or of no known batch."""
    if batch is not None:
        return batch.unsellable
    of_batches = select(func.coalesce(func.sum(StockBatch.unsellable), 0)).where(
        StockBatch.store_id == row.store_id, StockBatch.product_id == row.product_id
    )
    return row.unsellable - int(await session.scalar(of_batches) or 0)


def _check_available(row: StockLevel, available: int, quantity: int) -> None:
    if available < quantity:
        message = f"At most {count_text(available, 'unit')} can be written off: no more are there."
        path = ["input", "quantity"]
        raise DomainError(
            InsufficientStock(
                path=path, message=message, product_id=row.product_id, available=available
            )
        )


async def _last_day(session: AsyncSession, actor: Actor, store_id: UUID, within_days: int) -> date:
    if not 0 <= within_days <= MAX_DAYS_AHEAD:
        message = f"withinDays is from 0 to {MAX_DAYS_AHEAD}."
        raise DomainError(InvalidInput(path=["withinDays"], message=message))
    await visible_store(session, actor, store_id)
    return await read_calendar_date(session, store_id) + timedelta(days=within_days)


def _cursor_key(batch: StockBatch) -> tuple[date | None, str]:
    return batch.sell_by_date, str(batch.id)


def _decode_start(cursor: str | None) -> tuple[date, UUID] | None:
    start = decode_cursor(cursor, StockBatch.sell_by_date, StockBatch.id)
    return None if start is None else (start[0], start[1])


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
