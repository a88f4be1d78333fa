"""Jobs that queue, send and purge webhook deliveries."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.webhook import WebhookClient, WebhookError
from models.integrations import App, WebhookEndpoint
from services.core.transient_errors import is_transient
from services.integrations import webhook_queue, webhook_sending
from services.integrations.webhook_events import WebhookEvent
from services.integrations.webhook_sending import AttemptResult, DueDelivery
from services.integrations.webhook_signatures import signature_headers

log = logging.getLogger("darkstore.jobs")

MAX_CONCURRENT_ATTEMPTS = 40
POLL_SECONDS = 0.25
MAX_BATCHES = 40
RUN_SECONDS = 15.0
FAN_OUT_ORIGIN = AuditContext("job:webhook.fan_out")
DELIVER_ORIGIN = AuditContext("job:webhook.deliver")
USER_AGENT = "Darkstore-Webhooks/1"


class WebhookPayloadError(Exception):
    """The payload can't be rendered: now, or (`permanent`) ever with this selection."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class WebhookPayloadSource(Protocol):
    """Renders webhook bodies and provides signing secrets."""

    async def render(
        self, endpoint: WebhookEndpoint, app: App | None, event: WebhookEvent
    ) -> bytes:
        """Return the body; raises WebhookPayloadError."""

    def signing_secrets(self, delivery: DueDelivery) -> list[str]:
        """Return the secrets that are active now."""


