"""GraphQL over HTTP: one operation a request, answered as JSON or as an event stream."""

import asyncio
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer, Engine, PreparedOperation
from server.transport.authentication import (
    AuthenticatedCaller,
    CallerAuthenticator,
    authentication_of,
    charged_refusal,
    require_caller,
)
from server.transport.connections import LiveConnections
from server.transport.document_lookup import DocumentLookup, NoPersistedQueries, prepare_operation
from server.transport.http.accept import AcceptedMedia, parse_accept
from server.transport.http.body import parse_body, parse_query_string, read_text
from server.transport.http.compression import parse_accept_encoding
from server.transport.http.fast_endpoint import FastEndpoint
from server.transport.http.fast_request import request_id_of
from server.transport.http.reply import (
    HttpReply,
    answer_reply,
    failure_reply,
    not_acceptable,
    rejection_reply,
    stream_not_accepted,
)
from server.transport.limits import TransportLimits
from server.transport.operation import Operation
from server.transport.rejection import RequestRejected
from server.transport.stream.event_stream import (
    StreamFraming,
    StreamResponse,
    StreamServices,
    single_answer_stream,
)
from server.transport.stream.multipart import MULTIPART_FRAMING
from server.transport.stream.sse import SSE_FRAMING
from server.transport.stream.stream_timer import StreamTimer
from server.transport.timed_execution import TIMED_OUT, disconnected, execute_with_timeout


def graphql_http(
    engine: Engine,
    authenticator: CallerAuthenticator,
    limits: TransportLimits,
    connections: LiveConnections,
    *,
    get: bool = True,
    documents: DocumentLookup | None = None,
) -> "GraphQLOverHTTP":
    """Build the ASGI application that serves GraphQL by POST, and queries by GET if allowed."""
    documents = documents or NoPersistedQueries()
    return GraphQLOverHTTP(engine, authenticator, limits, connections, get, documents)


class GraphQLOverHTTP:
    """GraphQL by HTTP as an ASGI application.

    An object, not a function: Starlette passes every method to it, so the answer to a wrong one
    has the shape of every other error.
    """

    def __init__(
        self,
        engine: Engine,
        authenticator: CallerAuthenticator,
        limits: TransportLimits,
        connections: LiveConnections,
        get: bool,
        documents: DocumentLookup,
    ) -> None:
        self._engine = engine
        self._authenticator = authenticator
        self._limits = limits
        timer = StreamTimer(limits.stream_heartbeat_seconds)
        self._streams = StreamServices(limits, connections, timer)
        self._get = get
        self._documents = documents
        self.fast = FastEndpoint(engine, authenticator, limits, documents)
        """Answers whole POSTs that need no ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
        accepted = parse_accept(request.headers.get("accept"))
        try:
            response = await self._respond(request, request_id, accepted)
        except RequestRejected as rejected:
            paid = charged_refusal(rejected, self._authenticator, _client_of(request))
            response = _json_response(request, rejection_reply(paid, accepted))
        except ClientDisconnect:
            return
        except Exception:
            response = _json_response(request, failure_reply(request_id, accepted))
        response.headers["x-request-id"] = request_id
        await response(scope, receive, send)

    async def _respond(
        self, request: Request, request_id: str, accepted: AcceptedMedia
    ) -> Response:
        if accepted.json is None and _framing(accepted) is None:
            raise not_acceptable()
        if request.method == "GET":
            self._check_get(request)
        text = await read_text(request, self._limits)
        caller = await self._authenticate(request, request_id)
        if (refusal := self._engine.admit_size(len(text), caller.context)) is not None:
            return self._answer_response(request, refusal, accepted)
        parse = parse_query_string if request.method == "GET" else parse_body
        operation = parse(text, self._limits)
        prepared = prepare_operation(self._engine, self._documents, operation, caller.context)
        if not isinstance(prepared, PreparedOperation | Answer):
            prepared = await prepared
        if isinstance(prepared, Answer):
            return self._answer_response(request, prepared, accepted)
        if prepared.operation_type == "subscription":
            return self._stream(prepared, operation, caller, accepted, _client_of(request))
        if prepared.operation_type == "mutation" and request.method == "GET":
            message = "Send mutations by POST."
            raise RequestRejected(405, "METHOD_NOT_ALLOWED", message, {"allow": "POST"})
        answer = await execute_with_timeout(
            self._limits.request_seconds,
            self._engine,
            prepared,
            operation,
            caller.context,
            partial(disconnected, request.receive),
        )
        return self._answer_response(request, answer, accepted)

    def _check_get(self, request: Request) -> None:
        if not self._get:
            message = "Send GraphQL by POST."
            raise RequestRejected(405, "METHOD_NOT_ALLOWED", message, {"allow": "POST"})
        # Any page on the web can cause a GET with cookies: require a header that no link, image or
        # form can send, or the browser's statement that the page is of this site.
        headers = request.headers
        same_site = headers.get("sec-fetch-site") in {"same-origin", "none"}
        if "cookie" in headers and not same_site and "graphql-preflight" not in headers:
            raise RequestRejected(
                403, "FORBIDDEN", "A GET with cookies needs the header GraphQL-Preflight: 1."
            )

    async def _authenticate(self, request: Request, request_id: str) -> AuthenticatedCaller:
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["x-request-id"] = request_id
        deadline = asyncio.timeout(self._limits.request_seconds)
        try:
            async with deadline:
                caller = await authentication_of(self._authenticator, headers, _client_of(request))
                return require_caller(caller)
        except TimeoutError:
            if not deadline.expired():
                raise
            message = "Signing in took too long: try again."
            raise RequestRejected(504, TIMED_OUT, message) from None

    def _stream(
        self,
        prepared: PreparedOperation,
        operation: Operation,
        caller: AuthenticatedCaller,
        accepted: AcceptedMedia,
        client: str,
    ) -> Response:
        framing = _framing(accepted)
        if framing is None:
            raise stream_not_accepted()
        try:
            self._streams.connections.check_capacity(client)
        except RequestRejected:
            self._engine.admit_request(caller.context)
            raise
        source = partial(self._engine.subscribe, prepared, operation.variables, caller.context)
        return StreamResponse(source, self._streams, framing, caller.expires_at)

    def _answer_response(
        self, request: Request, answer: Answer, accepted: AcceptedMedia
    ) -> Response:
        if accepted.json is None:
            return single_answer_stream(answer, _framing(accepted) or SSE_FRAMING)
        return _json_response(request, answer_reply(answer, accepted.json))


def _json_response(request: Request, reply: HttpReply) -> Response:
    encoding = parse_accept_encoding(request.headers.get("accept-encoding"))
    return reply.compressed(encoding).response()


def _client_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _framing(accepted: AcceptedMedia) -> StreamFraming | None:
    """The kind of stream that the client can read, if any."""
    if accepted.events:
        return SSE_FRAMING
    return MULTIPART_FRAMING if accepted.parts else None
