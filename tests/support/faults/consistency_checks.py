"""Compares the database with the payment provider after crashes and reports every inconsistency."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import decode_id
from models.orders import Order
from services.stock.audit.stock_audit import find_differences
from tests.support.faults.payment_checks import check_payments
from tests.support.faults.process_group import ServerGroup
from tests.support.faults.provider_control import ProviderControl
from tests.support.faults.run_records import RunRecords, read_records
from tests.support.faults.shoppers import CheckoutRecord, ShoppingLog

STREAMS = """
with own as (select distinct stream from event where company_id = $1)
select stream, seq from stream s where stream in (select stream from own) and (
    seq <> (select count(*) from event e where e.stream = s.stream)
    or seq <> (select coalesce(max(seq), 0) from event e where e.stream = s.stream))
union all select stream, min(seq) from event where stream in (select stream from own)
    group by stream having min(seq) <> 1
"""
# Everything that somebody, a job or the provider still has to end. A delivery without a rider is
# not among it: it waits for one.
UNFINISHED = """
select 'unpaid order' from "order" where status = 'PLACED' and company_id = $1
union all select 'reopened payment' from "order"
    where status = 'CONFIRMED' and payment_due_at is not null and company_id = $1
union all select 'order change' from order_change
    where status = 'AWAITING_PAYMENT' and company_id = $1
union all select 'live reservation' from hold where status = 'HELD' and company_id = $1
union all select 'payment in progress' from payment
    where (void_wanted or capture_wanted_minor is not null) and company_id = $1
union all select 'stuck payment' from payment where stuck_at is not null and company_id = $1
union all select 'stuck refund' from refund where stuck_at is not null and company_id = $1
union all select 'refund in progress' from refund
    where status in ('REQUESTED', 'PENDING') and company_id = $1
union all select 'open dispute' from dispute
    where status in ('NEEDS_RESPONSE', 'UNDER_REVIEW') and company_id = $1
union all select 'to be picked' from fulfillment
    where status in ('QUEUED', 'ACCEPTED', 'PICKING', 'AWAITING_SUBSTITUTION')
        and company_id = $1
union all select 'put-back' from fulfillment
    where put_back_opened_at is not null and put_back_at is null and company_id = $1
union all select 'return' from delivery
    where status in ('ATTEMPT_FAILED', 'RETURNING') and company_id = $1
union all select 'ride' from delivery where company_id = $1
    and status in ('ASSIGNED', 'EN_ROUTE_TO_STORE', 'AT_STORE', 'PICKED_UP',
    'EN_ROUTE_TO_CUSTOMER', 'ARRIVING',
        'AT_CUSTOMER')
union all select 'notice' from payment_notice where done_at is null
"""
UNAUDITED = """
select code from "order" o where company_id = $1 and not exists (select from audit_entry a
    where a.changes @> jsonb_build_array(jsonb_build_object('table', 'order', 'verb', 'insert',
        'key', jsonb_build_array(o.id::text))))
"""
UNASSIGNED = """
select code from "order" o where company_id = $1 and status in ('CONFIRMED', 'COMPLETED')
    and not exists (select from fulfillment f where f.order_id = o.id)
"""
INVALID_STOCK = (
    "select store_id from stock where company_id = $1 and (reserved < 0 or reserved > on_hand)"
)
STORES = "select id from store where company_id = $1"
SERVED = frozenset({"CONFIRMED", "COMPLETED"})


async def unfinished_work(servers: ServerGroup, company_id: UUID) -> Counter[str]:
    """Return how much unfinished work of a company there is, by kind."""
    return Counter(row[0] for row in await servers.fetch(UNFINISHED, company_id))


async def find_inconsistencies(
    servers: ServerGroup,
    provider: ProviderControl,
    database: Database,
    log: ShoppingLog,
    company_id: UUID,
) -> list[str]:
    """Return a sentence for every inconsistency of a company's orders, money and stock."""
    records = await read_records(servers, provider, company_id)
    problems = [*check_payments(records, log), *_check_units(records)]
    for checkout in log.checkouts:
        problems += _check_checkout(records, checkout)
    problems += _check_count(records, log)
    problems += await _check_rows(servers, company_id)
    async with database.read(PLATFORM) as session:
        for (store_id,) in await servers.fetch(STORES, company_id):
            problems += [f"stock: {one}" for one in await find_differences(session, store_id)]
    return problems


def _check_units(records: RunRecords) -> Iterable[str]:
    """An order has sold exactly the units of its lines, and none once it has ended."""
    for order in records.orders.values():
        wanted = order.units if order.status in SERVED else 0
        if order.sold_units != wanted:
            yield f"units: {order.sold_units} are sold, not {wanted}: {order}"


def _check_checkout(records: RunRecords, checkout: CheckoutRecord) -> Iterable[str]:
    if len(checkout.order_ids) > 1:
        yield f"one key, orders {checkout.order_ids}"
    if checkout.error_types:
        yield f"refused {checkout.key}: {checkout.error_types}"
    elif not checkout.abandoned and not checkout.paid:
        yield f"never paid: {checkout}"
    for key in checkout.order_ids:
        order_id = decode_id(Order, key)
        order = records.orders.get(order_id) if order_id is not None else None
        if order is None:
            yield f"answered and not stored: {checkout}"
        elif checkout.paid and order.status not in SERVED and order.status != "CANCELED":
            yield f"paid and not confirmed: {checkout}, {order}"


def _check_count(records: RunRecords, log: ShoppingLog) -> Iterable[str]:
    known = {order_id for checkout in log.checkouts for order_id in checkout.order_ids}
    unanswered = sum(checkout.abandoned and not checkout.order_ids for checkout in log.checkouts)
    if not len(known) <= len(records.orders) <= len(known) + unanswered:
        yield f"{len(records.orders)} orders, {len(known)} known and {unanswered} unanswered"


async def _check_rows(servers: ServerGroup, company_id: UUID) -> list[str]:
    problems = [f"stream: {tuple(row)}" for row in await servers.fetch(STREAMS, company_id)]
    for name, query in (
        ("no audit", UNAUDITED),
        ("no fulfillment", UNASSIGNED),
        ("stock counters", INVALID_STOCK),
    ):
        problems += [f"{name}: {row[0]}" for row in await servers.fetch(query, company_id)]
    return problems
