"""Settles an order right after the commit that requests it, without waiting for the job."""

import logging
from collections.abc import Sequence
from uuid import UUID

from database.announcer import EventNotice
from database.sessions import Database
from gateways.payments import PaymentGateway
from models.events import OrderEventKind
from services.core.background_worker import BackgroundWorker
from workflows.payments import settle_payment

log = logging.getLogger("darkstore.settlement")

MAX_CONCURRENT = 8
MAX_WAITING = 1_000
CLOSE_SECONDS = 5.0
ORDER_STREAM = "order:"
TRIGGERING_EVENTS = frozenset(
    {
        OrderEventKind.FULFILLMENT_PACKED,
        OrderEventKind.ORDER_CANCELED,
        OrderEventKind.ORDER_CHANGED,
        OrderEventKind.ORDER_CHANGE_REQUESTED,
        OrderEventKind.ORDER_CHANGE_WITHDRAWN,
        OrderEventKind.PAYMENT_REOPENED,
        OrderEventKind.PAYMENT_RENEWED,
        OrderEventKind.ORDER_EXPIRED,
        OrderEventKind.PAYMENT_FAILED,
        OrderEventKind.PAYMENT_RESUMED,
        OrderEventKind.REFUND_REQUESTED,
        OrderEventKind.REFUND_RESUMED,
    }
)


class SettlementTrigger:
    """Listens to committed events.

    A lost trigger only delays the settlement: the job runs later.
    """

    def __init__(self, database: Database, payments: PaymentGateway) -> None:
        self._database = database
        self._payments = payments
        self._worker = BackgroundWorker(
            "settlement of order",
            self._settle,
            log,
            concurrency=MAX_CONCURRENT,
            max_waiting=MAX_WAITING,
            close_seconds=CLOSE_SECONDS,
        )

    def handle_events(self, notices: Sequence[EventNotice]) -> None:
        """Settle the orders for which these events request a capture, a void or a refund."""
        for notice in notices:
            if notice.stream.startswith(ORDER_STREAM) and notice.type in TRIGGERING_EVENTS:
                self.request_settlement(UUID(notice.stream.removeprefix(ORDER_STREAM)))

    def request_settlement(self, order_id: UUID) -> None:
        """Settle an order soon, unless it is waiting already or too many are."""
        self._worker.submit(order_id)

    async def close(self) -> None:
        """Let running settlements end, for CLOSE_SECONDS at most; the job does the rest."""
        await self._worker.close()

    async def _settle(self, order_id: UUID) -> None:
        await settle_payment.settle(self._database, self._payments, order_id, only_requested=True)
