"""Compares the database with the payment provider after crashes and reports every inconsistency."""

from collections import Counter
from typing import Any
from uuid import UUID

import aiohttp

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import decode_id
from models.orders import Order
from services.stock.audit.stock_audit import find_differences
from tests.support.faults.process_group import ServerGroup
from tests.support.faults.shoppers import ShoppingLog

HELD_STATES = {"requires_capture", "succeeded"}
STREAMS = """
select stream, seq from stream s where seq <> (select count(*) from event e
    where e.stream = s.stream) or seq <> (select coalesce(max(seq), 0) from event e
    where e.stream = s.stream)
union all select stream, min(seq) from event group by stream having min(seq) <> 1
"""
UNFINISHED = """
select 'unpaid order' from "order" where status = 'PLACED'
union all select 'live reservation' from hold where status = 'HELD'
union all select 'payment in progress' from payment
    where void_wanted or capture_wanted_minor is not null
union all select 'refund in progress' from refund where status = 'REQUESTED'
union all select 'to be picked' from fulfillment
    where status in ('QUEUED', 'ACCEPTED', 'PICKING')
union all select 'notice' from payment_notice where done_at is null
"""
UNAUDITED = """
select code from "order" o where not exists (select from audit_entry a
    where a.changes @> jsonb_build_array(jsonb_build_object('table', 'order', 'verb', 'insert',
        'key', jsonb_build_array(o.id::text))))
"""
UNASSIGNED = """
select code from "order" o where status in ('CONFIRMED', 'COMPLETED')
    and not exists (select from fulfillment f where f.order_id = o.id)
"""


async def payment_intents(
    servers: ServerGroup, http: aiohttp.ClientSession
) -> list[dict[str, Any]]:
    """Return every payment intent of the provider, the newest first."""
    intents: list[dict[str, Any]] = []
    headers = {"authorization": f"Bearer {servers.secret_key}"}
    query = {"limit": "100"}
    while True:
        url = f"{servers.provider_url}/v1/payment_intents"
        async with http.get(url, headers=headers, params=query) as response:
            page = await response.json()
        intents += page["data"]
        if not page["has_more"]:
            return intents
        query["starting_after"] = intents[-1]["id"]


async def unfinished_work(servers: ServerGroup) -> Counter[str]:
    """Return how much unfinished work there is, by kind."""
    return Counter(row[0] for row in await servers.fetch(UNFINISHED))


async def find_inconsistencies(
    servers: ServerGroup,
    http: aiohttp.ClientSession,
    database: Database,
    log: ShoppingLog,
    company_id: UUID,
) -> list[str]:
    """Return a sentence for every inconsistency, of this company's orders and of all tables."""
    problems = await _check_payments(servers, http, log, company_id)
    problems += await _check_orders(servers, log, company_id)
    problems += await _check_rows(servers)
    async with database.read(PLATFORM) as session:
        problems += [f"stock: {problem}" for problem in await find_differences(session)]
    return problems


async def _check_payments(
    servers: ServerGroup, http: aiohttp.ClientSession, log: ShoppingLog, company_id: UUID
) -> list[str]:
    problems: list[str] = []
    orders = {
        str(row["id"]): row
        for row in await servers.fetch(
            "select o.id, o.status, o.cancel_reason, o.total_minor, p.status as paid, p.intent_id,"
            ' p.captured_minor, p.refunded_minor from "order" o join payment p on p.order_id = o.id'
            " where o.company_id = $1",
            company_id,
        )
    }
    canceled_ids = {
        str(decode_id(Order, order_id))
        for checkout in log.checkouts
        if checkout.canceled
        for order_id in checkout.order_ids
    }
    live_intents: Counter[str] = Counter()
    for intent in await payment_intents(servers, http):
        if intent["metadata"]["company_id"] != str(company_id):
            continue
        order_id = intent["metadata"]["order_id"]
        row, state = orders.get(order_id), intent["status"]
        where = f"order {order_id}, intent {state}: {dict(row) if row else None}"
        if state != "canceled":
            live_intents[order_id] += 1
        if row is None or row["intent_id"] not in (None, intent["id"]):
            problems.append(f"payment without an order: {where}")
        elif state in HELD_STATES and row["status"] not in ("CONFIRMED", "COMPLETED"):
            if row["status"] != "CANCELED" or row["refunded_minor"] < intent["amount_received"]:
                problems.append(f"paid and lost: {where}")
        elif state == "canceled" and row["status"] in ("PLACED", "CONFIRMED", "COMPLETED"):
            problems.append(f"voided and served: {where}")
        if row is not None and row["captured_minor"] != intent["amount_received"]:
            problems.append(f"other captured amount: {where}")
        if row is not None and row["status"] == "CANCELED" and order_id not in canceled_ids:
            problems.append(f"canceled by nobody: {where}")
    return problems + [f"charged twice: {key}" for key, count in live_intents.items() if count > 1]


async def _check_orders(servers: ServerGroup, log: ShoppingLog, company_id: UUID) -> list[str]:
    problems: list[str] = []
    confirmed = {
        str(row["id"])
        for row in await servers.fetch(
            "select id from \"order\" where status in ('CONFIRMED', 'COMPLETED')"
            " and company_id = $1",
            company_id,
        )
    }
    for checkout in log.checkouts:
        if len(checkout.order_ids) > 1:
            problems.append(f"one key, orders {checkout.order_ids}")
        if checkout.error_types:
            problems.append(f"refused {checkout.key}: {checkout.error_types}")
        elif not checkout.abandoned and not checkout.paid:
            problems.append(f"never paid: {checkout}")
        missing = {str(decode_id(Order, key)) for key in checkout.order_ids} - confirmed
        if checkout.paid and not checkout.canceled and missing:
            problems.append(f"paid and not confirmed: {checkout}")
    ((order_count,),) = await servers.fetch(
        'select count(*) from "order" where company_id = $1', company_id
    )
    known = {order_id for checkout in log.checkouts for order_id in checkout.order_ids}
    unanswered = sum(checkout.abandoned and not checkout.order_ids for checkout in log.checkouts)
    if not len(known) <= order_count <= len(known) + unanswered:
        problems.append(f"{order_count} orders, {len(known)} known and {unanswered} unanswered")
    return problems


async def _check_rows(servers: ServerGroup) -> list[str]:
    problems = [f"stream: {tuple(row)}" for row in await servers.fetch(STREAMS)]
    problems += [f"no audit: {row[0]}" for row in await servers.fetch(UNAUDITED)]
    problems += [f"no fulfillment: {row[0]}" for row in await servers.fetch(UNASSIGNED)]
    invalid_stock = "select store_id from stock where held < 0 or held > on_hand"
    problems += [f"stock counters: {row[0]}" for row in await servers.fetch(invalid_stock)]
    return problems
