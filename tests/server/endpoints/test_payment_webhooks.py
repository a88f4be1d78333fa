"""The payment provider's webhooks: signed events are stored once and processed, others rejected."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.routing import Route

from database.announcer import EventNotice
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import ANONYMOUS
from models.orders import OrderCancelReason, OrderStatus
from models.payments import PaymentNotice, PaymentStatus
from server.endpoints.payment_webhooks import MAX_BODY_BYTES, PaymentWebhooks
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from services.checkout import cancellation
from services.core.rate_limiter import CostRejected, RateLimiter
from simulators.stripe.deliveries import signature
from tests.support import city as cities
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import WEBHOOK_SECRET, open_sandbox, serve
from workflows.payments.settlement_trigger import SettlementTrigger

OFFICE = "203.0.113.61"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop to whose webhook endpoint the simulator posts its events."""
    async with open_sandbox() as sandbox, open_shop(database, sandbox) as shop:
        webhooks = PaymentWebhooks(database, shop.payments)
        app = Starlette(routes=[Route("/hooks", webhooks.receive, methods=["POST"])])
        async with serve(app) as url:
            await sandbox.control("webhook", {"url": f"{url}/hooks"})
            sandbox.webhook_base_url = f"{url}/hooks"
            yield shop
            await webhooks.aclose()


async def stored_count(shop: Shop) -> int:
    async with shop.database.read(PLATFORM) as session:
        return await session.scalar(select(func.count()).select_from(PaymentNotice)) or 0


async def test_a_webhook_alone_confirms_the_order_even_when_it_is_sent_twice(shop: Shop) -> None:
    await shop.sandbox.control("faults", {"duplicate": True, "reorder": True})
    city = await cities.build_city(shop.database)
    (buyer,) = await create_people(shop.database)
    order = await shop.buy(buyer, order_request(city))
    await shop.confirm(order)
    async with asyncio.timeout(10):
        while (await shop.order(order)).status is not OrderStatus.CONFIRMED:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0.05)
    await shop.sandbox.finished_deliveries()
    assert (await shop.event_types(order)).count("ORDER_CONFIRMED") == 1


class OfficeBudgets(CallerBudgets):
    """Counts all clients at one address: tests connect from this machine, which nothing limits."""

    def failure_rejection(self, address: str) -> CostRejected | None:
        return super().failure_rejection(OFFICE)

    def charge_failure(self, address: str, *, ended: str = "") -> None:
        super().charge_failure(OFFICE, ended=ended)


async def test_signed_events_are_stored_whatever_strangers_of_the_network_have_sent(
    database: Database, shop: Shop
) -> None:
    """The provider's event was refused where anonymous operations or wrong signatures came."""
    budgets = OfficeBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    budgets.take(ANONYMOUS, OFFICE, 10**6)
    webhooks = PaymentWebhooks(database, shop.payments, budgets)
    app = Starlette(routes=[Route("/hooks", webhooks.receive, methods=["POST"])])
    body = b'{"id":"evt_of_office","object":"event","type":"none","data":{"object":{}}}'
    signed = {"stripe-signature": signature(body, WEBHOOK_SECRET, int(time.time()))}
    async with serve(app) as url, httpx.AsyncClient(trust_env=False) as client:
        forged = {"stripe-signature": "t=1,v1=00"}
        codes = [
            (await client.post(f"{url}/hooks", content=body, headers=forged)).status_code
            for _ in range(12)
        ]
        stored = await client.post(f"{url}/hooks", content=body, headers=signed)
    await webhooks.aclose()
    assert codes == [400] * 10 + [429] * 2
    assert stored.status_code == 200


async def test_unsigned_and_too_large_events_are_rejected(shop: Shop) -> None:
    before = await stored_count(shop)
    now = int(time.time())
    requests = [
        (b'{"id":"evt_1"}', "t=1,v1=00", 400),
        (b"", "", 400),
        (b"\xff", signature(b"\xff", WEBHOOK_SECRET, now), 400),
        (b"x" * (MAX_BODY_BYTES + 1), "", 413),
    ]
    async with httpx.AsyncClient(trust_env=False) as client:
        for body, signature_header, status in requests:
            headers = {"stripe-signature": signature_header}
            response = await client.post(
                shop.sandbox.webhook_base_url, content=body, headers=headers
            )
            assert response.status_code == status
    assert await stored_count(shop) == before


