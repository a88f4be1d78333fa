"""Detects stock alerts by one statement for each kind: raises, updates and resolves them.

It looks at one store, or at some of its products. A condition is a query for the stock rows there
that have a problem now. A row without an active alert of the kind gets one; an active alert gets
the current figures; it is resolved when its row no longer meets the condition.

Sales trends compare the last seven days with the same weekdays of the three weeks before, both
weighted exponentially (a day weighs 0.7 of the day after it), in business days of the store:

    recent = sum of 0.7^(a - 1) * sold(a)             over the ages a = 1 … 7 days
    usual  = sum of 0.7^((a - 8) mod 7) * sold(a) / 3  over the ages a = 8 … 28 days

The weekday profile cancels out, because each day is compared with its own weekday. Sales have a
negative trend when recent <= usual / 2, about one unit a day or more is usual, and units are
available.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import UUID7_SQL
from models.alerts import PRIORITIES, StockAlertKind
from services.events.event_log import alert_stream, record_event
from services.stores.store_time import CALENDAR_DATE_SQL, REGULAR_DAY_SQL

DECAY = 0.7
MAX_TREND_SHARE = 0.5
EXPIRING_DAYS = 3
MIN_USUAL_SALES = 3.0  # one unit a day: the weights of seven days sum to 3.06

OUT_OF_STOCK = """
    select stock.company_id, stock.store_id, stock.product_id, 0 as urgency, 0 as units,
        coalesce(listing.reorder_point, store.reorder_point) as threshold
    from stock join listing using (store_id, product_id) join store on store.id = stock.store_id
    where stock.on_hand <= stock.reserved and {scope}
"""
LOW_STOCK = """
    select stock.company_id, stock.store_id, stock.product_id,
        case when 2 * (on_hand - reserved) <= coalesce(listing.reorder_point, store.reorder_point)
            then 1 else 2 end as urgency,
        on_hand - reserved as units,
        coalesce(listing.reorder_point, store.reorder_point) as threshold
    from stock join listing using (store_id, product_id) join store on store.id = stock.store_id
    where on_hand - reserved between 1 and coalesce(listing.reorder_point, store.reorder_point)
        and {scope}
"""
EXPIRING = """
    select company_id, store_id, product_id, case when days <= 1 then 1 else 2 end as urgency,
        units, days as threshold
    from (
        select batch.company_id, batch.store_id, batch.product_id, sum(batch.on_hand)::int as units,
            min(batch.sell_by_date - {today}) as days
        from stock_batch batch join store on store.id = batch.store_id
        where batch.store_id = :store and batch.on_hand > 0 and batch.status = 'OPEN'
            and batch.sell_by_date <= {today} + cast(:days as int)
        group by 1, 2, 3
    ) as batches
