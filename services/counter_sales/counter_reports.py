"""Reads counter sales of a store: single sales, lists, and totals of a day."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.counter_sales import PosSale, PosSaleStatus, TenderKind
from models.identity import Actor
from models.stores import Store
from services.core.access import may_operate_store
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.stores.store_time import business_day


@dataclass(frozen=True, slots=True)
class CounterDayReport:
    """Totals of a store's counter on one business day.

    Voided sales are counted in `voided_count` only.
    """

    store_id: UUID
    day: date
    currency: str
    sale_count: int
    voided_count: int
    cash_minor: int
    card_minor: int
    total_minor: int
    tax_minor: int


async def visible_sale(session: AsyncSession, *, actor: Actor, counter_sale_id: UUID) -> PosSale:
    """The sale, for the staff of its store. Raises DomainError: NotFound."""
    sale = await session.get(PosSale, counter_sale_id)
    if sale is None or not may_operate_store(actor, sale.company_id, sale.store_id):
        raise not_found(PosSale, "id")
    return sale


async def list_of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    day: date | None,
    first: int,
    cursor: str | None,
) -> Page[PosSale]:
    """A page of a store's sales for its staff, newest first. Raises DomainError: NotFound."""
    check_page_size(first)
    await _own_store(session, actor, store_id)
    query = select(PosSale).where(PosSale.store_id == store_id)
    if day is not None:
        query = query.where(PosSale.business_day == day)
    if (start := decode_cursor(cursor, PosSale.receipt_number)) is not None:
        query = query.where(PosSale.receipt_number < start[0])
    sales = await session.scalars(query.order_by(PosSale.receipt_number.desc()).limit(first + 1))
    return build_page(sales.all(), first, cursor, lambda sale: (sale.receipt_number,))


async def report_day(
    session: AsyncSession, *, actor: Actor, store_id: UUID, day: date | None
) -> CounterDayReport:
    """Totals of a business day of the store, by default today. Raises DomainError: NotFound."""
    store = await _own_store(session, actor, store_id)
    day = business_day(store, await current_time(session)) if day is None else day
    completed = PosSale.status == PosSaleStatus.COMPLETED
    total = func.coalesce(func.sum(PosSale.total_minor).filter(completed), 0)
    by_tender = [
        func.coalesce(
            func.sum(PosSale.total_minor).filter(completed, PosSale.tender_type == tender), 0
        )
        for tender in (TenderKind.CASH, TenderKind.CARD)
    ]
    totals = (
        await session.execute(
            select(
                func.count().filter(completed),
                func.count().filter(~completed),
                *by_tender,
                total,
                func.coalesce(func.sum(PosSale.tax_minor).filter(completed), 0),
            ).where(PosSale.store_id == store_id, PosSale.business_day == day)
        )
    ).one()
    company = await session.get_one(Company, store.company_id)
    return CounterDayReport(store_id, day, company.currency, *map(int, totals))


async def _own_store(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    return store
