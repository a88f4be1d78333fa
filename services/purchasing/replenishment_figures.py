"""The figures behind a store's proposals: three reads and two writes, however many products."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from sqlalchemy import Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import DateTime, Text, Uuid

from models.purchasing import ReorderRun
from models.stores import Store
from services.core.clock import moment
from services.purchasing.demand_forecast import (
    HISTORY_DAYS,
    Floats,
    Forecast,
    Need,
    Terms,
    forecast,
    need,
)
from services.purchasing.purchase_order_lines import LINE_MOST_PACKS, LINE_MOST_UNITS

COVER_MOST_DAYS = 9_999.0
WHOLE = ("lead_days", "review_days", "pack_units", "available", "incoming", "drafted")

# Of several suppliers the preferred one is asked, else whose units are the cheapest.
GOODS = text(
    """
    select distinct on (sold.product_id) sold.product_id, sold.supplier_id, sold.pack_units,
        coalesce(sold.lead_days, supplier.lead_days) as lead_days, supplier.review_days,
        coalesce(stock.on_hand - stock.held, 0) as available,
        coalesce(stock.incoming, 0) as incoming, coalesce(drafts.units, 0) as drafted
    from supplier_product as sold
    join supplier on supplier.id = sold.supplier_id and supplier.active
    join product on product.id = sold.product_id and product.active
    join listing on listing.store_id = :store and listing.product_id = sold.product_id
    left join stock on stock.store_id = :store and stock.product_id = sold.product_id
    left join (
        select line.product_id, sum(line.packs * line.pack_units) as units
        from purchase_order as one
        join purchase_order_line as line on line.purchase_order_id = one.id
        where one.store_id = :store and one.status = 'DRAFT' group by line.product_id
    ) as drafts on drafts.product_id = sold.product_id
    where sold.company_id = :company
    order by sold.product_id, sold.preferred desc,
        sold.pack_cost_minor::float8 / sold.pack_units, sold.supplier_id
    """
)
# The ledger is read along its index, which is in the order of time: `low` is older than `since`.
SALES = text(
    """
    select product_id, array_agg(day), array_agg(units) from (
        select product_id, timezone(:zone, at)::date - cast(:first as date) as day,
            -sum(delta) as units
        from stock_entry
        where store_id = :store and id >= :low and at >= :since and at < :until
            and reason in ('SALE', 'RESTOCK', 'COUNTER_SALE')
        group by 1, 2
    ) as daily group by product_id
    """
).bindparams(
    bindparam("low", type_=Uuid),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)
FORGET = text("delete from reorder_proposal where store_id = :store")
PROPOSE = text(
    """
    insert into reorder_proposal (
        store_id, company_id, computed_at, product_id, supplier_id, level, weekdays, deviation,
        demand, safety, lead_days, review_days, available, incoming, drafted, cover_days, packs,
        pack_units
    ) select :store, :company, :now, one.*
    from jsonb_to_recordset(cast(:rows as jsonb)) as one (
        product_id uuid, supplier_id uuid, level float8, weekdays float8[], deviation float8,
        demand float8, safety float8, lead_days int, review_days int, available int, incoming int,
        drafted int, cover_days float8, packs int, pack_units int
    )
    """
).bindparams(bindparam("rows", type_=Text), bindparam("now", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class Calendar:
    """A store's own days: `today`, and the history `since` a midnight `until` the last one."""

    zone: str
    today: date
    since: datetime
    until: datetime

    @property
    def first(self) -> date:
        """The first day of the history."""
        return self.today - timedelta(days=HISTORY_DAYS)

    @property
    def low(self) -> UUID:
        """A key below those of all that was written since, and a day to spare."""
        return UUID(int=int((self.since - timedelta(days=1)).timestamp() * 1000) << 80)


def calendar(now: datetime, zone: str) -> Calendar:
    """The days of a store whose clock shows `now` in its time zone."""
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    first = today - timedelta(days=HISTORY_DAYS)
    midnights = (datetime.combine(day, time(0), here) for day in (first, today))
    return Calendar(zone, today, *midnights)


async def work_out(session: AsyncSession, store: Store, run: ReorderRun) -> None:
    """Replace the proposals of a store whose run is locked."""
    now = await moment(session)
    days = calendar(now, store.timezone)
    place = {"store": store.id, "company": store.company_id}
    goods = (await session.execute(GOODS, place)).all()
    sold = await _sold(session, store, days, goods)
    rows = _proposed(goods, *figures(goods, sold, days.today)) if goods else []
    await session.execute(FORGET, {"store": store.id})
    if rows:
        written = {**place, "now": now, "rows": orjson.dumps(rows).decode()}
        await session.execute(PROPOSE, written)
    run.computed_at, run.products, run.proposals = now, len(goods), len(rows)
    await session.flush()


async def _sold(
    session: AsyncSession, store: Store, days: Calendar, goods: Sequence[Row[Any]]
) -> Floats:
    """Units sold a day: a row per product, a column per day; what came back is taken off."""
    nth = {one.product_id: n for n, one in enumerate(goods)}
    sold = np.zeros((len(goods), HISTORY_DAYS))
    asked = {
        "zone": days.zone,
        "first": days.first,
        "store": store.id,
        "low": days.low,
        "since": days.since,
        "until": days.until,
    }
    for product_id, on_days, units in await session.execute(SALES, asked):
        if (row := nth.get(product_id)) is not None:
            sold[row, on_days] = units
    return np.maximum(sold, 0)


def figures(goods: Sequence[Any], sold: Floats, today: date) -> tuple[Forecast, Need]:
    """What will be sold of these goods, and what of them is needed."""
    last = (today.weekday() - 1) % 7
    coming = forecast(sold, last)
    column = {name: np.array([getattr(one, name) for one in goods], np.int64) for name in WHOLE}
    terms = Terms(column["lead_days"], column["review_days"], column["pack_units"])
    there = column["available"] + column["incoming"] + column["drafted"]
    return coming, need(coming, terms, today.weekday(), there)


def _proposed(goods: Sequence[Row[Any]], coming: Forecast, needed: Need) -> list[dict[str, Any]]:
    """The rows of what is to be ordered."""
    return [_row(goods[n], coming, needed, n) for n in np.flatnonzero(needed.packs).tolist()]


def _row(one: Row[Any], coming: Forecast, needed: Need, n: int) -> dict[str, Any]:
    level = float(coming.level[n])
    there = one.available + one.incoming + one.drafted
    most = min(LINE_MOST_PACKS, LINE_MOST_UNITS // one.pack_units)
    return {
        "product_id": str(one.product_id),
        "supplier_id": str(one.supplier_id),
        "level": level,
        "weekdays": coming.factors[n].tolist(),
        "deviation": float(coming.deviation[n]),
        "demand": float(needed.demand[n]),
        "safety": float(needed.safety[n]),
        **{name: int(getattr(one, name)) for name in WHOLE},
        "cover_days": min(there / level, COVER_MOST_DAYS),
        "packs": min(int(needed.packs[n]), most),
    }
