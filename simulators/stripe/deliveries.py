"""Signed webhooks out, with retries."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass

from simulators.stripe.books import Books
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
class Delivery:
    """One event on its way to the store."""

    seq: int
    attempts: int
    drops: int
    body: bytes


def signature(body: bytes, secret: str, at: int) -> str:
    """The Stripe-Signature header over the time and the body."""
    mac = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Deliveries:
    """Sends what the books have queued, a few at a time, until the store says 2xx."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._sending: set[int] = set()
        self._wake = asyncio.Event()
        books.wake_deliveries = self._wake.set

    async def run(self) -> None:
        """Send for as long as the simulator runs."""
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

    def _due(self) -> list[Delivery]:
        slots = 1 if self._books.faults.reorder else CONCURRENT_LIMIT_COUNT
        order = "DESC" if self._books.faults.reorder else "ASC"
        rows = self._books.state.db.execute(
            "SELECT delivery.seq, attempts, drops, body FROM delivery"  # noqa: S608 - one of two words
            " JOIN object ON object.id = delivery.event"
            f" WHERE delivery.due_at <= ? ORDER BY delivery.due_at, delivery.seq {order} LIMIT ?",
            (time.time(), CONCURRENT_LIMIT_COUNT),
        )
        waiting = [Delivery(row[0], row[1], row[2], row[3].encode()) for row in rows]
        free = max(0, slots - len(self._sending))
        return [each for each in waiting if each.seq not in self._sending][:free]

    def _pause_seconds(self) -> float:
        row = self._books.state.db.execute(
            "SELECT min(due_at) FROM delivery WHERE due_at > ?", (time.time(),)
        ).fetchone()
        return min(IDLE_SECONDS, max(0.0, row[0] - time.time())) if row[0] else IDLE_SECONDS

    async def _deliver(self, poster: Poster, delivery: Delivery) -> None:
        try:
            outcome = "lost on purpose" if delivery.drops else await self._post(poster, delivery)
            self._note(delivery, outcome)
        finally:
            self._sending.discard(delivery.seq)
            self._wake.set()

    async def _post(self, poster: Poster, delivery: Delivery) -> str:
        settings = self._books.settings
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(delivery.body, settings.webhook_secret, int(time.time())),
            "Stripe-Version": API_VERSION,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if (url := self._books.webhook_url) is None:
            return "nowhere to go"
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                status = await poster.post(url, headers, delivery.body)
        except TimeoutError:
            return "no answer in time"
        except (OSError, EOFError) as error:
            return f"no answer: {type(error).__name__}"
        return "delivered" if 200 <= status < 300 else f"answered {status}"

    def _note(self, delivery: Delivery, outcome: str) -> None:
        attempts = delivery.attempts + 1
        due_at = None
        if outcome != "delivered" and attempts < ATTEMPTS_LIMIT_COUNT:
            due_at = time.time() + retry_seconds(attempts)
        self._books.state.db.execute(
            "UPDATE delivery SET due_at = ?, attempts = ?, drops = ?, outcome = ? WHERE seq = ?",
            (due_at, attempts, max(0, delivery.drops - 1), outcome, delivery.seq),
        )


def retry_seconds(attempts: int) -> float:
    """How long to wait after that many attempts failed."""
    return min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 10))


def forget_old(books: Books) -> None:
    """Keep the newest deliveries that are over, and every one that isn't."""
    books.state.db.execute(
        "DELETE FROM delivery WHERE due_at IS NULL AND seq <= (SELECT max(seq) FROM delivery) - ?",
        (KEPT_LIMIT_COUNT,),
    )
