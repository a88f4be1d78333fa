"""Settles an order's money right after the commit that wants it, without waiting for the job."""

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

from database.sessions import Database, Hint
from gateways.payments import Payments
from models.events import EventType
from workflows.payments import settle_payment

log = logging.getLogger("darkstore.nudge")

AT_ONCE = 8
WAITING = 1_000
CLOSE_SECONDS = 5.0
ORDER = "order:"
WAKES = frozenset(
    {
        EventType.FULFILLMENT_PACKED,
        EventType.ORDER_CANCELED,
        EventType.ORDER_EXPIRED,
        EventType.REFUND_REQUESTED,
    }
)


class Nudges:
    """Listens to committed events; a nudge that is lost costs a moment, for the job comes by."""

    def __init__(self, database: Database, payments: Payments) -> None:
        self._database = database
        self._payments = payments
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting: set[UUID] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def heard(self, hints: Sequence[Hint]) -> None:
        """Settle the orders of which these events say that money should move."""
        for hint in hints:
            if hint.stream.startswith(ORDER) and hint.type in WAKES:
                self.wake(UUID(hint.stream.removeprefix(ORDER)))

    def wake(self, order_id: UUID) -> None:
        """Settle one order soon; nothing happens when it waits already or too many do."""
        if self._closed or order_id in self._waiting or len(self._waiting) >= WAITING:
            return
        self._waiting.add(order_id)
        task = asyncio.get_running_loop().create_task(self._settle(order_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Let what runs end, for a while; the job does the rest."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_SECONDS)
        for task in list(self._running):
            task.cancel()

    async def _settle(self, order_id: UUID) -> None:
        try:
            async with self._turn:
                self._waiting.discard(order_id)
                await settle_payment.settle(
                    self._database, self._payments, order_id, only_wanted=True
                )
        except Exception:
            log.warning("order %s could not be settled at once", order_id, exc_info=True)
        finally:
            self._waiting.discard(order_id)
