"""GraphQL over HTTP: one operation a request, answered as JSON or as an event stream."""

import asyncio
import logging
import re
import uuid
from collections.abc import Mapping
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from execution import Answer, Engine, Prepared
from server.wire.accept import LEGACY_JSON, RESPONSE_JSON, Accepted, accepted
from server.wire.body import read_operation
from server.wire.connections import LiveConnections
from server.wire.contexts import Contexts, Denied, Opened
from server.wire.limits import REQUEST_ID_MAX_CHARS, WireLimits
from server.wire.operation import Operation
from server.wire.persisted import Library, NoLibrary, prepared_of
from server.wire.rejected import Rejected
from server.wire.running import TIMED_OUT, answer_within
from server.wire.sse import answer_stream, disconnected, subscription_stream

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{REQUEST_ID_MAX_CHARS}}}")
# Refusals that mean something to proxies and retrying clients keep their status in every dialect.
_STATUS_BY_CODE = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "PERSISTED_ONLY": 403,
    "RATE_LIMITED": 429,
    "THROTTLED": 429,
    "UNAVAILABLE": 503,
    TIMED_OUT: 504,
}


def graphql_http(
    engine: Engine,
    contexts: Contexts,
    limits: WireLimits,
    connections: LiveConnections,
    *,
    get: bool = True,
    library: Library | None = None,
) -> ASGIApp:
    """Answer the ASGI application that serves GraphQL by POST, and queries by GET if allowed."""
    return _GraphQLOverHTTP(engine, contexts, limits, connections, get, library or NoLibrary())


class _GraphQLOverHTTP:
    # An object, not a function: Starlette hands every method to it, so the answer to a wrong one
    # is ours and shaped like every other error.

    def __init__(
        self,
        engine: Engine,
        contexts: Contexts,
        limits: WireLimits,
        connections: LiveConnections,
        get: bool,
        library: Library,
    ) -> None:
        self._engine = engine
        self._contexts = contexts
        self._limits = limits
        self._connections = connections
        self._get = get
        self._library = library

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = _request_id(request.headers)
        wanted = accepted(request.headers.get("accept"))
        try:
            response = await self._respond(request, request_id, wanted)
        except Rejected as rejected:
            response = _json(rejected.body(), rejected.status, wanted, rejected.headers)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("request %s failed outside its operation", request_id)
            broken = Rejected(503, "UNAVAILABLE", f"Try again. Reference: {request_id}.")
            response = _json(broken.body(), broken.status, wanted)
        response.headers["x-request-id"] = request_id
        await response(scope, receive, send)

    async def _respond(self, request: Request, request_id: str, wanted: Accepted) -> Response:
        if wanted.json is None and not wanted.events:
            raise Rejected(406, "NOT_ACCEPTABLE", f"Accept {RESPONSE_JSON} or {LEGACY_JSON}.")
        if request.method == "GET":
            self._check_get(request)
        operation = await read_operation(request, self._limits)
        opened = await self._open(request, request_id)
        prepared = await prepared_of(self._engine, self._library, operation, opened.context)
        if isinstance(prepared, Answer):
            return self._single(prepared, wanted)
        if prepared.operation_type == "subscription":
            return self._stream(prepared, operation, opened, wanted)
        if prepared.operation_type == "mutation" and request.method == "GET":
            raise Rejected(405, "METHOD_NOT_ALLOWED", "Send mutations by POST.", {"allow": "POST"})
        answer = await answer_within(
            self._limits.request_seconds,
            self._engine,
            prepared,
            operation,
            opened.context,
            partial(disconnected, request.receive),
        )
        return self._single(answer, wanted)

    def _check_get(self, request: Request) -> None:
        if not self._get:
            raise Rejected(405, "METHOD_NOT_ALLOWED", "Send GraphQL by POST.", {"allow": "POST"})
        # A GET with cookies may come from any page on the web: it must carry what no link, image
        # or form can, a header of its own or the browser's word that the page is ours.
        headers = request.headers
        ours = headers.get("sec-fetch-site") in {"same-origin", "none"}
        if "cookie" in headers and not ours and "graphql-preflight" not in headers:
            raise Rejected(
                403, "FORBIDDEN", "A GET with cookies needs the header GraphQL-Preflight: 1."
            )

    async def _open(self, request: Request, request_id: str) -> Opened:
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["x-request-id"] = request_id
        client = request.client.host if request.client else "unknown"
        try:
            async with asyncio.timeout(self._limits.request_seconds) as deadline:
                opened = await self._contexts.open(headers, client=client)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Rejected(504, TIMED_OUT, "Signing in took too long: try again.") from None
        if isinstance(opened, Denied):
            challenge = {"www-authenticate": "Bearer"} if opened.status == 401 else {}
            raise Rejected(opened.status, opened.code, opened.message, challenge)
        return opened

    def _stream(
        self, prepared: Prepared, operation: Operation, opened: Opened, wanted: Accepted
    ) -> Response:
        if not wanted.events:
            raise Rejected(
                406, "NOT_ACCEPTABLE", "Subscribe by accepting text/event-stream or by WebSocket."
            )
        self._connections.check_room()
        return subscription_stream(
            self._engine, prepared, operation, opened, self._limits, self._connections
        )

    def _single(self, answer: Answer, wanted: Accepted) -> Response:
        if wanted.json is None:
            return answer_stream(answer, self._limits, self._connections)
        status = _status(answer, wanted.json)
        return _json(answer.encode(), status, wanted, _retry_after(answer))


def _status(answer: Answer, media: str) -> int:
    if answer.executed:
        return 200
    for error in answer.errors or ():
        code = (error.get("extensions") or {}).get("code")
        if code in _STATUS_BY_CODE:
            return _STATUS_BY_CODE[code]
    # Older clients read the body of a 200 only; the newer media type lets the status speak.
    return 400 if media == RESPONSE_JSON else 200


def _retry_after(answer: Answer) -> dict[str, str]:
    if not answer.executed:
        for error in answer.errors or ():
            seconds = (error.get("extensions") or {}).get("retryAfterSeconds")
            if isinstance(seconds, int):
                return {"retry-after": str(seconds)}
    return {}


def _json(
    body: bytes, status: int, wanted: Accepted, headers: Mapping[str, str] | None = None
) -> Response:
    fixed = {
        "content-type": f"{wanted.json or LEGACY_JSON}; charset=utf-8",
        "cache-control": "no-store",
        "vary": "accept",
        "x-content-type-options": "nosniff",
    }
    return Response(body, status, headers={**fixed, **(headers or {})})


def _request_id(headers: Mapping[str, str]) -> str:
    offered = headers.get("x-request-id", "")
    return offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
