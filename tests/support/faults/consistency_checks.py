"""Looks at both sides' books after the storm, and says everything that does not add up."""

from collections import Counter
from typing import Any
from uuid import UUID

import aiohttp

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import decode
from models.orders import Order
from services.stock.stock_audit import conservation
from tests.support.faults.process_group import Town
from tests.support.faults.shoppers import Diary

HELD = {"requires_capture", "succeeded"}
STREAMS = """
select stream, seq from stream s where seq <> (select count(*) from event e
    where e.stream = s.stream) or seq <> (select coalesce(max(seq), 0) from event e
    where e.stream = s.stream)
union all select stream, min(seq) from event group by stream having min(seq) <> 1
"""
UNDONE = """
select 'unpaid order' from "order" where status = 'PLACED'
union all select 'live hold' from hold where status = 'HELD'
union all select 'money on its way' from payment
    where void_wanted or capture_wanted_minor is not null
union all select 'refund on its way' from refund where status = 'REQUESTED'
union all select 'to be picked' from fulfillment
    where status in ('QUEUED', 'ACCEPTED', 'PICKING')
union all select 'notice' from payment_notice where done_at is null
"""
UNAUDITED = """
select code from "order" o where not exists (select from audit_entry a
    where a.changes @> jsonb_build_array(jsonb_build_object('table', 'order', 'verb', 'insert',
        'key', jsonb_build_array(o.id::text))))
"""
UNPICKED = """
select code from "order" o where status in ('CONFIRMED', 'COMPLETED')
    and not exists (select from fulfillment f where f.order_id = o.id)
"""


async def intents(town: Town, http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """Every payment that the provider knows of, the newest first."""
    found: list[dict[str, Any]] = []
    headers = {"authorization": f"Bearer {town.secret_key}"}
    query = {"limit": "100"}
    while True:
        url = f"{town.provider}/v1/payment_intents"
        async with http.get(url, headers=headers, params=query) as response:
            page = await response.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        query["starting_after"] = found[-1]["id"]


async def undone(town: Town) -> Counter[str]:
    """What somebody still has to see to, by kind."""
    return Counter(row[0] for row in await town.rows(UNDONE))


async def differences(
    town: Town, http: aiohttp.ClientSession, books: Database, diary: Diary, company_id: UUID
) -> list[str]:
    """Every sentence that should not be true, of this company's orders and of all the rest."""
    wrong = await _money(town, http, diary, company_id)
    wrong += await _keys(town, diary, company_id)
    wrong += await _rows(town)
    async with books.read(PLATFORM) as session:
        wrong += [f"stock: {one}" for one in await conservation(session)]
    return wrong


async def _money(
    town: Town, http: aiohttp.ClientSession, diary: Diary, company_id: UUID
) -> list[str]:
    wrong: list[str] = []
    ours = {
        str(row["id"]): row
        for row in await town.rows(
            "select o.id, o.status, o.cancel_reason, o.total_minor, p.status as paid, p.intent_id,"
            ' p.captured_minor, p.refunded_minor from "order" o join payment p on p.order_id = o.id'
            " where o.company_id = $1",
            company_id,
        )
    }
    called_off = {
        str(decode(Order, order_id))
        for one in diary.checkouts
        if one.canceled
        for order_id in one.order_ids
    }
    at_work: Counter[str] = Counter()
    for intent in await intents(town, http):
        if intent["metadata"]["company_id"] != str(company_id):
            continue
        order_id = intent["metadata"]["order_id"]
        row, state = ours.get(order_id), intent["status"]
        where = f"order {order_id}, intent {state}: {dict(row) if row else None}"
        if state != "canceled":
            at_work[order_id] += 1
        if row is None or row["intent_id"] not in (None, intent["id"]):
            wrong.append(f"a payment of nobody's: {where}")
        elif state in HELD and row["status"] not in ("CONFIRMED", "COMPLETED"):
            if row["status"] != "CANCELED" or row["refunded_minor"] < intent["amount_received"]:
                wrong.append(f"paid and lost: {where}")
        elif state == "canceled" and row["status"] in ("PLACED", "CONFIRMED", "COMPLETED"):
            wrong.append(f"voided and served: {where}")
        if row is not None and row["captured_minor"] != intent["amount_received"]:
            wrong.append(f"captured otherwise: {where}")
        if row is not None and row["status"] == "CANCELED" and order_id not in called_off:
            wrong.append(f"called off by nobody: {where}")
    return wrong + [f"charged twice: {one}" for one, count in at_work.items() if count > 1]


async def _keys(town: Town, diary: Diary, company_id: UUID) -> list[str]:
    wrong: list[str] = []
    confirmed = {
        str(row["id"])
        for row in await town.rows(
            "select id from \"order\" where status in ('CONFIRMED', 'COMPLETED')"
            " and company_id = $1",
            company_id,
        )
    }
    for one in diary.checkouts:
        if len(one.order_ids) > 1:
            wrong.append(f"one key, orders {one.order_ids}")
        if one.refused:
            wrong.append(f"refused {one.key}: {one.refused}")
        elif not one.left and not one.paid:
            wrong.append(f"never paid: {one}")
        missing = {str(decode(Order, key)) for key in one.order_ids} - confirmed
        if one.paid and not one.canceled and missing:
            wrong.append(f"paid and not confirmed: {one}")
    ((orders,),) = await town.rows('select count(*) from "order" where company_id = $1', company_id)
    known = {order_id for one in diary.checkouts for order_id in one.order_ids}
    unheard = sum(one.left and not one.order_ids for one in diary.checkouts)
    if not len(known) <= orders <= len(known) + unheard:
        wrong.append(f"{orders} orders of {len(known)} known and {unheard} unheard")
    return wrong


async def _rows(town: Town) -> list[str]:
    wrong = [f"stream: {tuple(row)}" for row in await town.rows(STREAMS)]
    wrong += [f"no audit: {row[0]}" for row in await town.rows(UNAUDITED)]
    wrong += [f"nobody picks: {row[0]}" for row in await town.rows(UNPICKED)]
    shelf = "select store_id from stock where held < 0 or held > on_hand"
    wrong += [f"shelf: {row[0]}" for row in await town.rows(shelf)]
    return wrong
