"""Computes a store's replenishment proposals; statements don't grow with the products."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from sqlalchemy import Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import DateTime, Text, Time, Uuid

from models.purchasing import ReplenishmentRun
from models.stores import Store
from services.core.clock import current_time
from services.purchasing.demand_forecast import (
    HISTORY_DAYS,
    DemandForecast,
    FloatArray,
    ReplenishmentNeed,
    ReplenishmentTerms,
    calculate_need,
    forecast_demand,
)
from services.purchasing.purchase_order_lines import MAX_PACKS_PER_LINE, MAX_UNITS_PER_LINE
from services.stores.store_time import business_day_begin, regular_day

MAX_COVER_DAYS = 9_999.0
INTEGER_COLUMNS = (
    "lead_time_days",
    "review_period_days",
    "units_per_pack",
    "available",
    "incoming",
    "on_draft_orders",
)

# Of several suppliers of a product: the preferred one, else the one with the lowest unit cost.
SELECT_SUPPLIED_PRODUCTS = text(
    """
    select distinct on (terms.product_id) terms.product_id, terms.supplier_id, terms.units_per_pack,
        coalesce(terms.lead_time_days, supplier.lead_time_days) as lead_time_days,
        supplier.review_period_days,
        coalesce(stock.on_hand - stock.reserved, 0) as available,
        coalesce(stock.incoming, 0) as incoming, coalesce(drafts.units, 0) as on_draft_orders
    from supplier_product as terms
    join supplier on supplier.id = terms.supplier_id and supplier.active
    join product on product.id = terms.product_id and product.active
    join listing on listing.store_id = :store and listing.product_id = terms.product_id
    left join stock on stock.store_id = :store and stock.product_id = terms.product_id
    left join (
        select line.product_id, sum(line.pack_quantity * line.units_per_pack) as units
        from purchase_order as draft
        join purchase_order_line as line on line.purchase_order_id = draft.id
        where draft.store_id = :store and draft.status = 'DRAFT' group by line.product_id
    ) as drafts on drafts.product_id = terms.product_id
    where terms.company_id = :company
    order by terms.product_id, terms.preferred desc,
        terms.pack_cost_minor::float8 / terms.units_per_pack, terms.supplier_id
    """
)
# Keys of ledger entries are ordered by time: `low`, a key older than `since`, bounds the scan.
SELECT_DAILY_SALES = text(
    """
    select product_id, array_agg(day), array_agg(units) from (
        select product_id,
            business_day(:zone, :day_start, occurred_at) - cast(:first as date) as day,
            -sum(on_hand_delta) as units
        from stock_entry
        where store_id = :store and id >= :low and occurred_at >= :since and occurred_at < :until
            and reason in ('SALE', 'RESTOCK', 'POS_SALE')
        group by 1, 2
    ) as daily group by product_id
    """
).bindparams(
    bindparam("zone", type_=Text),
    bindparam("day_start", type_=Time),
    bindparam("low", type_=Uuid),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)
DELETE_PROPOSALS = text("delete from reorder_proposal where store_id = :store")
INSERT_PROPOSALS = text(
    """
    insert into reorder_proposal (
        store_id, company_id, computed_at, product_id, supplier_id, average_daily_demand, weekdays,
        forecast_error, forecast_demand, safety_stock, lead_time_days, review_period_days,
        available, incoming, on_draft_orders, days_of_cover, pack_quantity, units_per_pack
    ) select :store, :company, :now, proposal.*
    from jsonb_to_recordset(cast(:rows as jsonb)) as proposal (
        product_id uuid, supplier_id uuid, average_daily_demand float8, weekdays float8[],
        forecast_error float8, forecast_demand float8, safety_stock float8, lead_time_days int,
        review_period_days int, available int, incoming int, on_draft_orders int,
        days_of_cover float8, pack_quantity int, units_per_pack int
    )
    """
).bindparams(bindparam("rows", type_=Text), bindparam("now", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class SalesCalendar:
    """Business days of a store: `today`, and the history of those before, `since` to `until`."""

    today: date
    since: datetime
    until: datetime

    @property
    def first_day(self) -> date:
        """The first day of the history."""
        return self.today - timedelta(days=HISTORY_DAYS)

    @property
    def lowest_entry_id(self) -> UUID:
        """A UUIDv7 below the keys of all entries since then, with a margin of one day."""
        return UUID(int=int((self.since - timedelta(days=1)).timestamp() * 1000) << 80)


def build_calendar(now: datetime, store: Store) -> SalesCalendar:
    """The business days of a store."""
    today = regular_day(store, now)
    first_day = today - timedelta(days=HISTORY_DAYS)
    return SalesCalendar(today, *(business_day_begin(store, day) for day in (first_day, today)))


async def recompute_proposals(session: AsyncSession, store: Store, run: ReplenishmentRun) -> None:
    """Replace the proposals of a store; the caller holds the lock of its run."""
    now = await current_time(session)
    calendar = build_calendar(now, store)
    store_keys = {"store": store.id, "company": store.company_id}
    products = (await session.execute(SELECT_SUPPLIED_PRODUCTS, store_keys)).all()
    daily_sales = await _read_daily_sales(session, store, calendar, products)
    rows: list[dict[str, Any]] = []
    if products:
        rows = _proposal_rows(products, *calculate_figures(products, daily_sales, calendar.today))
    await session.execute(DELETE_PROPOSALS, {"store": store.id})
    if rows:
        parameters = {**store_keys, "now": now, "rows": orjson.dumps(rows).decode()}
        await session.execute(INSERT_PROPOSALS, parameters)
    run.computed_at, run.product_count, run.proposal_count = now, len(products), len(rows)
    await session.flush()


async def _read_daily_sales(
    session: AsyncSession, store: Store, calendar: SalesCalendar, products: Sequence[Row[Any]]
) -> FloatArray:
    """Units sold, less those returned: a row per product, a column per day."""
    row_of_product = {product.product_id: n for n, product in enumerate(products)}
    daily_sales = np.zeros((len(products), HISTORY_DAYS))
    parameters = {
        "zone": store.timezone,
        "day_start": store.business_day_start,
        "first": calendar.first_day,
        "store": store.id,
        "low": calendar.lowest_entry_id,
        "since": calendar.since,
        "until": calendar.until,
    }
    for product_id, days, units in await session.execute(SELECT_DAILY_SALES, parameters):
        if (row := row_of_product.get(product_id)) is not None:
            daily_sales[row, days] = units
    return np.maximum(daily_sales, 0)


def calculate_figures(
    products: Sequence[Any], daily_sales: FloatArray, today: date
) -> tuple[DemandForecast, ReplenishmentNeed]:
    """The demand forecast and the need of these products on a day."""
    last_weekday = (today.weekday() - 1) % 7
    forecast = forecast_demand(daily_sales, last_weekday)
    columns = {
        name: np.array([getattr(product, name) for product in products], np.int64)
        for name in INTEGER_COLUMNS
    }
    terms = ReplenishmentTerms(
        columns["lead_time_days"], columns["review_period_days"], columns["units_per_pack"]
    )
    stock = columns["available"] + columns["incoming"] + columns["on_draft_orders"]
    return forecast, calculate_need(forecast, terms, today.weekday(), stock)


def _proposal_rows(
    products: Sequence[Row[Any]], forecast: DemandForecast, need: ReplenishmentNeed
) -> list[dict[str, Any]]:
    """A row for each product of which at least one pack is needed."""
    needed = np.flatnonzero(need.packs).tolist()
    return [_proposal_row(products[n], forecast, need, n) for n in needed]


def _proposal_row(
    product: Row[Any], forecast: DemandForecast, need: ReplenishmentNeed, n: int
) -> dict[str, Any]:
    level = float(forecast.level[n])
    stock = product.available + product.incoming + product.on_draft_orders
    max_packs = min(MAX_PACKS_PER_LINE, MAX_UNITS_PER_LINE // product.units_per_pack)
    return {
        "product_id": str(product.product_id),
        "supplier_id": str(product.supplier_id),
        "average_daily_demand": level,
        "weekdays": forecast.weekday_factors[n].tolist(),
        "forecast_error": float(forecast.deviation[n]),
        "forecast_demand": float(need.demand[n]),
        "safety_stock": float(need.safety_stock[n]),
        **{name: int(getattr(product, name)) for name in INTEGER_COLUMNS},
        "days_of_cover": min(stock / level, MAX_COVER_DAYS),
        "pack_quantity": min(int(need.packs[n]), max_packs),
    }
