"""Operations of a company's admin on apps and webhooks, and of operators on jobs."""

import json
import time
from typing import Any
from uuid import UUID

from sqlalchemy import func, update

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from jobs import integrations
from jobs.retry_each import process_each
from jobs.run_log import RunLog
from models.ids import decode_id
from models.integrations import WebhookDelivery, WebhookDeliveryStatus
from models.operations import JobFailure
from services.operations.job_status import MAX_ATTEMPTS
from tests.support.operations.player import OperationPlayer


async def manage_apps(play: OperationPlayer) -> None:
    """Create an app, rotate its secret, reduce its scopes, and revoke it."""
    app = (await play("owner", "app_create", companyId=play.company))["app"]["id"]
    secret = await play("owner", "app_secret_create", appId=app)
    assert secret["secretValue"].startswith("dk_live_")
    target = {"appSecretId": secret["appSecret"]["id"]}
    assert (await play("owner", "app_secret_rotate", **target))["secretValue"] != secret[
        "secretValue"
    ]
    await play("owner", "app_secret_revoke", **target)
    await play("owner", "app_update", appId=app)
    assert (await play("owner", "app_detail", id=app))["scopes"] == ["STOCK_READ"]
    await play("owner", "app_list", companyId=play.company)
    await play("owner", "app_revoke", appId=app)


async def manage_webhooks(play: OperationPlayer) -> None:
    """Create an endpoint, receive an order event, change the endpoint in every way, archive it."""
    assert await play("nobody", "webhook_event_types")
    created = await play("owner", "webhook_endpoint_create", companyId=play.company)
    assert created["signingSecret"].startswith("whsec_")
    target = {"webhookEndpointId": created["webhookEndpoint"]["id"]}
    assert await play("owner", "webhook_endpoint_list", companyId=play.company)
    order = await play.order()
    while await integrations.fan_out(play.container.database):
        pass
    [first] = [
        one for one in await _deliveries(play, **target) if one["eventType"] == "ORDER_PLACED"
    ]
    event = await play("owner", "webhook_event", id=first["eventId"])
    assert (event["type"], event["orderId"]) == ("ORDER_PLACED", order)
    preview = await play("owner", "webhook_preview", eventId=first["eventId"], **target)
    assert json.loads(preview["payload"])["data"]["order"]["code"] == event["order"]["code"]
    await play("owner", "webhook_endpoint_pause", **target)
    await play("owner", "webhook_endpoint_resume", **target)
    await play("owner", "webhook_endpoint_update", **target)
    await play("owner", "webhook_endpoint_secret_rotate", **target)
    replayed = await play("owner", "webhook_replay", since=event["occurredAt"], **target)
    assert replayed["queuedCount"] >= 1
    await _mark_dead(play, first["id"])
    retried = await play("owner", "webhook_delivery_retry", webhookDeliveryId=first["id"])
    assert retried["webhookDelivery"]["status"] == "PENDING"
    await play("owner", "webhook_endpoint_archive", **target)


async def _deliveries(play: OperationPlayer, webhookEndpointId: str) -> Any:  # noqa: N803 - the GraphQL name
    endpoint = await play("owner", "webhook_endpoint_detail", id=webhookEndpointId)
    return endpoint["deliveries"]["nodes"]


async def _mark_dead(play: OperationPlayer, delivery: str) -> None:
    key = decode_id(WebhookDelivery, delivery)
    async with play.container.database.write(PLATFORM, AuditContext("test")) as session:
        query = update(WebhookDelivery).where(WebhookDelivery.id == key)
        await session.execute(query.values(status=WebhookDeliveryStatus.FAILED))


async def retry_job_failures(play: OperationPlayer) -> None:
    """Read job states and failures as an operator, and retry a dead letter."""
    database, item = play.container.database, uuid7()
    name = f"play.fails.{item.hex}"

    async def fail(item: UUID) -> int:
        raise ValueError("it can't be done")

    for _ in range(MAX_ATTEMPTS):
        await process_each(database, name, [item], fail)
        async with database.write(PLATFORM, AuditContext("test")) as session:
            await session.execute(update(JobFailure).values(next_attempt_at=func.now()))
    run_log = RunLog(database, {})
    run_log.record_run(name, 1, time.monotonic(), 0, "ValueError: it can't be done")
    await run_log.flush()
    [job] = [one for one in await play("admin", "job_list") if one["name"] == name]
    assert (job["deadLetteredCount"], job["consecutiveFailureCount"]) == (1, 1)
    page = await play("admin", "job_failures", job=name)
    [failure] = page["nodes"]
    assert (failure["deadLettered"], failure["attemptCount"]) == (True, MAX_ATTEMPTS)
    retried = await play("admin", "job_failure_retry", jobFailureId=failure["id"])
    assert retried["jobFailure"]["deadLettered"] is False
