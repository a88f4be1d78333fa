"""Webhook deliveries: complete, signed, in order and within limits."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways.webhook import PublicWebhookClient
from jobs import integrations
from models.events import OrderEventKind
from models.ids import encode_id
from models.orders import Order
from services.events.event_log import inventory_stream, record_order_event
from services.integrations import webhook_sending
from services.integrations.webhook_signatures import signature_headers
from tests.support.order_rows import create_order_rows
from tests.support.waiting import until
from tests.support.webhooks.receiver import (
    never_respond,
    respond_with,
    respond_with_10_megabytes,
    run_receiver,
)
from tests.support.webhooks.scenario import ROTATE, TIMEOUT_SECONDS, WebhookScenario, scenario

__all__ = ["scenario"]


async def test_an_event_is_delivered_with_the_selected_fields_and_a_signature(
    scenario: WebhookScenario,
) -> None:
    created = await scenario.create_endpoint("ORDER_PLACED")
    async with scenario.container.database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, scenario.city.first)
        order = await session.get_one(Order, keys[Order])
        record_order_event(
            session, order, OrderEventKind.ORDER_PLACED, queue_store_id=order.store_id
        )
        record_order_event(session, order, OrderEventKind.ORDER_CANCELED)
    await scenario.until_readable()
    await scenario.send_due()
    [request] = scenario.receiver.requests
    assert request.data == {
        "type": "ORDER_PLACED", "sequence": 1, "orderId": encode_id(Order, order.id),
        "order": {"code": order.code, "status": order.status},
    }  # fmt: skip
    assert request.payload["type"] == "ORDER_PLACED"
    assert request.payload["id"] == request.headers["webhook-id"]
    assert request.payload["schemaVersion"] == created["webhookEndpoint"]["schemaVersion"]
    assert (
        Webhook(created["signingSecret"]).verify(request.body, request.headers) == request.payload
    )
    with pytest.raises(WebhookVerificationError):
        Webhook(created["signingSecret"]).verify(request.body + b" ", request.headers)
    [delivery] = await scenario.deliveries(created["webhookEndpoint"]["id"])
    assert (delivery["status"], delivery["attemptCount"]) == ("DELIVERED", 1)
    [attempt] = delivery["attempts"]
    assert (attempt["statusCode"], attempt["responseSnippet"], attempt["error"]) == (
        200,
        "taken",
        None,
    )
    assert delivery["eventId"] == request.payload["id"]
    assert await scenario.send_due() == 0


def test_signatures_equal_those_of_the_reference_library() -> None:
    secret, timestamp = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", int(time.time())
    body, reference = b'{"test": 2432232314}', Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp, body)
    at = datetime.fromtimestamp(timestamp, UTC)
    assert headers["webhook-signature"] == reference.sign(headers["webhook-id"], at, body.decode())
    vector = signature_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert vector["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_both_secrets_sign_until_the_grace_period_ends(scenario: WebhookScenario) -> None:
    created = await scenario.create_endpoint()
    arguments, old = (
        {"webhookEndpointId": created["webhookEndpoint"]["id"]},
        created["signingSecret"],
    )
    new = (await scenario.mutate(ROTATE, graceSeconds=60, **arguments))["signingSecret"]
    assert new != old
    await scenario.record_stock_event()
    await scenario.send_due()
    for secret in (old, new):
        Webhook(secret).verify(
            scenario.receiver.requests[-1].body, scenario.receiver.requests[-1].headers
        )
    newest = (await scenario.mutate(ROTATE, graceSeconds=0, **arguments))["signingSecret"]
    await scenario.record_stock_event()
    await scenario.send_due()
    Webhook(newest).verify(
        scenario.receiver.requests[-1].body, scenario.receiver.requests[-1].headers
    )
    for secret in (old, new):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(
                scenario.receiver.requests[-1].body, scenario.receiver.requests[-1].headers
            )


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        (respond_with(500), "The endpoint answered 500."),
        (respond_with(302, "location: http://127.0.0.1:1/"), "The endpoint answered 302."),
        (never_respond, f"There was no answer within {TIMEOUT_SECONDS:g} seconds."),
        (respond_with_10_megabytes, None),
    ],
)
async def test_every_attempt_ends_and_is_recorded(
    scenario: WebhookScenario, respond: Any, error: str | None
) -> None:
    scenario.receiver.respond = respond
    endpoint_id = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    assert await scenario.send_due() == 1
    [delivery] = await scenario.deliveries(endpoint_id)
    assert delivery["status"] == ("PENDING" if error else "DELIVERED")
    assert delivery["lastError"] == error
    [attempt] = delivery["attempts"]
    assert attempt["error"] == error
    assert len(attempt["responseSnippet"]) <= 1_024
    assert await scenario.send_due() == 0  # it waits for its next attempt
    scenario.receiver.respond = None
    assert await scenario.send_all() == (1 if error else 0)
    [delivery] = await scenario.deliveries(endpoint_id)
    assert (delivery["status"], len(scenario.receiver.requests)) == ("DELIVERED", 2 if error else 1)
    assert len({request.headers["webhook-id"] for request in scenario.receiver.requests}) == 1


async def test_a_hanging_endpoint_does_not_delay_others(scenario: WebhookScenario) -> None:
    async with run_receiver() as other:
        webhooks = PublicWebhookClient([scenario.receiver.address, other.address])
        scenario.container = replace(scenario.container, webhooks=webhooks)
        scenario.admin = replace(scenario.admin, container=scenario.container)
        scenario.receiver.respond = never_respond
        await scenario.create_endpoint_id()
        await scenario.create_endpoint_id(url=other.url)
        for _ in range(12):
            await scenario.record_stock_event()
        sending = asyncio.create_task(scenario.send_due())
        await until(lambda: len(other.requests) >= 12, 20, "12 requests at the other endpoint")
        assert 1 <= scenario.receiver.max_open_requests <= webhook_sending.MAX_CLAIMED_PER_ENDPOINT
        await sending
        await webhooks.close()


async def test_an_event_that_commits_late_is_not_skipped(
    scenario: WebhookScenario, database_url: str
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    await integrations.fan_out(scenario.container.database)
    late_writer = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    try:
        transaction = late_writer.transaction()
        await transaction.start()
        await late_writer.execute(
            "insert into event (stream, seq, company_id, type, body, at) values"
            " ($1, 1, $2, 'STOCK_CHANGED', '{\"changes\": []}', clock_timestamp())",
            inventory_stream(scenario.city.next.id), scenario.city.company.id,
        )  # fmt: skip
        await scenario.record_stock_event(wait=False)
        await scenario.send_due()
        assert scenario.receiver.requests == []  # events of later transactions wait
        await transaction.commit()
    finally:
        await late_writer.close()
    await scenario.until_readable()
    await scenario.send_due()
    store_ids = [request.data["storeId"] for request in scenario.receiver.requests]
    assert sorted(store_ids) == sorted(
        encode_id(type(store), store.id) for store in (scenario.city.near, scenario.city.next)
    )
    assert {delivery["status"] for delivery in await scenario.deliveries(endpoint_id)} == {
        "DELIVERED"
    }


@pytest.mark.parametrize("ordered", [True, False])
async def test_events_of_one_aggregate_keep_their_order_if_requested(
    scenario: WebhookScenario, ordered: bool
) -> None:
    await scenario.create_endpoint_id(preserveOrder=ordered)
    scenario.receiver.respond = respond_with(503)
    await scenario.record_stock_event(1)
    await scenario.send_due()
    # Its next attempt is not due in this test, however slow the machine is.
    await scenario.execute(
        "update webhook_delivery set next_attempt_at = now() + interval '1 hour'"
    )
    scenario.receiver.respond = None
    for units in (2, 3, 4):
        await scenario.record_stock_event(units)
    await scenario.send_due()
    sequences = [request.data["sequence"] for request in scenario.receiver.requests]
    assert sequences[0] == 1
    assert sorted(sequences[1:]) == ([] if ordered else [2, 3, 4])
    await scenario.send_all()
    while await scenario.send_due():
        pass
    sequences = [request.data["sequence"] for request in scenario.receiver.requests]
    if ordered:
        assert sequences == [1, 1, 2, 3, 4]
    else:
        assert sorted(sequences) == [1, 1, 2, 3, 4]
