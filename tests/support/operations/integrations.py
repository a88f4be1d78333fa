"""What a company's admin does with apps of third parties and their webhooks."""

import json
import time
from typing import Any
from uuid import UUID

from sqlalchemy import func, update

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Origin
from jobs import integrations
from jobs.retry_each import each
from jobs.run_log import Book
from models.ids import decode
from models.integrations import DeliveryState, WebhookDelivery
from models.operations import JobFailure
from services.operations.job_status import TRIES_COUNT
from tests.support.operations.player import Play


async def minding_apps(play: Play) -> None:
    """An app is made, gets a key and another one, may do less, and ends."""
    app = (await play("owner", "app_create", companyId=play.company))["app"]["id"]
    secret = await play("owner", "app_secret_create", appId=app)
    assert secret["text"].startswith("dk_live_")
    named = {"secretId": secret["secret"]["id"]}
    assert (await play("owner", "app_secret_rotate", **named))["text"] != secret["text"]
    await play("owner", "app_secret_revoke", **named)
    await play("owner", "app_update", appId=app)
    assert (await play("owner", "app_detail", id=app))["scopes"] == ["STOCK_READ"]
    await play("owner", "app_list", companyId=play.company)
    await play("owner", "app_revoke", appId=app)


async def minding_webhooks(play: Play) -> None:
    """An endpoint hears of orders, is looked after in every way, and ends."""
    assert await play("nobody", "webhook_topics")
    made = await play("owner", "webhook_endpoint_create", companyId=play.company)
    assert made["secret"].startswith("whsec_")
    named = {"endpointId": made["endpoint"]["id"]}
    assert await play("owner", "webhook_endpoint_list", companyId=play.company)
    order = await play.order()
    while await integrations.fan_out(play.house.database):
        pass
    [first] = [one for one in await _log(play, **named) if one["type"] == "ORDER_PLACED"]
    event = await play("owner", "webhook_event", id=first["eventId"])
    assert (event["type"], event["orderId"]) == ("ORDER_PLACED", order)
    seen = await play("owner", "webhook_preview", eventId=first["eventId"], **named)
    assert json.loads(seen["payload"])["data"]["order"]["code"] == event["order"]["code"]
    await play("owner", "webhook_endpoint_pause", **named)
    await play("owner", "webhook_endpoint_resume", **named)
    await play("owner", "webhook_endpoint_update", **named)
    await play("owner", "webhook_secret_rotate", **named)
    again = await play("owner", "webhook_replay", since=event["occurredAt"], **named)
    assert again["queuedCount"] >= 1
    await _give_up(play, first["id"])
    retried = await play("owner", "webhook_delivery_retry", deliveryId=first["id"])
    assert retried["delivery"]["status"] == "PENDING"
    await play("owner", "webhook_endpoint_archive", **named)


async def _log(play: Play, endpointId: str) -> Any:  # noqa: N803 - as the graph names it
    found = await play("owner", "webhook_endpoint_detail", id=endpointId)
    return found["deliveries"]["nodes"]


async def _give_up(play: Play, delivery: str) -> None:
    key = decode(WebhookDelivery, delivery)
    async with play.house.database.write(PLATFORM, Origin("test")) as session:
        dead = {"status": DeliveryState.DEAD}
        await session.execute(update(WebhookDelivery).where(WebhookDelivery.id == key).values(dead))


async def minding_jobs(play: Play) -> None:
    """Operators see how jobs fare, and let one try again what it has given up."""
    database, item = play.house.database, uuid7()

    async def fail(item: UUID) -> int:
        raise ValueError("it can't be done")

    for _ in range(TRIES_COUNT):
        await each(database, "play.fails", [item], fail)
        async with database.write(PLATFORM, Origin("test")) as session:
            await session.execute(update(JobFailure).values(next_at=func.now()))
    book = Book(database, {})
    book.ran("play.fails", 1, time.monotonic(), 0, "ValueError: it can't be done")
    await book.write()
    [job] = [one for one in await play("admin", "job_list") if one["name"] == "play.fails"]
    assert (job["deadCount"], job["failures"]) == (1, 1)
    found = await play("admin", "job_failures", job="play.fails")
    [failure] = found["nodes"]
    assert (failure["dead"], failure["tries"]) == (True, TRIES_COUNT)
    done = await play("admin", "job_failure_retry", failureId=failure["id"])
    assert done["failure"]["dead"] is False
