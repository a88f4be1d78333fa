"""Recalled and expired batches: taken out of sale, and traced to the orders that got them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor, Role
from models.orders import Order, OrderStatus
from models.stock import (
    BatchRecall,
    BatchStatus,
    PickedBatch,
    StockBatch,
    StockLevel,
    StockMovementReason,
)
from models.stores import Store
from services.core import access
from services.core.access import COMPANY_ROLES
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.text import parse_code, parse_line
from services.stock import batches
from services.stock.receiving import MAX_BATCH_CODE_LENGTH, lock_batch_codes
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed
from services.stores.store_time import calendar_date_column

MAX_REASON_LENGTH = 200
MAX_SWEEP_BATCHES = 200
READ_ROLES = COMPANY_ROLES | {Role.STORE_MANAGER, Role.STORE_STAFF, Role.SUPPORT_AGENT}


@dataclass(frozen=True, slots=True)
class RecalledOrder:
    """An order that received units of a recalled batch and has not returned them."""

    order_id: UUID
    code: str
    customer_name: str
    store_id: UUID
    status: OrderStatus
    placed_at: datetime
    company_id: UUID
    customer_id: UUID
    completed_at: datetime | None
    canceled_at: datetime | None
    quantity: int


async def recall(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    product_id: UUID,
    batch_code: str,
    reason: str,
) -> BatchRecall:
    """Take a batch out of sale in every store of the company, also where it arrives later.

    Unreserved units are set aside at once, reserved ones when their reservation ends; pickers must
    not take them. Recalling again returns the earlier recall. Raises DomainError: NotFound,
    InvalidInput.
    """
    if not actor.has_company_role(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    own = select(Product.id).where(Product.id == product_id, Product.company_id == company_id)
    if await session.scalar(own) is None:
        raise not_found(Product, "productId")
    code = parse_code(batch_code, "input", "batchCode", max_length=MAX_BATCH_CODE_LENGTH)
    reason = parse_line(reason, "input", "reason", max_length=MAX_REASON_LENGTH)
    await lock_batch_codes(session, [(product_id, code)])
    of_batch = select(BatchRecall).where(
        BatchRecall.product_id == product_id, BatchRecall.batch_code == code
    )
    if (earlier := await session.scalar(of_batch)) is not None:
        return earlier
    row = BatchRecall(
        company_id=company_id, product_id=product_id, batch_code=code, reason=reason,
        actor_id=actor.person_id,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    await _mark_recalled(session, row, actor.person_id)
    return row


async def _mark_recalled(session: AsyncSession, row: BatchRecall, actor_id: UUID | None) -> None:
    of_recall = (StockBatch.product_id == row.product_id) & (StockBatch.code == row.batch_code)
    stores = (await session.scalars(select(StockBatch.store_id).where(of_recall))).all()
    rows_by_store = await lock_rows(session, stores, [row.product_id])
    recalled = await session.scalars(
        select(StockBatch).where(of_recall).execution_options(populate_existing=True)
    )
    cause = MovementCause(StockMovementReason.RECALL, str(row.id), actor_id)
    for batch in recalled:
        batches.MACHINE.set_status(batch, BatchStatus.RECALLED)
        stock_row = rows_by_store[batch.store_id][row.product_id]
        batches.set_aside(session, stock_row, [batch], cause)
    await session.flush()
    for rows in rows_by_store.values():
        publish_stock_changed(session, rows.values())


def stores_with_unsellable_units() -> Select[UUID]:
    """Selects stores with units to take out of sale: a batch expired, or a reservation ended."""
    return _unsellable_batches(StockBatch.store_id).distinct().order_by(StockBatch.store_id)


async def set_aside_unsellable(session: AsyncSession, store_id: UUID) -> int:
    """Mark a store's expired batches and set aside their unreserved units; returns how many."""
    due = _unsellable_batches(StockBatch.id, StockBatch.product_id).where(
        StockBatch.store_id == store_id
    )
    due = due.order_by(StockBatch.id).limit(MAX_SWEEP_BATCHES)
    product_by_batch = {row.id: row.product_id for row in await session.execute(due)}
    if not product_by_batch:
        return 0
    rows = (await lock_rows(session, [store_id], set(product_by_batch.values())))[store_id]
    moved = 0
    changed: dict[UUID, StockLevel] = {}
    for batch in await _load_batches(session, product_by_batch):
        if batch.status is BatchStatus.OPEN:
            batches.MACHINE.set_status(batch, BatchStatus.EXPIRED)
        row = rows[batch.product_id]
        if units := batches.set_aside(session, row, [batch], _cause(batch)):
            moved += units
            changed[batch.product_id] = row
    await session.flush()
    publish_stock_changed(session, changed.values())
    return moved


