"""Failing webhook endpoints: circuit breakers, dead letters and replays."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from jobs import integrations
from services.integrations import webhook_deliveries, webhook_sending
from services.integrations.webhook_sending import CIRCUIT_BREAKER_FAILURES, retry_delay_seconds
from tests.support.webhooks.receiver import respond_with
from tests.support.webhooks.scenario import PAUSE, REPLAY, RESUME, RETRY, WebhookScenario, scenario

__all__ = ["scenario"]


async def test_an_open_circuit_allows_single_attempts_and_loses_no_delivery(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    scenario.receiver.respond = respond_with(500)
    for _ in range(12):
        await scenario.record_stock_event()
    await scenario.send_due()
    for _ in range(3):
        await scenario.execute(
            "update webhook_delivery set next_attempt_at = now() where status = 'PENDING'"
        )
        await scenario.send_due()
    endpoint = await scenario.endpoint_detail(endpoint_id)
    assert endpoint["consecutiveFailureCount"] >= CIRCUIT_BREAKER_FAILURES
    assert endpoint["circuitOpenUntil"] is not None
    attempt_count = len(scenario.receiver.requests)
    assert attempt_count <= CIRCUIT_BREAKER_FAILURES + webhook_sending.MAX_CLAIMED_PER_ENDPOINT
    await scenario.send_all()
    assert len(scenario.receiver.requests) == attempt_count + 1  # half open: one attempt
    scenario.receiver.respond = None
    while await scenario.send_all():
        pass
    deliveries = await scenario.deliveries(endpoint_id)
    assert [delivery["status"] for delivery in deliveries] == ["DELIVERED"] * 12
    assert (await scenario.endpoint_detail(endpoint_id))["consecutiveFailureCount"] == 0


@pytest.mark.leaves("WebhookEndpoint.SUSPENDED")
async def test_a_gone_or_failing_endpoint_is_suspended_and_can_be_resumed(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    scenario.receiver.respond = respond_with(410)
    await scenario.record_stock_event()
    await scenario.send_due()
    endpoint = await scenario.endpoint_detail(endpoint_id)
    assert (endpoint["status"], endpoint["suspensionReason"]) == (
        "SUSPENDED", "The endpoint answered 410 Gone.",
    )  # fmt: skip
    await scenario.record_stock_event()
    assert await scenario.send_all() == 0
    assert (await scenario.endpoint_detail(endpoint_id))["missedSince"] is not None
    scenario.receiver.respond = respond_with(500)
    await scenario.mutate(RESUME, webhookEndpointId=endpoint_id)
    await scenario.send_all()
    assert (await scenario.endpoint_detail(endpoint_id))["status"] == "ACTIVE"
    await scenario.execute(
        "update webhook_endpoint set failing_since = now() - interval '73 hours'"
    )
    await scenario.send_all()
    assert (await scenario.endpoint_detail(endpoint_id))["status"] == "SUSPENDED"
    scenario.receiver.respond = None
    await scenario.mutate(RESUME, webhookEndpointId=endpoint_id)
    missed_since = (await scenario.endpoint_detail(endpoint_id))["missedSince"]
    assert (await scenario.mutate(REPLAY, webhookEndpointId=endpoint_id, since=missed_since))[
        "queuedCount"
    ] == 1
    await scenario.send_all()
    assert {delivery["status"] for delivery in await scenario.deliveries(endpoint_id)} == {
        "DELIVERED"
    }
    assert (await scenario.endpoint_detail(endpoint_id))["missedSince"] is None


async def test_a_delivery_is_dead_after_three_days_and_can_be_retried(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    scenario.receiver.respond = respond_with(500)
    await scenario.record_stock_event()
    await scenario.send_due()
    await scenario.execute("update webhook_delivery set ends_at = now() where status = 'PENDING'")
    await scenario.send_all()
    [delivery] = await scenario.deliveries(endpoint_id)
    assert (delivery["status"], delivery["attemptCount"]) == ("FAILED", 2)
    assert await scenario.send_all() == 0
    scenario.receiver.respond = None
    arguments = {"webhookDeliveryId": delivery["id"]}
    await scenario.mutate(RETRY, **arguments)
    [error] = (await scenario.admin.run(RETRY, {"input": arguments}))["webhookDeliveryRetry"][
        "errors"
    ]
    assert error["__typename"] == "InvalidTransition"
    await scenario.send_all()
    [delivery] = await scenario.deliveries(endpoint_id)
    assert delivery["status"] == "DELIVERED"


def test_attempts_are_spread_over_three_days() -> None:
    pauses = [retry_delay_seconds(attempt) for attempt in range(12)]
    assert pauses[0] < 6
    assert all(before < after * 1.3 for before, after in pairwise(pauses))
    assert timedelta(hours=40) < timedelta(seconds=sum(pauses)) < timedelta(hours=72)
    assert retry_delay_seconds(0, 100) == 100
    assert retry_delay_seconds(0, 10**9) == webhook_sending.MAX_RETRY_AFTER_SECONDS


async def test_events_are_replayed_by_time_and_after_an_event(
    scenario: WebhookScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    for units in range(5):
        await scenario.record_stock_event(units)
    await scenario.send_due()
    first = (await scenario.deliveries(endpoint_id))[0]
    monkeypatch.setattr(webhook_deliveries, "MAX_REPLAYED_EVENTS", 2)
    arguments: dict[str, Any] = {"webhookEndpointId": endpoint_id, "since": first["occurredAt"]}
    counts = []
    while True:
        payload = await scenario.mutate(REPLAY, **arguments)
        counts.append(payload["queuedCount"])
        if payload["nextEventId"] is None:
            break
        arguments = {"webhookEndpointId": endpoint_id, "afterEventId": payload["nextEventId"]}
    assert counts == [2, 2, 1]
    await scenario.send_all()
    event_ids = [request.payload["id"] for request in scenario.receiver.requests]
    assert len(event_ids) == 10
    assert sorted(event_ids[:5]) == sorted(event_ids[5:])
    invalid = (await scenario.admin.run(REPLAY, {"input": {"webhookEndpointId": endpoint_id}}))[
        "webhookReplay"
    ]
    assert [error["path"] for error in invalid["errors"]] == [["input", "since"]]


async def test_a_killed_sender_may_repeat_a_delivery_but_loses_none(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    await integrations.fan_out(scenario.container.database)
    async with scenario.container.database.write(PLATFORM, AuditContext("test")) as session:
        assert len(await webhook_sending.claim_due(session, [], 20)) >= 1
    assert await scenario.send_due() == 0
    assert await scenario.send_all() == 1
    assert [delivery["status"] for delivery in await scenario.deliveries(endpoint_id)] == [
        "DELIVERED"
    ]


async def test_a_paused_endpoint_shows_since_when_it_misses_events(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    await scenario.mutate(PAUSE, webhookEndpointId=endpoint_id)
    await scenario.record_stock_event()
    assert await scenario.send_due() == 0
    endpoint = await scenario.endpoint_detail(endpoint_id)
    assert endpoint["missedSince"] is not None
    assert endpoint["deliveries"]["nodes"] == []
    assert endpoint["availableActions"] == ["UPDATE", "RESUME", "REPLAY", "ARCHIVE"]


async def test_pending_deliveries_of_a_suspended_endpoint_end_as_dead_letters(
    scenario: WebhookScenario,
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    scenario.receiver.respond = respond_with(410)
    await scenario.record_stock_event()
    await scenario.send_due()
    database = scenario.container.database
    await integrations.expire_pending(database)
    assert [delivery["status"] for delivery in await scenario.deliveries(endpoint_id)] == [
        "PENDING"
    ]
    await scenario.execute("update webhook_delivery set ends_at = now() where status = 'PENDING'")
    await integrations.expire_pending(database)
    assert [delivery["status"] for delivery in await scenario.deliveries(endpoint_id)] == ["FAILED"]
    assert await integrations.expire_pending(database) == 0


async def test_a_delivery_whose_attempts_never_end_is_dead_an_hour_after_its_end(
    scenario: WebhookScenario,
) -> None:
    """A sender that is killed at each attempt took it again every minute without an end."""
    endpoint_id = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    await integrations.fan_out(scenario.container.database)
    for hours, status in ((0, "PENDING"), (2, "FAILED")):
        await scenario.execute(
            "update webhook_delivery set ends_at = now() - make_interval(hours => :hours),"
            " next_attempt_at = now() + interval '1 minute' where status = 'PENDING'",
            hours=hours,
        )
        await integrations.expire_pending(scenario.container.database)
        [delivery] = await scenario.deliveries(endpoint_id)
        assert delivery["status"] == status