async def test_a_signed_message_that_can_not_be_read_is_stored_and_answered_with_200(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """The provider sends what this version can't read: stored, logged, and not sent for days.

    It used to be answered 400 BAD_SIGNATURE, which points to the keys.
    """
    before = await stored_count(shop)
    body = b'{"id": "evt_new", "data": {"object": 7}}'
    headers = {"stripe-signature": signature(body, WEBHOOK_SECRET, int(time.time()))}
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            response = await client.post(
                shop.sandbox.webhook_base_url, content=body, headers=headers
            )
            assert response.status_code == 200
    assert await stored_count(shop) == before + 1
    assert "can't be read" in caplog.text


CHARGE = {"object": "charge", "id": "ch_1"}
REFUND = {
    "object": "refund", "id": "re_1", "status": "succeeded", "amount": 1, "currency": "eur",
}  # fmt: skip
BAD_EVENTS: dict[str, dict[str, object]] = {
    "a time out of range": {"created": 10**18},
    "a time before all": {"created": -(10**18)},
    "a time without end": {"created": float("inf")},
    "no id": {"id": None},
    "a number as id": {"id": 7},
    "an id with NUL": {"id": "evt\0"},
    "an id with half a character": {"id": "evt\ud800"},
    "a long id": {"id": "e" * 100_000},
    "no type": {"type": None},
    "a list as type": {"type": ["charge.updated"]},
    "a type with NUL": {"type": "charge\0"},
    "an intent with NUL": {"data": {"object": {**CHARGE, "payment_intent": "pi\0"}}},
    "a dispute with NUL": {"data": {"object": {"object": "dispute", "id": "dp\0"}}},
    "a refund with NUL": {"data": {"object": {**REFUND, "id": "re\0"}}},
    "a currency with NUL": {"data": {"object": {**REFUND, "currency": "e\0"}}},
    "an amount without end": {"data": {"object": {**REFUND, "amount": float("nan")}}},
    "a huge amount": {"data": {"object": {**REFUND, "amount": 10**400}}},
    "a list as amount": {"data": {"object": {**REFUND, "amount": [1]}}},
    "a deep object": {"data": {"object": "deep"}},
}


@pytest.mark.parametrize("change", BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
async def test_a_signed_event_of_any_form_is_stored_once_and_answered_with_200(
    shop: Shop, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """Such events ended as 500, so that the provider sent them again for days."""
    event = {"id": f"evt_{uuid4()}", "type": "charge.updated", "created": 1, "nonce": f"{uuid4()}"}
    body = json.dumps({**event, "data": {"object": CHARGE}, **change}).encode()
    body = body.replace(b'"deep"', b"[" * 100_000 + b"]" * 100_000)
    headers = {"stripe-signature": signature(body, WEBHOOK_SECRET, int(time.time()))}
    ids = [event["id"], f"unreadable-{hashlib.sha256(body).hexdigest()[:32]}"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            url = shop.sandbox.webhook_base_url
            assert (await client.post(url, content=body, headers=headers)).status_code == 200
    async with shop.database.read(PLATFORM) as session:
        query = select(PaymentNotice).where(PaymentNotice.event_id.in_(ids))
        [notice] = await session.scalars(query)
    assert notice.failure
    assert "can't be read" in caplog.text


@pytest.mark.parametrize("created", [10**18, None, "soon", {}], ids=str)
async def test_an_event_keeps_its_ids_when_only_its_time_can_not_be_read(
    shop: Shop, created: object
) -> None:
    """The whole event was unreadable then: the intent that it names was not read again."""
    intent = {"object": "payment_intent", "id": f"pi_{uuid4().hex}"}
    event = {"id": f"evt_{uuid4()}", "type": "payment_intent.succeeded", "created": created}
    body = json.dumps({**event, "data": {"object": intent}}).encode()
    headers = {"stripe-signature": signature(body, WEBHOOK_SECRET, int(time.time()))}
    async with httpx.AsyncClient(trust_env=False) as client:
        url = shop.sandbox.webhook_base_url
        assert (await client.post(url, content=body, headers=headers)).status_code == 200
    async with shop.database.read(PLATFORM) as session:
        query = select(PaymentNotice).where(PaymentNotice.event_id == event["id"])
        notice = (await session.scalars(query)).one()
    assert (notice.intent_id, notice.kind) == (intent["id"], event["type"])
    assert "created" in (notice.failure or "")


async def test_a_commit_that_requires_a_settlement_triggers_it_at_once(shop: Shop) -> None:
    settlements = SettlementTrigger(shop.database, shop.payments)

    async def request_settlements(notices: Sequence[EventNotice]) -> None:
        settlements.handle_events(notices)

    city = await cities.build_city(shop.database)
    (buyer,) = await create_people(shop.database)
    order = await shop.buy(buyer, order_request(city))
    await shop.pay(order)
    shop.database.announcer.subscribe(request_settlements)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        reason = OrderCancelReason.TOO_SLOW
        await cancellation.cancel_order(session, actor=buyer, order_id=order.id, reason=reason)
    async with asyncio.timeout(5):
        while (await shop.payment(order)).status is not PaymentStatus.VOIDED:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0.02)
    shop.database.announcer.unsubscribe(request_settlements)
    await settlements.close()
