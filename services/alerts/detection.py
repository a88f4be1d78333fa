"""Detects stock alerts by one statement for each kind: raises, updates and resolves them.

A condition is a query for the stock rows that have a problem now. A row without an active alert of
the kind gets one; an active alert gets the current figures; it is resolved when its row no longer
meets the condition. Sales trends compare the last seven days with the same weekdays of the three
weeks before, both weighted exponentially (a day weighs 0.7 of the day after it), in the store's
timezone:

    recent = sum of 0.7^(a - 1) * sold(a)             over the ages a = 1 … 7 days
    usual  = sum of 0.7^((a - 8) mod 7) * sold(a) / 3  over the ages a = 8 … 28 days

The weekday profile cancels out, because each day is compared with its own weekday. Sales have a
negative trend when recent <= usual / 2, about one unit a day or more is usual, and units are
available.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.alerts import PRIORITIES, AlertKind
from services.events.event_log import alert_stream, record_event

DECAY = 0.7
MAX_TREND_SHARE = 0.5
EXPIRING_DAYS = 3
MIN_USUAL_SALES = 3.0  # one unit a day: the weights of seven days sum to 3.06

OUT_OF_STOCK = """
    select stock.company_id, stock.store_id, stock.product_id, 0 as urgency, 0 as units,
        coalesce(listing.reorder_point, store.reorder_point) as threshold
    from stock join listing using (store_id, product_id) join store on store.id = stock.store_id
    where stock.on_hand <= stock.held
"""
LOW_STOCK = """
    select stock.company_id, stock.store_id, stock.product_id,
        case when 2 * (on_hand - held) <= coalesce(listing.reorder_point, store.reorder_point)
            then 1 else 2 end as urgency,
        on_hand - held as units,
        coalesce(listing.reorder_point, store.reorder_point) as threshold
    from stock join listing using (store_id, product_id) join store on store.id = stock.store_id
    where on_hand - held between 1 and coalesce(listing.reorder_point, store.reorder_point)
"""
EXPIRING = """
    select company_id, store_id, product_id, case when days <= 1 then 1 else 2 end as urgency,
        units, days as threshold
    from (
        select batch.company_id, batch.store_id, batch.product_id, sum(batch.on_hand)::int as units,
            min(batch.expires_on - (now() at time zone store.timezone)::date) as days
        from stock_batch batch join store on store.id = batch.store_id
        where batch.on_hand > 0 and batch.status = 'OPEN' and batch.expires_on
            <= (now() at time zone store.timezone)::date + cast(:days as int)
        group by 1, 2, 3
    ) as batches
"""
NEGATIVE_TREND = """
    with sold as (
        select entry.store_id, entry.product_id, -entry.delta as units,
            (now() at time zone store.timezone)::date - (entry.at at time zone store.timezone)::date
                as age
        from stock_entry entry join store on store.id = entry.store_id
        where entry.reason in ('SALE', 'COUNTER_SALE') and entry.at > now() - interval '30 days'
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
    where usual >= :min_usual and coalesce(recent, 0) <= :max_share * usual and on_hand > held
"""
# A UUID of version 7, like `database.base.uuid7`: milliseconds, then random bits.
NEW_ID = """
    encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
        substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
"""
DETECT = """
    with affected as materialized ({condition}
    ), raised as (
        insert into stock_alert as alert (id, company_id, store_id, product_id, kind, urgency,
            status, units, threshold, version)
        select {new_id}, company_id, store_id, product_id, :kind, urgency, 'OPEN', units,
            threshold, 1
        from affected order by store_id, product_id
        on conflict (store_id, product_id, kind) where resolved_at is null
        do update set urgency = excluded.urgency, units = excluded.units,
            threshold = excluded.threshold, version = alert.version + 1
        where (alert.urgency, alert.units, alert.threshold)
            is distinct from (excluded.urgency, excluded.units, excluded.threshold)
        returning id, company_id, store_id, product_id, urgency, units, xmax = 0 as is_new
    ), resolved as (
        update stock_alert alert
        set status = 'RESOLVED', resolved_at = clock_timestamp(), version = version + 1
        where kind = :kind and resolved_at is null and not exists (
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
    where status = 'SNOOZED' and snoozed_until <= clock_timestamp()
    returning 'STOCK_ALERT_WOKEN', id, company_id, store_id, product_id, urgency, units, kind
    """
)
TREND_PARAMETERS = {"decay": DECAY, "min_usual": MIN_USUAL_SALES, "max_share": MAX_TREND_SHARE}
CONDITIONS: dict[AlertKind, tuple[str, dict[str, float]]] = {
    AlertKind.OUT_OF_STOCK: (OUT_OF_STOCK, {}),
    AlertKind.LOW: (LOW_STOCK, {}),
    AlertKind.EXPIRING: (EXPIRING, {"days": EXPIRING_DAYS}),
    AlertKind.NEGATIVE_TREND: (NEGATIVE_TREND, TREND_PARAMETERS),
}
STATEMENTS = {
    kind: text(DETECT.format(condition=condition, new_id=NEW_ID))
    for kind, (condition, _) in CONDITIONS.items()
}


async def detect(session: AsyncSession, kind: AlertKind) -> int:
    """Raise and resolve the alerts of one kind in all stores in scope; returns how many of both."""
    parameters = CONDITIONS[kind][1]
    rows = (await session.execute(STATEMENTS[kind], {"kind": kind.value, **parameters})).all()
    for row in rows:
        _record_change(session, kind, row)
    return len(rows)


async def reopen_snoozed(session: AsyncSession) -> int:
    """Reopen the alerts whose snooze has ended; returns how many."""
    rows = (await session.execute(REOPEN_SNOOZED)).all()
    for row in rows:
        _record_change(session, AlertKind(row[-1]), row)
    return len(rows)


def _record_change(session: AsyncSession, kind: AlertKind, row: Any) -> None:
    event_type, alert_id, company_id, store_id, product_id, urgency, units = row[:7]
    body = {
        "alert_id": alert_id,
        "product_id": product_id,
        "kind": kind,
        "priority": PRIORITIES[urgency],
        "units": units,
    }
    record_event(session, alert_stream(store_id), event_type, body, company_id=company_id)
