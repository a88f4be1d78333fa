"""Deliveries of one endpoint are sent as a group, and each has a result of its own."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from jobs import integrations
from models.integrations import WebhookEndpoint, WebhookEndpointStatus
from server.webhook_payloads import GraphPayloads
from services.integrations import webhook_queue, webhook_sending
from services.integrations.webhook_sending import AttemptResult, DueDelivery
from tests.support.webhooks.receiver import respond_with
from tests.support.webhooks.scenario import WebhookScenario, scenario

__all__ = ["scenario"]

GROUP_SIZE = 10


class FailingPayloads:
    """Renders every payload but that of the first event, while there is an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.error: Exception | None = error
        self.event_id: str | None = None
        render = GraphPayloads.render

        async def render_or_fail(
            payloads: GraphPayloads, endpoint: Any, app: Any, event: Any
        ) -> bytes:
            self.event_id = self.event_id or event.event_id
            if event.event_id == self.event_id and self.error is not None:
                raise self.error
            return await render(payloads, endpoint, app, event)

        monkeypatch.setattr(GraphPayloads, "render", render_or_fail)


async def statuses(scenario: WebhookScenario, endpoint_id: str) -> list[tuple[str, int]]:
    """Status and attempts of the deliveries, the pending ones first."""
    deliveries = await scenario.deliveries(endpoint_id)
    return sorted(((each["status"], each["attemptCount"]) for each in deliveries), reverse=True)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(RuntimeError("unexpected"), 1), (asyncpg.LockNotAvailableError("locked"), 0)],
    ids=["unexpected", "transient"],
)
async def test_one_unexpected_error_does_not_send_its_nine_neighbors_again(
    scenario: WebhookScenario, monkeypatch: pytest.MonkeyPatch, error: Exception, attempts: int
) -> None:
    """The results of all ten were lost, nothing was counted, and all went out again each minute."""
    endpoint_id = await scenario.create_endpoint_id()
    for units in range(GROUP_SIZE):
        await scenario.record_stock_event(units)
    payloads = FailingPayloads(monkeypatch, error)
    await scenario.send_due()
    sent = [("PENDING", attempts), *[("DELIVERED", 1)] * (GROUP_SIZE - 1)]
    assert await statuses(scenario, endpoint_id) == sent
    assert len(scenario.receiver.requests) == GROUP_SIZE - 1
    assert (await scenario.endpoint_detail(endpoint_id))["consecutiveFailureCount"] == 0
    assert await scenario.send_due() == 0, "it waits for its next attempt"
    payloads.error = None
    assert await scenario.send_all() == 1
    assert {status for status, _ in await statuses(scenario, endpoint_id)} == {"DELIVERED"}
    assert len(scenario.receiver.requests) == GROUP_SIZE


@pytest.mark.parametrize(
    "error", [RuntimeError("unexpected"), asyncpg.LockNotAvailableError("locked")]
)
async def test_a_delivery_that_always_fails_on_our_side_has_an_end(
    scenario: WebhookScenario, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    endpoint_id = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    FailingPayloads(monkeypatch, error)
    await scenario.send_due()
    await scenario.execute(
        "update webhook_delivery set ends_at = now() - interval '1 s' where status = 'PENDING'"
    )
    await scenario.send_all()
    [delivery] = await scenario.deliveries(endpoint_id)
    assert delivery["status"] == "FAILED"
    assert "our side" in delivery["lastError"]
    assert (await scenario.endpoint_detail(endpoint_id))["status"] == "ACTIVE"


async def test_a_result_that_can_not_be_stored_does_not_lose_the_others(
    scenario: WebhookScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an endpoint answered could keep the results of the whole group from being stored."""
    endpoint_id = await scenario.create_endpoint_id()
    for units in range(3):
        await scenario.record_stock_event(units)
    scenario.receiver.respond = respond_with(500)
    record, refused = webhook_sending.record_result, []

    async def record_or_fail(session: Any, due: DueDelivery, result: AttemptResult) -> None:
        refused.append(due.delivery.id)
        if due.delivery.id == refused[0] and "can't be shown" not in (result.error or ""):
            raise ValueError("this answer can't be stored")
        await record(session, due, result)

    monkeypatch.setattr(webhook_sending, "record_result", record_or_fail)
    await scenario.send_due()
    assert await statuses(scenario, endpoint_id) == [("PENDING", 1)] * 3
    assert len(scenario.receiver.requests) == 3


async def test_an_event_that_can_not_be_queued_is_left_out_and_reported(
    scenario: WebhookScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is read in order: one such event would have stopped all webhooks for good."""
    endpoint_id = await scenario.create_endpoint_id()
    for units in range(5):
        await scenario.record_stock_event(units)
    enqueue = webhook_queue.enqueue
    bad: list[int] = []

    async def enqueue_or_fail(session: Any, deliveries: Any) -> int:
        mine = [each for each in deliveries if str(each.endpoint_id) in endpoint_ids]
        bad.extend(each.seq for each in mine[2:3] if not bad)
        if any(each.seq in bad for each in mine):
            raise RuntimeError("unexpected")
        return int(await enqueue(session, deliveries))

    endpoint_ids = [str(row) for row in await endpoint_keys(scenario)]
    monkeypatch.setattr(webhook_queue, "enqueue", enqueue_or_fail)
    with pytest.raises(RuntimeError, match="unexpected"):
        await integrations.fan_out(scenario.container.database)
    await integrations.fan_out(scenario.container.database)
    assert len(await scenario.deliveries(endpoint_id)) == 4
    assert (await scenario.endpoint_detail(endpoint_id))["missedSince"] is not None


async def endpoint_keys(scenario: WebhookScenario) -> list[Any]:
    async with scenario.container.database.read(PLATFORM) as session:
        query = select(WebhookEndpoint.id).where(
            WebhookEndpoint.status == WebhookEndpointStatus.ACTIVE
        )
        return list(await session.scalars(query))
