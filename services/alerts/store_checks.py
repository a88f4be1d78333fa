"""Which stores are looked at for alerts, and which of their products.

Every change of stock is an event of the store's inventory, numbered without gaps. So a store whose
number has not moved needs no look, and of the others only the products that changed are looked at.
Once an hour all products are, for what has no event, such as a product that is new in a store.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.alerts import StockAlertCheck, StockAlertKind
from models.events import Stream
from models.stores import Store
from services.alerts import detection
from services.core.clock import current_time
from services.events.event_log import inventory_stream

LEVELS, EXPIRY, SALES = "levels", "expiry", "sales"
FULL_CHECK_SECONDS = 3_600
EXPIRY_CHECK_SECONDS = 300
SALES_CHECK_SECONDS = 3_600
MAX_CHANGED_PRODUCTS = 2_000
# Events are stored in partitions of a day: those of the day before the last check are read at most.
CHANGED_PRODUCTS = text(
    """
    select distinct cast(change ->> 'product_id' as uuid)
    from event, jsonb_array_elements(body -> 'changes') as change
    where stream = :stream and seq > :after and seq <= :head and type = 'STOCK_CHANGED'
        and at > cast(:checked_at as timestamptz) - interval '1 day'
    limit :most
    """
)


def _stores(name: str) -> Select[Any]:
    """Selects stores, the longest unchecked first."""
    check = (StockAlertCheck.store_id == Store.id) & (StockAlertCheck.name == name)
    return (
        select(Store.id)
        .outerjoin(StockAlertCheck, check)
        .order_by(StockAlertCheck.checked_at.nulls_first(), Store.id)
    )


def _not_checked_for(seconds: int) -> Any:
    since = func.clock_timestamp() - timedelta(seconds=seconds)
    return or_(StockAlertCheck.checked_at.is_(None), StockAlertCheck.checked_at < since)


_inventory = func.concat("inventory:", Store.id)
STORES_WITH_CHANGES = (
    _stores(LEVELS)
    .outerjoin(Stream, Stream.stream == _inventory)
    .where(
        or_(
            _not_checked_for(FULL_CHECK_SECONDS),
            func.coalesce(Stream.seq, 0) != StockAlertCheck.seq,
        )
    )
)
STORES_WITH_OLD_EXPIRY_CHECK = _stores(EXPIRY).where(_not_checked_for(EXPIRY_CHECK_SECONDS))
STORES_WITH_OLD_SALES_CHECK = _stores(SALES).where(_not_checked_for(SALES_CHECK_SECONDS))


async def check_levels(session: AsyncSession, store_id: UUID) -> int:
    """Raise and resolve alerts of a store's stock levels; returns how many of both."""
    check = await _lock_check(session, store_id, LEVELS)
    if check is None:
        return 0
    # Read before the stock: what changes later is looked at again.
    stream = inventory_stream(store_id)
    head = await session.scalar(select(Stream.seq).where(Stream.stream == stream)) or 0
    now = await current_time(session)
    products: list[UUID] | None = await _changed_products(session, check, stream, head)
    is_old = check.checked_at is None or (
        check.checked_at < now - timedelta(seconds=FULL_CHECK_SECONDS)
    )
    if is_old or len(products or ()) == MAX_CHANGED_PRODUCTS:
        products, check.checked_at = None, now
    check.seq = head
    if products == []:
        return 0
    kinds = detection.PRODUCT_KINDS
    return sum([await detection.detect(session, kind, store_id, products) for kind in kinds])


async def check_kind(session: AsyncSession, store_id: UUID, name: str, kind: StockAlertKind) -> int:
    """Raise and resolve alerts of one kind in a store; returns how many of both."""
    check = await _lock_check(session, store_id, name)
    if check is None:
        return 0
    check.checked_at = await current_time(session)
    return await detection.detect(session, kind, store_id)


async def request_full_check(session: AsyncSession, store_id: UUID) -> None:
    """Look at all products of a store soon: something else than its stock has changed."""
    of_store = (StockAlertCheck.store_id == store_id) & (StockAlertCheck.name == LEVELS)
    await session.execute(update(StockAlertCheck).where(of_store).values(checked_at=None))


async def _changed_products(
    session: AsyncSession, check: StockAlertCheck, stream: str, head: int
) -> list[UUID]:
    """The products whose stock has changed since the last check, MAX_CHANGED_PRODUCTS at most."""
    if check.checked_at is None or head == check.seq:
        return []
    parameters = {
        "stream": stream,
        "after": check.seq,
        "head": head,
        "checked_at": check.checked_at,
        "most": MAX_CHANGED_PRODUCTS,
    }
    return [UUID(str(row[0])) for row in await session.execute(CHANGED_PRODUCTS, parameters)]


async def _lock_check(session: AsyncSession, store_id: UUID, name: str) -> StockAlertCheck | None:
    """The row of a check, locked; None while another process checks the store."""
    store = select(Store.id, Store.company_id, literal(name), literal(0)).where(
        Store.id == store_id
    )
    columns = ["store_id", "company_id", "name", "seq"]
    new = insert(StockAlertCheck).from_select(columns, store).on_conflict_do_nothing()
    await session.execute(new)
    of_store = (StockAlertCheck.store_id == store_id) & (StockAlertCheck.name == name)
    check: StockAlertCheck | None = await session.scalar(
        select(StockAlertCheck)
        .where(of_store)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return check
