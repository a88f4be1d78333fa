"""Sends signed webhooks and retries them."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass

from simulators.stripe.account import StripeAccount
from simulators.stripe.poster import Poster
from simulators.stripe.wire import API_VERSION

SEND_TIMEOUT_SECONDS = 10.0
CONCURRENT_LIMIT_COUNT = 8
ATTEMPTS_LIMIT_COUNT = 100
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 60.0
IDLE_SECONDS = 1.0
KEPT_LIMIT_COUNT = 10_000


@dataclass(frozen=True)
class EventDelivery:
    """One event that has to be posted to the store."""

    seq: int
    attempts: int
    drops: int
    body: bytes


def signature(body: bytes, secret: str, at: int) -> str:
    """Return the Stripe-Signature header for a time (Unix seconds) and a body."""
    mac = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class WebhookDispatcher:
    """Posts queued events, a few at a time, and retries until the store responds 2xx."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account
        self._sending: set[int] = set()
        self._wake = asyncio.Event()
        account.wake_deliveries = self._wake.set

    async def run(self) -> None:
        """Send events until the task is cancelled."""
        async with Poster() as poster, asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for delivery in self._due():
                    self._sending.add(delivery.seq)
                    group.create_task(self._deliver(poster, delivery))
                try:
                    async with asyncio.timeout(self._pause_seconds()):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    def _due(self) -> list[EventDelivery]:
        slots = 1 if self._account.faults.reorder else CONCURRENT_LIMIT_COUNT
        order = "DESC" if self._account.faults.reorder else "ASC"
        rows = self._account.state.db.execute(
            "SELECT delivery.seq, attempts, drops, body FROM delivery"  # noqa: S608 - one of two words
            " JOIN object ON object.id = delivery.event"
            f" WHERE delivery.due_at <= ? ORDER BY delivery.due_at, delivery.seq {order} LIMIT ?",
            (time.time(), CONCURRENT_LIMIT_COUNT),
        )
        waiting = [EventDelivery(row[0], row[1], row[2], row[3].encode()) for row in rows]
        free = max(0, slots - len(self._sending))
        return [delivery for delivery in waiting if delivery.seq not in self._sending][:free]

    def _pause_seconds(self) -> float:
        row = self._account.state.db.execute(
            "SELECT min(due_at) FROM delivery WHERE due_at > ?", (time.time(),)
        ).fetchone()
        return min(IDLE_SECONDS, max(0.0, row[0] - time.time())) if row[0] else IDLE_SECONDS

    async def _deliver(self, poster: Poster, delivery: EventDelivery) -> None:
        try:
            outcome = "lost on purpose" if delivery.drops else await self._post(poster, delivery)
            self._record(delivery, outcome)
        finally:
            self._sending.discard(delivery.seq)
            self._wake.set()

    async def _post(self, poster: Poster, delivery: EventDelivery) -> str:
        settings = self._account.settings
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(delivery.body, settings.webhook_secret, int(time.time())),
            "Stripe-Version": API_VERSION,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if (url := self._account.webhook_url) is None:
            return "nowhere to go"
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                status = await poster.post(url, headers, delivery.body)
        except TimeoutError:
            return "no answer in time"
        except (OSError, EOFError) as error:
            return f"no answer: {type(error).__name__}"
        return "delivered" if 200 <= status < 300 else f"answered {status}"

    def _record(self, delivery: EventDelivery, outcome: str) -> None:
        attempts = delivery.attempts + 1
        due_at = None
        if outcome != "delivered" and attempts < ATTEMPTS_LIMIT_COUNT:
            due_at = time.time() + retry_seconds(attempts)
        self._account.state.db.execute(
            "UPDATE delivery SET due_at = ?, attempts = ?, drops = ?, outcome = ? WHERE seq = ?",
            (due_at, attempts, max(0, delivery.drops - 1), outcome, delivery.seq),
        )


def retry_seconds(attempts: int) -> float:
    """Return the delay after this many failed attempts."""
    return min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 10))


def delete_finished(account: StripeAccount) -> None:
    """Delete finished deliveries except the newest."""
    account.state.db.execute(
        "DELETE FROM delivery WHERE due_at IS NULL AND seq <= (SELECT max(seq) FROM delivery) - ?",
        (KEPT_LIMIT_COUNT,),
    )
