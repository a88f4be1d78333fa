"""Raises and resolves stock alerts from what stands in the books: one statement for each kind.

A cause is a query for the places where something is wrong now. Where there is no live alert of the
kind one is raised, where there is one its figures follow, and where the cause is gone it is
resolved. Sales trends compare the last seven days with the same weekdays of the three weeks before,
both weighted exponentially (a day weighs 0.7 of the day after it), in the store's own days:

    recent = sum of 0.7^(a - 1) * sold(a)             over the ages a = 1 … 7 days
    usual  = sum of 0.7^((a - 8) mod 7) * sold(a) / 3  over the ages a = 8 … 28 days

The weekday profile cancels out, for each day is weighed against its own weekday. Sales have a
negative trend when recent <= usual / 2 while about one unit a day or more is usual and the shelf
is not empty.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.alerts import PRIORITIES, AlertKind
from services.events.event_log import alert_stream, happened

DECAY = 0.7
FALL_SHARE = 0.5
EXPIRING_DAYS = 3
USUAL_LEAST = 3.0  # the weights of seven days sum to 3.06

OUT = """
    select stock.company_id, stock.store_id, stock.product_id, 0 as urgency, 0 as units,
        coalesce(listing.reorder_point, store.reorder_point) as threshold
    from stock join listing using (store_id, product_id) join store on store.id = stock.store_id
    where stock.on_hand <= stock.held
"""
LOW = """
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
TREND = """
    with sold as (
        select entry.store_id, entry.product_id, -entry.delta as units,
            (now() at time zone store.timezone)::date - (entry.at at time zone store.timezone)::date
                as age
        from stock_entry entry join store on store.id = entry.store_id
        where entry.reason in ('SALE', 'COUNTER_SALE') and entry.at > now() - interval '30 days'
    ), weighed as (
        select store_id, product_id,
            sum(units) filter (where age <= 7) as week,
            sum(units * power(:decay, age - 1)) filter (where age <= 7) as recent,
            sum(units) filter (where age > 7) / 3.0 as usual_week,
            sum(units * power(:decay, mod(age - 8, 7))) filter (where age > 7) / 3.0 as usual
        from sold where age between 1 and 28 group by 1, 2
    )
    select stock.company_id, store_id, product_id, 3 as urgency,
        coalesce(week, 0)::int as units, round(usual_week)::int as threshold
    from weighed join stock using (store_id, product_id) join listing using (store_id, product_id)
    where usual >= :least and coalesce(recent, 0) <= :share * usual and on_hand > held
"""
# A UUID of version 7, as `models.base.uuid7` makes it: milliseconds, then random bits.
NEW_ID = """
    encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
        substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
"""
WATCH = """
    with cause as materialized ({cause}
    ), raised as (
        insert into stock_alert as alert (id, company_id, store_id, product_id, kind, urgency,
            status, units, threshold, version)
        select {new_id}, company_id, store_id, product_id, :kind, urgency, 'OPEN', units,
            threshold, 1
        from cause order by store_id, product_id
        on conflict (store_id, product_id, kind) where resolved_at is null
        do update set urgency = excluded.urgency, units = excluded.units,
            threshold = excluded.threshold, version = alert.version + 1
        where (alert.urgency, alert.units, alert.threshold)
            is distinct from (excluded.urgency, excluded.units, excluded.threshold)
        returning id, company_id, store_id, product_id, urgency, units, xmax = 0 as fresh
    ), resolved as (
        update stock_alert alert
        set status = 'RESOLVED', resolved_at = clock_timestamp(), version = version + 1
        where kind = :kind and resolved_at is null and not exists (
            select from cause
            where (cause.store_id, cause.product_id) = (alert.store_id, alert.product_id))
        returning id, company_id, store_id, product_id, urgency, units
    )
    select 'STOCK_ALERT_RAISED', id, company_id, store_id, product_id, urgency, units
    from raised where fresh
    union all
    select 'STOCK_ALERT_RESOLVED', * from resolved
"""
WAKE = text(
    """
    update stock_alert set status = 'OPEN', snoozed_until = null, version = version + 1
    where status = 'SNOOZED' and snoozed_until <= clock_timestamp()
    returning 'STOCK_ALERT_WOKEN', id, company_id, store_id, product_id, urgency, units, kind
    """
)
TREND_FIGURES = {"decay": DECAY, "least": USUAL_LEAST, "share": FALL_SHARE}
CAUSES: dict[AlertKind, tuple[str, dict[str, float]]] = {
    AlertKind.OUT_OF_STOCK: (OUT, {}),
    AlertKind.LOW: (LOW, {}),
    AlertKind.EXPIRING: (EXPIRING, {"days": EXPIRING_DAYS}),
    AlertKind.NEGATIVE_TREND: (TREND, TREND_FIGURES),
}
STATEMENTS = {
    kind: text(WATCH.format(cause=cause, new_id=NEW_ID)) for kind, (cause, _) in CAUSES.items()
}


async def watch(session: AsyncSession, kind: AlertKind) -> int:
    """Raise and resolve the alerts of one kind in every store in sight; how many of both."""
    figures = CAUSES[kind][1]
    rows = (await session.execute(STATEMENTS[kind], {"kind": kind.value, **figures})).all()
    for row in rows:
        _tell(session, kind, row)
    return len(rows)


async def wake(session: AsyncSession) -> int:
    """Open the alerts again whose snooze is over; answers how many."""
    rows = (await session.execute(WAKE)).all()
    for row in rows:
        _tell(session, AlertKind(row[-1]), row)
    return len(rows)


def _tell(session: AsyncSession, kind: AlertKind, row: Any) -> None:
    told, alert_id, company_id, store_id, product_id, urgency, units = row[:7]
    body = {
        "alert_id": alert_id,
        "product_id": product_id,
        "kind": kind,
        "priority": PRIORITIES[urgency],
        "units": units,
    }
    happened(session, alert_stream(store_id), told, body, company_id=company_id)
