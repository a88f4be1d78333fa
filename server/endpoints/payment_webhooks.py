"""The door for the payment provider: verify, keep, answer at once, work off afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from database.sessions import Database
from gateways.payments import BadSignature, Payments
from server.errors import passing
from workflows.payments import payment_inbox

log = logging.getLogger("darkstore.webhooks")

BODY_BYTES = 256 * 1024
AT_ONCE = 8
WAITING = 500


class Worker:
    """Works off kept messages in the background, a few at a time; a job does what is left."""

    def __init__(self, database: Database, payments: Payments) -> None:
        self._database = database
        self._payments = payments
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    def start(self, event_id: str) -> None:
        """Work off one message soon, unless too many wait."""
        if len(self._running) < WAITING:
            task = asyncio.get_running_loop().create_task(self._work_off(event_id))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Leave the rest to the job."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _work_off(self, event_id: str) -> None:
        try:
            async with self._turn:
                await payment_inbox.work_off(self._database, self._payments, event_id)
        except Exception:
            log.warning("notice %s is left to the job", event_id, exc_info=True)


def stripe_webhook(
    database: Database, payments: Payments, worker: Worker
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that Stripe posts its signed events to."""

    async def receive(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _said(413, "PAYLOAD_TOO_LARGE")
        try:
            event = payments.read_webhook(body, request.headers.get("stripe-signature", ""))
        except BadSignature:
            return _said(400, "BAD_SIGNATURE")
        try:
            news = await payment_inbox.keep(database, "stripe", event)
        except Exception as error:
            if not passing(error):
                raise
            log.warning("notice %s could not be kept: %s", event.event_id, error)
            return _said(503, "UNAVAILABLE")  # the provider sends it again
        if news:
            worker.start(event.event_id)
        return _said(200, "KEPT")

    return receive


async def _body(request: Request) -> bytes | None:
    """The whole body, or None when it is larger than any event."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return body


def _said(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status_code=status)
