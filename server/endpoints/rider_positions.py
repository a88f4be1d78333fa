"""The narrow door for riders' phones: points in, by the same rules as in the graph.

`POST /riders/positions` takes what `riderLocationReportBatch` takes, written as rows of numbers:
`[[latitude, longitude, agoSeconds, headingDegrees, speedMps, accuracyM], …]`, the oldest first, of
which the last three may be null or left out. A report is the most frequent request of the house, so
this door reads no GraphQL and makes no request object.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from database.sessions import Origin
from resolvers.context import Context
from resolvers.delivery import riders
from resolvers.rules import RIDER
from server.auth.edge import Edge
from server.errors import code_of, passing
from server.rate_limit import Allowances, Short, Size
from server.transport import Denied
from services.core.problems import IllegalStep, InvalidInput, NotFound, Problem, Refused
from services.core.request_batcher import Busy
from services.delivery import position_validation
from services.delivery.position_results import Reported
from services.delivery.rider_positions import Fix
from workflows.delivery import position_ingest

log = logging.getLogger("darkstore.positions")

POSITIONS_PATH = "/riders/positions"
ACTION = "riderPositions"
BODY_BYTES = 16 * 1024
BODY_SECONDS = 10.0
# Of this process alone: what is refused for coming too soon costs a look at the database too.
REQUESTS = Size(maximum=40, per_second=8)
NUMBERS_LEAST, NUMBERS_MOST = 3, 6
UNREADABLE = f"Send rows of {NUMBERS_LEAST} to {NUMBERS_MOST} numbers, as JSON."
HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
STATUS: dict[type[Problem], int] = {NotFound: 404, IllegalStep: 409, InvalidInput: 400, Busy: 503}


class Turned(Exception):
    """The request is turned away with this answer."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **more}


class RiderPositions:
    """An ASGI application: one report a request, answered by what was believed of it."""

    def __init__(self, edge: Edge, size: Size = REQUESTS) -> None:
        self._edge = edge
        self._size = size
        self._allowances = Allowances()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            done = await self._take(scope, receive)
            status, body = 200, _answer(done)
        except Turned as turned:
            status, body = turned.status, turned.body
        except Refused as refused:
            status, body = _refusal(refused.reasons[0])
        except Exception as error:
            if not passing(error):
                log.exception("a report of positions failed")
            status, body = 503, _said("UNAVAILABLE", "Too much is going on: try again.")
        await _send(send, status, body)

    async def _take(self, scope: Scope, receive: Receive) -> Reported:
        if scope["method"] != "POST":
            raise Turned(405, "METHOD_NOT_ALLOWED", "Send positions by POST.")
        context = await self._caller(scope)
        self._charge(context)
        fixes = _fixes(await _body(scope, receive))
        origin = Origin(ACTION, context.actor.person_id, context.address, context.request_id)
        given: Any = {"actor": context.actor, "origin": origin, "fixes": fixes}
        done = await position_ingest.report_many(context.house, **given)
        await riders.tell(context.house, done.report)
        return done

    async def _caller(self, scope: Scope) -> Context:
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        client = scope["client"][0] if scope.get("client") else "unknown"
        opened = await self._edge.open(headers, client=client)
        if isinstance(opened, Denied):
            raise Turned(opened.status, opened.code, opened.message)
        context: Context = opened.context
        if (denied := RIDER.refuse(context)) is not None:
            raise Turned(403 if context.actor.signed_in else 401, denied.code, str(denied))
        return context

    def _charge(self, context: Context) -> None:
        held = self._allowances.hold([(str(context.actor.person_id), self._size)], 1)
        if isinstance(held, Short):
            wait = held.retry_after_seconds
            raise Turned(429, "THROTTLED", "Report less often.", retryAfterSeconds=wait)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body, bounded in bytes and in time."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    raise Turned(400, "BAD_REQUEST", "The body did not arrive.")
                chunk: bytes = message.get("body", b"")
                body += chunk
                if len(body) > BODY_BYTES:
                    said = f"A report has at most {BODY_BYTES} bytes."
                    raise Turned(413, "PAYLOAD_TOO_LARGE", said)
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        said = f"The body did not arrive within {BODY_SECONDS:g} s."
        raise Turned(408, "REQUEST_TIMEOUT", said) from None


def _fixes(body: bytes) -> list[Fix]:
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Turned(400, "BAD_REQUEST", UNREADABLE) from None
    if not isinstance(rows, list) or len(rows) > position_validation.POINTS_MOST:
        raise Turned(
            400, "BAD_REQUEST", f"Send 1 to {position_validation.POINTS_MOST} rows of numbers."
        )
    return [_fix(row) for row in rows]


def _fix(row: object) -> Fix:
    if not isinstance(row, list) or not NUMBERS_LEAST <= len(row) <= NUMBERS_MOST:
        raise Turned(400, "BAD_REQUEST", UNREADABLE)
    latitude, longitude, ago, heading, speed, accuracy = (*row, None, None, None)[:NUMBERS_MOST]
    if not _numbers((latitude, longitude, ago)) or not _numbers(
        one for one in (heading, speed, accuracy) if one is not None
    ):
        raise Turned(400, "BAD_REQUEST", UNREADABLE)
    return Fix(latitude, longitude, heading, speed, accuracy, ago)


def _numbers(values: Iterable[object]) -> bool:
    return all(type(one) in (int, float) for one in values)  # a bool is an int, and no number


def _answer(done: Reported) -> dict[str, Any]:
    return {
        "accepted": done.accepted,
        "ignored": [[one.index, one.reason] for one in done.ignored],
        "etaSeconds": done.report.eta_seconds if done.report else None,
    }


def _refusal(problem: Problem) -> tuple[int, dict[str, Any]]:
    """The status and the body for a reason of the service's."""
    body = _said(code_of(problem), problem.message) | {"path": problem.path}
    if (retry := getattr(problem, "retry_after_seconds", None)) is not None:
        body["retryAfterSeconds"] = retry
    return STATUS.get(type(problem), 429 if retry is not None else 400), body


def _said(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


async def _send(send: Send, status: int, body: dict[str, Any]) -> None:
    written = orjson.dumps(body)
    headers = [*HEADERS, (b"content-length", str(len(written)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if (retry := body.get("retryAfterSeconds")) is not None:
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": written})