def _unsellable_batches(*columns: Any) -> Select[Any]:
    """Selects columns of batches with units to take out of sale, that can be taken out now."""
    same_key = and_(
        StockLevel.store_id == StockBatch.store_id, StockLevel.product_id == StockBatch.product_id
    )
    return (
        select(*columns)
        .select_from(StockBatch)
        .join(StockLevel, same_key)
        .join(Store, Store.id == StockBatch.store_id)
        .where(StockBatch.on_hand > 0)
        .where(or_(_newly_expired(), _unsellable() & (StockLevel.on_hand > StockLevel.reserved)))
    )


def _cause(batch: StockBatch) -> MovementCause:
    return MovementCause(batches.SET_ASIDE_REASONS[batch.status], f"batch {batch.code}", None)


def _newly_expired() -> ColumnElement[bool]:
    is_over = StockBatch.sell_by_date < calendar_date_column()
    return and_(StockBatch.status == BatchStatus.OPEN, is_over)


def _unsellable() -> ColumnElement[bool]:
    return StockBatch.status != BatchStatus.OPEN


async def _load_batches(session: AsyncSession, ids: Collection[UUID]) -> list[StockBatch]:
    rows = await session.scalars(
        select(StockBatch)
        .where(StockBatch.id.in_(ids))
        .order_by(StockBatch.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def visible_recall(session: AsyncSession, *, actor: Actor, recall_id: UUID) -> BatchRecall:
    """A recall, if the actor works for its company; else NotFound."""
    row = await session.get(BatchRecall, recall_id)
    if row is None or not _may_read(actor, row.company_id):
        raise not_found(BatchRecall, "id")
    return row


async def list_of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[BatchRecall]:
    """A page of a company's recalls, the newest first.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    if not _may_read(actor, company_id):
        raise not_found(Company, "companyId")
    statement = select(BatchRecall).where(BatchRecall.company_id == company_id)
    if (start := decode_cursor(cursor, BatchRecall.id)) is not None:
        statement = statement.where(BatchRecall.id < start[0])
    statement = statement.order_by(BatchRecall.id.desc()).limit(first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, first, cursor, lambda row: (str(row.id),))


async def list_orders(
    session: AsyncSession, *, actor: Actor, row: BatchRecall, first: int, cursor: str | None
) -> Page[RecalledOrder]:
    """A page of the orders that received units of a recalled batch, the newest first.

    The scope of the session decides which: a store's staff sees those of its own store.
    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    if not _may_read(actor, row.company_id):
        raise not_found(BatchRecall, "id")
    statement = (
        select(
            Order.id, Order.code, Order.customer_name, PickedBatch.store_id, Order.status,
            Order.placed_at, Order.company_id, Order.customer_id, Order.completed_at,
            Order.canceled_at, func.sum(PickedBatch.quantity),
        )
        .join(StockBatch, StockBatch.id == PickedBatch.batch_id)
        .join(Order, Order.id == PickedBatch.order_id)
        .where(StockBatch.product_id == row.product_id, StockBatch.code == row.batch_code)
        .where(PickedBatch.quantity > 0)
        .group_by(Order.id, PickedBatch.store_id)
        .order_by(Order.id.desc())
        .limit(first + 1)
    )  # fmt: skip
    if (start := decode_cursor(cursor, Order.id)) is not None:
        statement = statement.where(Order.id < start[0])
    orders = [RecalledOrder(*columns) for columns in await session.execute(statement)]
    return build_page(orders, first, cursor, lambda order: (str(order.order_id),))


def _may_read(actor: Actor, company_id: UUID) -> bool:
    """Whether the actor works for the company, in any role of READ_ROLES."""
    return any(
        grant.role in READ_ROLES and grant.company_id in (None, company_id)
        for grant in actor.grants
    )


def may_read_batch(actor: Actor, batch: StockBatch) -> bool:
    """Whether the actor works in the store of the batch, or serves its customers."""
    return actor.has_store_role(batch.company_id, batch.store_id, READ_ROLES)


def may_see_customer(row: RecalledOrder, actor: Actor) -> bool:
    """Whether the actor may see whose order it is."""
    is_open = row.status is OrderStatus.CONFIRMED
    return access.may_see_recipient(row, actor, is_open, row.completed_at or row.canceled_at)
