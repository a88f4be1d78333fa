"""GraphQL over HTTP: one operation a request, answered as JSON or as an event stream."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer, Engine, Prepared
from server.transport.connections import LiveConnections
from server.transport.contexts import Contexts, Denied, Opened
from server.transport.http.accept import Accepted, accepted
from server.transport.http.body import operation_in, read_operation
from server.transport.http.reply import Reply, broken, no_stream, rejection, single, unacceptable
from server.transport.http.request import Asked, request_id_of
from server.transport.limits import WireLimits
from server.transport.operation import Operation
from server.transport.persisted_lookup import Library, NoLibrary, prepared_from, prepared_of
from server.transport.rejected import Rejected
from server.transport.running import TIMED_OUT, answer_within, disconnected
from server.transport.stream.event_stream import Framing, Office, StreamResponse, answer_stream
from server.transport.stream.multipart import PARTS
from server.transport.stream.sse import EVENTS
from server.transport.stream.stream_timer import Watch

BODIES_KEPT = 1_024
BODY_KEPT_BYTES = 2 * 1024


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
        self._office = Office(limits, connections, Watch(limits.stream_heartbeat_seconds))
        self._get = get
        self._library = library
        self._operations: OrderedDict[bytes, Operation] = OrderedDict()

    @property
    def seconds(self) -> float:
        """How long an answer may take."""
        return self._limits.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
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

    def begin(self, asked: Asked) -> Reply | Awaitable[Reply]:
        """The response to a whole POST that wants no stream, or the rest of the way to it.

        What can be said without waiting is said at once. The rest is canceled when it comes too
        late.
        """
        try:
            begun = self._begin(asked)
        except Rejected as rejected:
            return rejection(rejected, asked.head.wanted)
        except Exception:
            return broken(asked.request_id, asked.head.wanted)
        if isinstance(begun, Answer):
            return single(begun, asked.head.wanted.json)
        return self._finish(asked, begun)

    async def _finish(self, asked: Asked, begun: Awaitable[Answer]) -> Reply:
        try:
            return single(await begun, asked.head.wanted.json)
        except Rejected as rejected:
            return rejection(rejected, asked.head.wanted)
        except Exception:
            return broken(asked.request_id, asked.head.wanted)

    def too_late(self, asked: Asked) -> Reply:
        """The response in place of one that was not there in time."""
        said = f"The operation did not finish within {self.seconds:g} s."
        return rejection(Rejected(504, TIMED_OUT, said), asked.head.wanted)

    def _begin(self, asked: Asked) -> Answer | Awaitable[Answer]:
        asked.head.check()
        operation = self._operation(asked)
        headers = asked.headers()
        opened = self._contexts.at_hand(headers, client=asked.client)
        if opened is None:
            return self._look_up(asked, operation, headers)
        text = self._library.at_hand(operation, opened.context)
        if text is None:
            return self._read_up(asked, operation, opened)
        prepared = prepared_from(self._engine, text, operation, opened.context)
        return self._run(asked, prepared, operation, opened)

    async def _look_up(self, asked: Asked, operation: Operation, headers: dict[str, str]) -> Answer:
        opened = await self._admit(headers, asked.client)
        return await self._read_up(asked, operation, opened)

    async def _read_up(self, asked: Asked, operation: Operation, opened: Opened) -> Answer:
        prepared = await prepared_of(self._engine, self._library, operation, opened.context)
        begun = self._run(asked, prepared, operation, opened)
        return begun if isinstance(begun, Answer) else await begun

    def _run(
        self, asked: Asked, prepared: Prepared | Answer, operation: Operation, opened: Opened
    ) -> Answer | Awaitable[Answer]:
        if isinstance(prepared, Answer):
            return prepared
        if prepared.operation_type == "subscription":
            raise no_stream()
        asked.reads = prepared.operation_type == "query"
        return self._engine.begin(prepared, operation.variables, opened.context)

    def _operation(self, asked: Asked) -> Operation:
        """What is asked for; bodies that are sent again and again are read once."""
        body = asked.body
        known = self._operations.get(body)
        if known is not None:
            self._operations.move_to_end(body)
            return known
        operation = operation_in(body, self._limits)
        # Variables differ from one request to the next, and may be secrets.
        if not operation.variables and len(body) <= BODY_KEPT_BYTES:
            self._operations[body] = operation
            if len(self._operations) > BODIES_KEPT:
                self._operations.popitem(last=False)
        return operation

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
        deadline = asyncio.timeout(self._limits.request_seconds)
        try:
            async with deadline:
                return await self._admit({**headers, "x-request-id": request_id}, client)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Rejected(504, TIMED_OUT, "Signing in took too long: try again.") from None

    async def _admit(self, headers: dict[str, str], client: str) -> Opened:
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
        self._office.connections.check_room()
        source = partial(self._engine.subscribe, prepared, operation.variables, opened.context)
        return StreamResponse(source, self._office, framing, opened.expires_at)

    def _single(self, answer: Answer, wanted: Accepted) -> Response:
        if wanted.json is None:
            return answer_stream(answer, _framing(wanted) or EVENTS)
        return single(answer, wanted.json).response()


def _framing(wanted: Accepted) -> Framing | None:
    """The kind of stream that the caller can read, if any."""
    if wanted.events:
        return EVENTS
    return PARTS if wanted.parts else None