"""
SALES_DECLINE = """
    with sold as (
        select entry.store_id, entry.product_id, -entry.on_hand_delta as units,
            {business_day} - business_day(store.timezone, store.business_day_start,
            entry.occurred_at) as age
        from stock_entry entry join store on store.id = entry.store_id
        where entry.store_id = :store and entry.reason in ('SALE', 'POS_SALE')
            and entry.id > (lpad(to_hex(floor(extract(epoch from now() - interval '30 days')
                * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
            and entry.occurred_at > now() - interval '30 days'
    ), weighted as (
        select store_id, product_id,
            sum(units) filter (where age <= 7) as week,
            sum(units * power(:decay, age - 1)) filter (where age <= 7) as recent,
            sum(units) filter (where age > 7) / 3.0 as usual_week,
            sum(units * power(:decay, mod(age - 8, 7))) filter (where age > 7) / 3.0 as usual
        from sold where age between 1 and 28 group by 1, 2
    )
    select stock.company_id, store_id, product_id, 3 as urgency,
        coalesce(week, 0)::int as units, round(usual_week)::int as threshold
    from weighted join stock using (store_id, product_id) join listing using (store_id, product_id)
    where usual >= :min_usual and coalesce(recent, 0) <= :max_share * usual and on_hand > reserved
"""
# All products of a store, or those that changed. Two texts, so that each has a plan of its own.
WHOLE_STORE = "{table}.store_id = :store"
SOME_PRODUCTS = WHOLE_STORE + " and {table}.product_id = any (cast(:products as uuid[]))"
DETECT = """
    with affected as materialized ({condition}
    ), raised as (
        insert into stock_alert as alert (id, company_id, store_id, product_id, type, urgency,
            status, units, threshold, version)
        select {new_id}, company_id, store_id, product_id, :kind, urgency, 'OPEN', units,
            threshold, 1
        from affected order by store_id, product_id
        on conflict (store_id, product_id, type) where resolved_at is null
        do update set urgency = excluded.urgency, units = excluded.units,
            threshold = excluded.threshold, version = alert.version + 1
        where (alert.urgency, alert.units, alert.threshold)
            is distinct from (excluded.urgency, excluded.units, excluded.threshold)
        returning id, company_id, store_id, product_id, urgency, units, xmax = 0 as is_new
    ), resolved as (
        update stock_alert alert
        set status = 'RESOLVED', resolved_at = clock_timestamp(), version = version + 1
        where type = :kind and resolved_at is null and {alerts} and not exists (
            select from affected
            where (affected.store_id, affected.product_id) = (alert.store_id, alert.product_id))
        returning id, company_id, store_id, product_id, urgency, units
    )
    select 'STOCK_ALERT_RAISED', id, company_id, store_id, product_id, urgency, units
    from raised where is_new
    union all
    select 'STOCK_ALERT_RESOLVED', * from resolved
"""
REOPEN_SNOOZED = text(
    """
    update stock_alert set status = 'OPEN', snoozed_until = null, version = version + 1
    where id in (select id from stock_alert
        where status = 'SNOOZED' and snoozed_until <= clock_timestamp()
        order by snoozed_until limit :most for update skip locked)
    returning 'STOCK_ALERT_WOKEN', id, company_id, store_id, product_id, urgency, units, type
    """
)
TREND_PARAMETERS = {"decay": DECAY, "min_usual": MIN_USUAL_SALES, "max_share": MAX_TREND_SHARE}
CONDITIONS: dict[StockAlertKind, tuple[str, dict[str, float]]] = {
    StockAlertKind.OUT_OF_STOCK: (OUT_OF_STOCK, {}),
    StockAlertKind.LOW_STOCK: (LOW_STOCK, {}),
    StockAlertKind.EXPIRING: (EXPIRING, {"days": EXPIRING_DAYS}),
    StockAlertKind.SALES_DECLINE: (SALES_DECLINE, TREND_PARAMETERS),
}
PRODUCT_KINDS = (StockAlertKind.OUT_OF_STOCK, StockAlertKind.LOW_STOCK)
"""These depend on the stock row alone: of some products they are detected without the others."""


def _statement(kind: StockAlertKind, scope: str) -> TextClause:
    condition = CONDITIONS[kind][0].format(
        scope=scope.format(table="stock"), today=CALENDAR_DATE_SQL, business_day=REGULAR_DAY_SQL
    )
    alerts = scope.format(table="alert")
    return text(DETECT.format(condition=condition, alerts=alerts, new_id=UUID7_SQL))


STATEMENTS = {kind: _statement(kind, WHOLE_STORE) for kind in CONDITIONS}
PRODUCT_STATEMENTS = {kind: _statement(kind, SOME_PRODUCTS) for kind in PRODUCT_KINDS}


async def detect(
    session: AsyncSession,
    kind: StockAlertKind,
    store_id: UUID,
    product_ids: Collection[UUID] | None = None,
) -> int:
    """Raise and resolve the alerts of one kind in a store; returns how many of both.

    With `product_ids` only those of these products; the kind is one of PRODUCT_KINDS then.
    """
    parameters: dict[str, Any] = {"kind": kind.value, "store": store_id, **CONDITIONS[kind][1]}
    statement = STATEMENTS[kind]
    if product_ids is not None:
        statement = PRODUCT_STATEMENTS[kind]
        parameters["products"] = list(product_ids)
    rows = (await session.execute(statement, parameters)).all()
    for row in rows:
        _record_change(session, kind, row)
    return len(rows)


async def reopen_snoozed(session: AsyncSession, limit: int) -> int:
    """Reopen the alerts whose snooze has ended, `limit` at most; returns how many."""
    rows = (await session.execute(REOPEN_SNOOZED, {"most": limit})).all()
    for row in rows:
        _record_change(session, StockAlertKind(row[-1]), row)
    return len(rows)


def _record_change(session: AsyncSession, kind: StockAlertKind, row: Any) -> None:
    event_type, alert_id, company_id, store_id, product_id, urgency, units = row[:7]
    body = {
        "alert_id": alert_id,
        "product_id": product_id,
        "kind": kind,
        "priority": PRIORITIES[urgency],
        "units": units,
    }
    record_event(session, alert_stream(store_id), event_type, body, company_id=company_id)
