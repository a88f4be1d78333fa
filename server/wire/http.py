"""GraphQL over HTTP: one operation a request, answered as JSON or as an event stream."""

import asyncio
import itertools
import logging
import re
import uuid
from collections.abc import Mapping
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer, Engine, Prepared
from server.wire.accept import Accepted, accepted
from server.wire.body import posted, read_operation
from server.wire.connections import LiveConnections
from server.wire.contexts import Contexts, Denied, Opened
from server.wire.limits import REQUEST_ID_MAX_CHARS, WireLimits
from server.wire.multipart import PARTS
from server.wire.operation import Operation
from server.wire.persisted import Library, NoLibrary, prepared_of
from server.wire.rejected import Rejected
from server.wire.reply import Reply, broken, named, no_stream, rejection, single, unacceptable
from server.wire.running import TIMED_OUT, answer_within
from server.wire.sse import EVENTS
from server.wire.stream import Framing, answer_stream, disconnected, subscription_stream

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{REQUEST_ID_MAX_CHARS}}}")
# Our own ids: 20 random digits of the process, then its count of requests.
_PROCESS = uuid.uuid4().hex[:20]
_COUNTED = itertools.count(1)


class Asked:
    """A whole POST, as it came from the wire."""

    __slots__ = ("body", "client", "headers", "reads", "request_id")

    def __init__(self, headers: Mapping[bytes, bytes], body: bytes, client: str) -> None:
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()
        }
        self.body = body
        self.client = client
        self.request_id = _request_id(self.headers)
        self.reads = True
        """Whether nothing is lost when the answer is not waited for."""


def graphql_http(
    engine: Engine,
    contexts: Contexts,
    limits: WireLimits,
    connections: LiveConnections,
    *,
    get: bool = True,
    library: Library | None = None,
) -> "GraphQLOverHTTP":
    """Answer the ASGI application that serves GraphQL by POST, and queries by GET if allowed."""
    return GraphQLOverHTTP(engine, contexts, limits, connections, get, library or NoLibrary())


class GraphQLOverHTTP:
    """GraphQL by HTTP: as an ASGI application, and for whole POSTs without ASGI (`answer`)."""

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

    @property
    def seconds(self) -> float:
        """How long an answer may take."""
        return self._limits.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = _request_id(request.headers)
        wanted = accepted(request.headers.get("accept"))
        try:
            response = await self._respond(request, request_id, wanted)
        except Rejected as rejected:
            response = rejection(rejected, wanted).response()
        except ClientDisconnect:
            return
        except Exception:
            response = broken(request_id, wanted).response()
        response.headers["x-request-id"] = request_id
        await response(scope, receive, send)

    async def answer(self, asked: Asked) -> Reply:
        """The response to a whole POST that wants no stream; canceled when it comes too late."""
        wanted = accepted(asked.headers.get("accept"))
        try:
            reply = await self._answer(asked, wanted)
        except Rejected as rejected:
            reply = rejection(rejected, wanted)
        except Exception:
            reply = broken(asked.request_id, wanted)
        return named(reply, asked.request_id)

    def too_late(self, asked: Asked) -> Reply:
        """The response in place of one that was not there in time."""
        said = f"The operation did not finish within {self.seconds:g} s."
        rejected = Rejected(504, TIMED_OUT, said)
        return named(rejection(rejected, accepted(asked.headers.get("accept"))), asked.request_id)

    async def _answer(self, asked: Asked, wanted: Accepted) -> Reply:
        if wanted.json is None:
            raise unacceptable()
        operation = posted(asked.headers, asked.body, self._limits)
        opened = await self._admit(asked.headers, asked.client, asked.request_id)
        prepared = await prepared_of(self._engine, self._library, operation, opened.context)
        if isinstance(prepared, Answer):
            return single(prepared, wanted.json)
        if prepared.operation_type == "subscription":
            raise no_stream()
        asked.reads = prepared.operation_type == "query"
        answer = await self._engine.execute(prepared, operation.variables, opened.context)
        return single(answer, wanted.json)

    async def _respond(self, request: Request, request_id: str, wanted: Accepted) -> Response:
        if wanted.json is None and _framing(wanted) is None:
            raise unacceptable()
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
        client = request.client.host if request.client else "unknown"
        try:
            async with asyncio.timeout(self._limits.request_seconds) as deadline:
                return await self._admit(headers, client, request_id)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Rejected(504, TIMED_OUT, "Signing in took too long: try again.") from None

    async def _admit(self, headers: dict[str, str], client: str, request_id: str) -> Opened:
        headers["x-request-id"] = request_id
        opened = await self._contexts.open(headers, client=client)
        if isinstance(opened, Denied):
            challenge = {"www-authenticate": "Bearer"} if opened.status == 401 else {}
            raise Rejected(opened.status, opened.code, opened.message, challenge)
        return opened

    def _stream(
        self, prepared: Prepared, operation: Operation, opened: Opened, wanted: Accepted
    ) -> Response:
        framing = _framing(wanted)
        if framing is None:
            raise no_stream()
        self._connections.check_room()
        return subscription_stream(
            self._engine, prepared, operation, opened, self._limits, self._connections, framing
        )

    def _single(self, answer: Answer, wanted: Accepted) -> Response:
        if wanted.json is None:
            framing = _framing(wanted) or EVENTS
            return answer_stream(answer, self._limits, self._connections, framing)
        return single(answer, wanted.json).response()


def _framing(wanted: Accepted) -> Framing | None:
    """The kind of stream that the caller can read, if any."""
    if wanted.events:
        return EVENTS
    return PARTS if wanted.parts else None


def _request_id(headers: Mapping[str, str]) -> str:
    offered = headers.get("x-request-id", "")
    if offered and _REQUEST_ID.fullmatch(offered):
        return offered
    return f"{_PROCESS}{next(_COUNTED):012x}"
