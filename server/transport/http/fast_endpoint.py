"""Answers whole POSTs that ask for no stream, without ASGI.

Each step returns its result at once where nothing has to be waited for, otherwise an awaitable of
it: an answer that needs no waiting needs no task.
"""

from collections import OrderedDict
from collections.abc import Awaitable

from execution import Answer, Engine, PreparedOperation
from models.message_text import duration_text
from server.transport.authentication import (
    AuthenticatedCaller,
    Authentication,
    CallerAuthenticator,
    charged_refusal,
    require_caller,
)
from server.transport.document_lookup import DocumentLookup, prepare_operation
from server.transport.http.body import parse_body
from server.transport.http.fast_request import FastRequest
from server.transport.http.reply import (
    HttpReply,
    answer_reply,
    failure_reply,
    rejection_reply,
    stream_not_accepted,
)
from server.transport.limits import TransportLimits
from server.transport.operation import Operation
from server.transport.rejection import RequestRejected
from server.transport.timed_execution import TIMED_OUT

CACHED_BODIES_COUNT = 1_024
MAX_CACHED_BODY_BYTES = 2 * 1024


class FastEndpoint:
    """Answers FastRequests."""

    def __init__(
        self,
        engine: Engine,
        authenticator: CallerAuthenticator,
        limits: TransportLimits,
        documents: DocumentLookup,
    ) -> None:
        self._engine = engine
        self._authenticator = authenticator
        self._limits = limits
        self._documents = documents
        self._operations: OrderedDict[bytes, Operation] = OrderedDict()
        self.seconds = limits.request_seconds
        """How long an answer may take."""

    def begin(self, request: FastRequest) -> HttpReply | Awaitable[HttpReply]:
        """Respond to a whole POST; the caller cancels the awaitable when it takes too long."""
        try:
            begun = self._begin(request)
        except RequestRejected as rejected:
            return self._refuse(request, rejected)
        except Exception:
            return failure_reply(request.request_id, request.head.accepted)
        if isinstance(begun, Answer):
            return answer_reply(begun, request.head.accepted.json)
        return self._finish(request, begun)

    async def _finish(self, request: FastRequest, begun: Awaitable[Answer]) -> HttpReply:
        try:
            return answer_reply(await begun, request.head.accepted.json)
        except RequestRejected as rejected:
            return self._refuse(request, rejected)
        except Exception:
            return failure_reply(request.request_id, request.head.accepted)

    def _refuse(self, request: FastRequest, rejected: RequestRejected) -> HttpReply:
        paid = charged_refusal(rejected, self._authenticator, request.head.client)
        return rejection_reply(paid, request.head.accepted)

    def timeout_reply(self, request: FastRequest) -> HttpReply:
        """The response to a request that took too long."""
        message = f"The operation did not finish within {duration_text(self.seconds)}."
        return rejection_reply(RequestRejected(504, TIMED_OUT, message), request.head.accepted)

    def _begin(self, request: FastRequest) -> Answer | Awaitable[Answer]:
        if not request.head.is_plain_json:
            request.head.check()
        caller = self._authenticator.authenticate(request.headers(), client=request.head.client)
        if isinstance(caller, AuthenticatedCaller):
            return self._prepare(request, caller)
        return self._prepare_authenticated(request, caller)

    async def _prepare_authenticated(
        self, request: FastRequest, authentication: Awaitable[Authentication]
    ) -> Answer:
        begun = self._prepare(request, require_caller(await authentication))
        return begun if isinstance(begun, Answer) else await begun

    def _prepare(
        self, request: FastRequest, caller: AuthenticatedCaller
    ) -> Answer | Awaitable[Answer]:
        """Let the caller pay for the size of the request, before it is parsed."""
        refusal = self._engine.admit_size(len(request.body), caller.context)
        if refusal is not None:
            return refusal
        operation = self._operation(request)
        prepared = prepare_operation(self._engine, self._documents, operation, caller.context)
        if isinstance(prepared, PreparedOperation):
            return self._execute(request, prepared, operation, caller)
        if isinstance(prepared, Answer):
            return prepared
        return self._execute_prepared(request, prepared, operation, caller)

    async def _execute_prepared(
        self,
        request: FastRequest,
        prepared: Awaitable[PreparedOperation | Answer],
        operation: Operation,
        caller: AuthenticatedCaller,
    ) -> Answer:
        ready = await prepared
        if isinstance(ready, Answer):
            return ready
        begun = self._execute(request, ready, operation, caller)
        return begun if isinstance(begun, Answer) else await begun

    def _execute(
        self,
        request: FastRequest,
        prepared: PreparedOperation,
        operation: Operation,
        caller: AuthenticatedCaller,
    ) -> Answer | Awaitable[Answer]:
        if prepared.operation_type == "subscription":
            raise stream_not_accepted()
        request.cancelable = prepared.operation_type == "query"
        return self._engine.begin(prepared, operation.variables, caller.context)

    def _operation(self, request: FastRequest) -> Operation:
        """Parse the body; bodies that are sent again and again are parsed once."""
        body = request.body
        cached = self._operations.get(body)
        if cached is not None:
            self._operations.move_to_end(body)
            return cached
        operation = parse_body(body, self._limits)
        # Variables differ from one request to the next, and may be secrets.
        if not operation.variables and len(body) <= MAX_CACHED_BODY_BYTES:
            self._operations[body] = operation
            if len(self._operations) > CACHED_BODIES_COUNT:
                self._operations.popitem(last=False)
        return operation