async def fan_out(database: Database) -> int:
    """Queue deliveries for new events, some thousand per run; returns how many events.

    After an unexpected error the batch is halved until the event that causes it is found. That one
    is left out, and the error is raised when the others are queued.
    """
    total, limit, failure = 0, webhook_queue.MAX_EVENTS_PER_BATCH, None
    for _ in range(MAX_BATCHES):
        try:
            async with database.write(PLATFORM, FAN_OUT_ORIGIN) as session:
                count = await webhook_queue.fan_out(session, limit)
        except Exception as error:
            if is_transient(error):
                raise
            failure = error
            if limit == 1:
                await _skip_next_event(database, error)
            limit = max(1, limit // 2)
            continue
        total += count
        if count < limit:
            break
        limit = min(2 * limit, webhook_queue.MAX_EVENTS_PER_BATCH)
    if failure is not None:
        raise failure
    return total


async def _skip_next_event(database: Database, error: Exception) -> None:
    async with database.write(PLATFORM, FAN_OUT_ORIGIN) as session:
        name = await webhook_queue.skip_next(session)
    log.error("event %s can't be sent to webhook endpoints: %s", name, error, exc_info=error)


async def deliver(
    database: Database, webhooks: WebhookClient, payloads: WebhookPayloadSource
) -> int:
    """Send due deliveries for RUN_SECONDS; returns the number of attempts.

    While attempts to an endpoint run, no more of its deliveries are claimed; others continue.
    """
    sender = WebhookSender(database, webhooks, payloads)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            await sender.send_due()
    except TimeoutError:
        await sender.wait_for_attempts()
    return sender.attempt_count


class WebhookSender:
    """Sends up to MAX_CONCURRENT_ATTEMPTS deliveries at once, those of an endpoint as one group."""

    def __init__(
        self, database: Database, webhooks: WebhookClient, payloads: WebhookPayloadSource
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._payloads = payloads
        self._groups: dict[asyncio.Task[None], list[DueDelivery]] = {}
        self._running_count = 0
        self.attempt_count = 0

    async def send_due(self) -> None:
        """Send until nothing is due."""
        while True:
            started = (
                await self._start_due() if self._running_count < MAX_CONCURRENT_ATTEMPTS else 0
            )
            if not self._groups:
                return
            done, _ = await asyncio.wait(
                self._groups,
                timeout=POLL_SECONDS if started else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                self._running_count -= len(self._groups.pop(task))

    async def wait_for_attempts(self) -> None:
        """Wait for the running attempts; each has its own time limit."""
        if self._groups:
            await asyncio.wait(self._groups)

    async def _start_due(self) -> int:
        """Claim due deliveries and start their attempts; returns how many."""
        busy_endpoint_ids = list({group[0].endpoint.id for group in self._groups.values()})
        async with self._database.write(PLATFORM, DELIVER_ORIGIN) as session:
            claimed = await webhook_sending.claim_due(
                session, busy_endpoint_ids, MAX_CONCURRENT_ATTEMPTS - self._running_count
            )
            due = await webhook_sending.read_claimed(session, claimed) if claimed else []
        groups: defaultdict[UUID, list[DueDelivery]] = defaultdict(list)
        for delivery in due:
            groups[delivery.endpoint.id].append(delivery)
        for group in groups.values():
            self._groups[asyncio.create_task(self._send_group(group), name="webhook")] = group
        self._running_count += len(due)
        self.attempt_count += len(due)
        return len(due)

    async def _send_group(self, group: list[DueDelivery]) -> None:
        """Send a group and record its results: together, or each by itself if that fails."""
        results = await asyncio.gather(*map(self._attempt, group))
        outcomes = list(zip(group, results, strict=True))
        try:
            await self._record(outcomes)
        except Exception:
            log.warning("results of %s: one by one now", group[0].endpoint.id, exc_info=True)
            for delivery, result in outcomes:
                await self._record_alone(delivery, result)

    async def _record(self, outcomes: Sequence[tuple[DueDelivery, AttemptResult]]) -> None:
        async with self._database.write(PLATFORM, DELIVER_ORIGIN) as session:
            for delivery, result in outcomes:
                await webhook_sending.record_result(session, delivery, result)

    async def _record_alone(self, delivery: DueDelivery, result: AttemptResult) -> None:
        """Record one result; without the texts of the answer if it can't be stored with them."""
        for version in (result, result.without_texts()):
            try:
                await self._record([(delivery, version)])
                return
            except Exception:
                log.warning("no result of %s", delivery.delivery.id, exc_info=True)
        log.error("delivery %s will be sent again after its lease", delivery.delivery.id)

    async def _attempt(self, delivery: DueDelivery) -> AttemptResult:
        """Make one attempt; never raises, so that the others of its group keep their results."""
        try:
            return await self._send(delivery)
        except Exception as error:
            transient = is_transient(error)
            log.log(
                logging.WARNING if transient else logging.ERROR,
                "delivery %s failed on our side",
                delivery.delivery.id,
                exc_info=True,
            )
            message = "This failed on our side and will be tried again."
            return AttemptResult(message, on_our_side=True, transient=transient)

    async def _send(self, delivery: DueDelivery) -> AttemptResult:
        """Make one attempt; no transaction is open meanwhile."""
        event, endpoint, app = delivery.event, delivery.endpoint, delivery.app
        if event is None:
            return AttemptResult("The event is not in the log any more.")
        if app is not None and app.revoked_at is not None:
            return await self._suspend(delivery, "The app was revoked.")
        try:
            body = await self._payloads.render(endpoint, app, event)
            secrets = self._payloads.signing_secrets(delivery)
            headers = {
                "host": urlsplit(endpoint.url).netloc,
                **signature_headers(secrets, event.event_id, int(time.time()), body),
                "content-type": "application/json",
                "user-agent": USER_AGENT,
            }
            reply = await self._webhooks.post(endpoint.url, headers, body)
        except WebhookError as error:
            return AttemptResult(str(error))
        except WebhookPayloadError as error:
            if error.permanent:
                return await self._suspend(delivery, f"The selection is out of date: {error}")
            return AttemptResult(str(error))
        failure = None if reply.accepted else f"The endpoint answered {reply.status}."
        return AttemptResult(
            failure,
            reply.status,
            reply.latency_milliseconds,
            reply.snippet,
            reply.retry_after_seconds,
        )

    async def _suspend(self, delivery: DueDelivery, reason: str) -> AttemptResult:
        """Suspend the endpoint until its owner resumes it."""
        async with self._database.write(PLATFORM, DELIVER_ORIGIN) as session:
            await webhook_sending.suspend(session, delivery.endpoint.id, reason)
        return AttemptResult(reason)


async def expire_pending(database: Database) -> int:
    """End deliveries that nobody attempts any more; returns how many."""
    total = 0
    for _ in range(MAX_BATCHES):
        async with database.write(PLATFORM, AuditContext("job:webhook.expire")) as session:
            count = await webhook_sending.expire_pending(session)
        total += count
        if count < webhook_sending.MAX_EXPIRED_PER_BATCH:
            break
    return total
