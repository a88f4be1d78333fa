"""Receives the payment provider's events: verify, store, answer, and process afterwards."""

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from database.sessions import Database
from gateways.payments import InvalidSignature, PaymentGateway
from server.endpoints.paid_work import throttled
from server.rate_limit.budgets import CallerBudgets
from services.core.background_worker import BackgroundWorker
from services.core.transient_errors import is_transient
from workflows.payments import payment_inbox

log = logging.getLogger("darkstore.webhooks")

MAX_BODY_BYTES = 256 * 1024
MAX_CONCURRENT = 8
MAX_WAITING = 500


class PaymentWebhooks:
    """The endpoint that Stripe posts its signed events to.

    A stored event is processed in the background, a few at a time; the job processes what is left.
    """

    def __init__(
        self, database: Database, payments: PaymentGateway, budgets: CallerBudgets | None = None
    ) -> None:
        self._budgets = budgets or CallerBudgets()
        self._database = database
        self._payments = payments
        self._worker = BackgroundWorker(
            "payment notice",
            self._process,
            log,
            concurrency=MAX_CONCURRENT,
            max_waiting=MAX_WAITING,
        )

    async def receive(self, request: Request) -> Response:
        """Store one event: 200 when it is stored, 503 when the provider shall send it again."""
        client = request.client.host if request.client else ""
        body = await _body(request)
        if body is None:
            if (rejected := self._budgets.charge_refusal(client)) is not None:
                return throttled(rejected).response()
            return _response(413, "PAYLOAD_TOO_LARGE")
        try:
            event = self._payments.read_webhook(body, request.headers.get("stripe-signature", ""))
        except InvalidSignature:
            if (rejected := self._budgets.failure_rejection(client)) is not None:
                return throttled(rejected).response()
            self._budgets.charge_failure(client)
            return _response(400, "BAD_SIGNATURE")
        if event.unreadable is not None:
            log.error("payment notice %s can't be read: %s", event.event_id, event.unreadable)
        try:
            is_new = await payment_inbox.store_notice(self._database, "stripe", event)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("payment notice %s could not be stored: %s", event.event_id, error)
            return _response(503, "UNAVAILABLE")
        if is_new:
            self._worker.submit(event.event_id)
        return _response(200, "KEPT")

    async def aclose(self) -> None:
        """Leave unprocessed events to the job."""
        await self._worker.close()

    async def _process(self, event_id: str) -> None:
        await payment_inbox.process_notice(self._database, self._payments, event_id)


async def _body(request: Request) -> bytes | None:
    """The whole body, or None when it is larger than any event."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return body


def _response(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status_code=status)
