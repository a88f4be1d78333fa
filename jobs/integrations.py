"""Events on their way to the endpoints of third parties: put on it, sent, and forgotten."""

import asyncio
import logging
import time
from collections import defaultdict
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.webhook import WebhookFault, Webhooks
from models.integrations import App, WebhookEndpoint
from services.integrations import webhook_queue, webhook_sending
from services.integrations.webhook_sending import Outcome, Parcel
from services.integrations.webhook_signatures import signed
from services.integrations.webhook_topics import Happening

log = logging.getLogger("darkstore.jobs")

AT_ONCE = 40
LOOK_SECONDS = 0.25
ROUNDS = 20
TURN_SECONDS = 15.0
DELIVERING = Origin("job:webhook.deliver")
AGENT = "Darkstore-Webhooks/1"


class Unsendable(Exception):
    """The payload can't be made, this time or (`for_ever`) ever again with this selection."""

    def __init__(self, said: str, *, for_ever: bool = False) -> None:
        super().__init__(said)
        self.for_ever = for_ever


class Payloads(Protocol):
    """Makes the body that tells an endpoint of an event, and knows its signing secrets."""

    async def render(self, endpoint: WebhookEndpoint, app: App | None, event: Happening) -> bytes:
        """The body; raises Unsendable."""

    def secrets(self, parcel: Parcel) -> list[str]:
        """The secrets that sign now."""


async def fan_out(database: Database) -> int:
    """Put what the log tells on its way, some thousand events a run; answers how many."""
    done = 0
    for _ in range(ROUNDS):
        async with database.write(PLATFORM, Origin("job:webhook.fan_out")) as session:
            step = await webhook_queue.fan_out(session)
        done += step
        if step < webhook_queue.EVENTS_AT_ONCE:
            break
    return done


async def deliver(database: Database, webhooks: Webhooks, payloads: Payloads) -> int:
    """Send what is due, for some seconds; answers how many tries that were.

    While an endpoint lets us wait no more is leased for it, and the others go on.
    """
    sender = Sender(database, webhooks, payloads)
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await sender.work()
    except TimeoutError:
        await sender.finish()
    return sender.done


class Sender:
    """One turn of sending: some AT_ONCE tries under way, those to one endpoint as one group."""

    def __init__(self, database: Database, webhooks: Webhooks, payloads: Payloads) -> None:
        self._database = database
        self._webhooks = webhooks
        self._payloads = payloads
        self._tries: dict[asyncio.Task[None], list[Parcel]] = {}
        self._under_way = 0
        self.done = 0

    async def work(self) -> None:
        """Send until nothing is due."""
        while True:
            started = await self._start() if self._under_way < AT_ONCE else 0
            if not self._tries:
                return
            first = asyncio.FIRST_COMPLETED
            wait = LOOK_SECONDS if started else None
            ended, _ = await asyncio.wait(self._tries, timeout=wait, return_when=first)
            for one in ended:
                self._under_way -= len(self._tries.pop(one))

    async def finish(self) -> None:
        """Let the tries under way end; each has a time limit of its own."""
        if self._tries:
            await asyncio.wait(self._tries)

    async def _start(self) -> int:
        busy = list({group[0].endpoint.id for group in self._tries.values()})
        async with self._database.write(PLATFORM, DELIVERING) as session:
            leased = await webhook_sending.lease(session, busy, AT_ONCE - self._under_way)
            found = await webhook_sending.parcels(session, leased) if leased else []
        groups: defaultdict[UUID, list[Parcel]] = defaultdict(list)
        for parcel in found:
            groups[parcel.endpoint.id].append(parcel)
        for group in groups.values():
            self._tries[asyncio.create_task(self._try(group), name="webhook")] = group
        self._under_way += len(found)
        self.done += len(found)
        return len(found)

    async def _try(self, group: list[Parcel]) -> None:
        """Send a group and write down what came of it, in one transaction."""
        try:
            outcomes = await asyncio.gather(*map(self._sent, group))
            async with self._database.write(PLATFORM, DELIVERING) as session:
                for parcel, outcome in zip(group, outcomes, strict=True):
                    write = webhook_sending.failed if outcome.error else webhook_sending.taken
                    await write(session, parcel, outcome)
        except Exception:
            log.warning("messages to %s are sent again", group[0].endpoint.id, exc_info=True)

    async def _sent(self, parcel: Parcel) -> Outcome:
        """What came of one try; no transaction is open meanwhile."""
        event, endpoint, app = parcel.happening, parcel.endpoint, parcel.app
        if event is None:
            return Outcome("The event is not in the log any more.")
        if app is not None and app.revoked_at is not None:
            return await self._never(parcel, "The app was revoked.")
        try:
            body = await self._payloads.render(endpoint, app, event)
            head = signed(self._payloads.secrets(parcel), event.event_id, int(time.time()), body)
            named = {"content-type": "application/json", "user-agent": AGENT}
            host = urlsplit(endpoint.url).netloc
            reply = await self._webhooks.post(endpoint.url, {"host": host, **head, **named}, body)
        except WebhookFault as fault:
            return Outcome(str(fault))
        except Unsendable as unsendable:
            if unsendable.for_ever:
                return await self._never(parcel, f"The selection is out of date: {unsendable}")
            return Outcome(str(unsendable))
        error = None if reply.taken else f"The endpoint answered {reply.status}."
        return Outcome(
            error, reply.status, reply.latency_ms, reply.snippet, reply.retry_after_seconds
        )

    async def _never(self, parcel: Parcel, because: str) -> Outcome:
        """Stop sending to this endpoint until its owner has seen to it."""
        async with self._database.write(PLATFORM, DELIVERING) as session:
            await webhook_sending.suspend(session, parcel.endpoint.id, because)
        return Outcome(because)


async def forget_old(database: Database) -> int:
    """Drop what was finished more than 30 days ago; answers how many deliveries."""
    done = 0
    for _ in range(ROUNDS):
        async with database.write(PLATFORM, Origin("job:webhook.forget_old")) as session:
            step = await webhook_sending.forget_old(session)
        done += step
        if step < webhook_sending.PURGED_AT_ONCE:
            break
    return done
