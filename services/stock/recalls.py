"""What must not be sold: recalled batches in all stores of a company, and expired ones."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor, Role
from models.orders import Order, OrderStatus
from models.stock import BatchRecall, BatchStatus, PickedBatch, Stock, StockBatch, StockReason
from models.stores import Store
from services.core.pages import Page, after, bounded, page
from services.core.problems import not_found
from services.core.text import line
from services.stock import batches
from services.stock.receiving import CODE_LENGTH, lock_batches
from services.stock.stock_rows import Cause, announce, lock

REASON_LENGTH = 200
SWEEP_BATCHES = 200
RECALLERS = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
READERS = RECALLERS | {Role.STORE_MANAGER, Role.STORE_STAFF, Role.SUPPORT_AGENT}


@dataclass(frozen=True, slots=True)
class RecalledOrder:
    """An order that got units of a recalled batch and has not given them back."""

    order_id: UUID
    code: str
    customer_name: str
    store_id: UUID
    status: OrderStatus
    placed_at: datetime
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

    What nobody was promised is set aside at once, the rest as soon as its promise ends; pickers
    may not take it. Recalling again answers the earlier recall. Refused: NotFound, InvalidInput.
    """
    if not actor.acts_for(company_id, RECALLERS):
        raise not_found(Company, "companyId")
    ours = select(Product.id).where(Product.id == product_id, Product.company_id == company_id)
    if await session.scalar(ours) is None:
        raise not_found(Product, "productId")
    code = line(batch_code, "input", "batchCode", most=CODE_LENGTH, least=1)
    reason = line(reason, "input", "reason", most=REASON_LENGTH)
    await lock_batches(session, [(product_id, code)])
    known = select(BatchRecall).where(
        BatchRecall.product_id == product_id, BatchRecall.batch_code == code
    )
    if (found := await session.scalar(known)) is not None:
        return found
    row = BatchRecall(
        company_id=company_id, product_id=product_id, batch_code=code, reason=reason,
        actor_id=actor.person_id,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    await _freeze(session, row, actor.person_id)
    return row


async def _freeze(session: AsyncSession, row: BatchRecall, actor_id: UUID | None) -> None:
    named = (StockBatch.product_id == row.product_id) & (StockBatch.code == row.batch_code)
    stores = (await session.scalars(select(StockBatch.store_id).where(named))).all()
    shelves = await lock(session, stores, [row.product_id])
    found = await session.scalars(
        select(StockBatch).where(named).execution_options(populate_existing=True)
    )
    cause = Cause(StockReason.RECALL, str(row.id), actor_id)
    for batch in found:
        batch.status = BatchStatus.RECALLED
        shelf = shelves[batch.store_id]
        batches.set_aside(session, shelf[row.product_id], [batch], cause)
    await session.flush()
    for shelf in shelves.values():
        announce(session, shelf.values())


async def stores_due(session: AsyncSession) -> list[UUID]:
    """Stores with units to take out of sale, now that a batch expired or a promise ended."""
    here = and_(Stock.store_id == StockBatch.store_id, Stock.product_id == StockBatch.product_id)
    rows = await session.scalars(
        select(StockBatch.store_id)
        .join(Stock, here)
        .join(Store, Store.id == StockBatch.store_id)
        .where(StockBatch.on_hand > 0)
        .where(or_(_over(), _frozen() & (Stock.on_hand > Stock.held)))
        .distinct()
    )
    return list(rows)


async def set_aside(session: AsyncSession, store_id: UUID) -> int:
    """Mark a store's expired batches and take out of sale what may be; answers how many units."""
    due = (
        select(StockBatch.id, StockBatch.product_id)
        .join(Store, Store.id == StockBatch.store_id)
        .where(StockBatch.store_id == store_id, StockBatch.on_hand > 0)
        .where(or_(_over(), _frozen()))
        .order_by(StockBatch.id)
        .limit(SWEEP_BATCHES)
    )
    named = {row.id: row.product_id for row in await session.execute(due)}
    if not named:
        return 0
    shelf = (await lock(session, [store_id], set(named.values())))[store_id]
    touched = await _batches(session, named)
    moved = 0
    changed: dict[UUID, Stock] = {}
    for batch in touched:
        if batch.status is BatchStatus.OPEN:
            batch.status = BatchStatus.EXPIRED
        row = shelf[batch.product_id]
        if units := batches.set_aside(session, row, [batch], _job(batch)):
            moved += units
            changed[batch.product_id] = row
    await session.flush()
    announce(session, changed.values())
    return moved


def _job(batch: StockBatch) -> Cause:
    return Cause(batches.WHY_SET_ASIDE[batch.status], f"batch {batch.code}", None)


def _over() -> ColumnElement[bool]:
    today = func.date(func.timezone(Store.timezone, func.clock_timestamp()))
    return and_(StockBatch.status == BatchStatus.OPEN, StockBatch.expires_on < today)


def _frozen() -> ColumnElement[bool]:
    return StockBatch.status != BatchStatus.OPEN


async def _batches(session: AsyncSession, keys: Collection[UUID]) -> list[StockBatch]:
    rows = await session.scalars(
        select(StockBatch)
        .where(StockBatch.id.in_(keys))
        .order_by(StockBatch.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def visible(session: AsyncSession, *, actor: Actor, recall_id: UUID) -> BatchRecall:
    """A recall, for the people of its company; else NotFound."""
    row = await session.get(BatchRecall, recall_id)
    if row is None or not _reads(actor, row.company_id):
        raise not_found(BatchRecall, "id")
    return row


async def of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[BatchRecall]:
    """A page of a company's recalls, the newest first. Refused: NotFound, InvalidInput."""
    bounded(first)
    if not _reads(actor, company_id):
        raise not_found(Company, "companyId")
    rows = select(BatchRecall).where(BatchRecall.company_id == company_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(BatchRecall.id < start[0])
    found = (await session.scalars(rows.order_by(BatchRecall.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))


async def orders(
    session: AsyncSession, *, actor: Actor, row: BatchRecall, first: int, cursor: str | None
) -> Page[RecalledOrder]:
    """A page of the orders that got units of a recalled batch, the newest first.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    if not _reads(actor, row.company_id):
        raise not_found(BatchRecall, "id")
    got = (
        select(
            Order.id, Order.code, Order.customer_name, PickedBatch.store_id, Order.status,
            Order.placed_at, func.sum(PickedBatch.quantity),
        )
        .join(StockBatch, StockBatch.id == PickedBatch.batch_id)
        .join(Order, Order.id == PickedBatch.order_id)
        .where(StockBatch.product_id == row.product_id, StockBatch.code == row.batch_code)
        .where(PickedBatch.quantity > 0)
        .group_by(Order.id, PickedBatch.store_id)
        .order_by(Order.id.desc())
        .limit(first + 1)
    )  # fmt: skip
    if (start := after(cursor, UUID)) is not None:
        got = got.where(Order.id < start[0])
    found = [RecalledOrder(*one) for one in await session.execute(got)]
    return page(found, first, lambda one: (str(one.order_id),))


def _reads(actor: Actor, company_id: UUID) -> bool:
    """Whether this person works in the company: recalls concern everybody there."""
    return any(
        grant.role in READERS and grant.company_id in (None, company_id) for grant in actor.grants
    )
