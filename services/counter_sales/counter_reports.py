"""What a store's counter has sold: receipt by receipt, and a day in all."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.counter_sales import CounterSale, CounterSaleStatus, Tender
from models.identity import Actor
from models.stores import Store
from services.core.access import works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import not_found
from services.stock.receiving import today_in


@dataclass(frozen=True, slots=True)
class CounterDay:
    """What a store's counter took on one of its days; voided sales count nowhere else."""

    store_id: UUID
    day: date
    currency: str
    sale_count: int
    voided_count: int
    cash_minor: int
    card_minor: int
    total_minor: int
    tax_minor: int


async def visible(session: AsyncSession, *, actor: Actor, counter_sale_id: UUID) -> CounterSale:
    """One sale for the people of its store; else NotFound."""
    row = await session.get(CounterSale, counter_sale_id)
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(CounterSale, "id")
    return row


async def of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    day: date | None,
    first: int,
    cursor: str | None,
) -> Page[CounterSale]:
    """A page of a store's sales for its people, the newest first. Refused: NotFound."""
    bounded(first)
    await _store(session, actor, store_id)
    rows = select(CounterSale).where(CounterSale.store_id == store_id)
    if day is not None:
        rows = rows.where(CounterSale.business_day == day)
    if (start := after(cursor, int)) is not None:
        rows = rows.where(CounterSale.number < start[0])
    found = await session.scalars(rows.order_by(CounterSale.number.desc()).limit(first + 1))
    return page(found.all(), first, lambda row: (row.number,))


async def day_of(
    session: AsyncSession, *, actor: Actor, store_id: UUID, day: date | None
) -> CounterDay:
    """What the counter took on a day of the store, today without one. Refused: NotFound."""
    store = await _store(session, actor, store_id)
    day = await today_in(session, store_id) if day is None else day
    sold = CounterSale.status == CounterSaleStatus.COMPLETED
    taken = func.coalesce(func.sum(CounterSale.total_minor).filter(sold), 0)
    by_tender = [
        func.coalesce(
            func.sum(CounterSale.total_minor).filter(sold, CounterSale.tender == tender), 0
        )
        for tender in (Tender.CASH, Tender.CARD)
    ]
    row = (
        await session.execute(
            select(
                func.count().filter(sold),
                func.count().filter(~sold),
                *by_tender,
                taken,
                func.coalesce(func.sum(CounterSale.tax_minor).filter(sold), 0),
            ).where(CounterSale.store_id == store_id, CounterSale.business_day == day)
        )
    ).one()
    company = await session.get_one(Company, store.company_id)
    return CounterDay(store_id, day, company.currency, *map(int, row))


async def _store(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    return store
