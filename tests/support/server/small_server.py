"""A small schema with a fake authenticator, on a real server on a loopback port."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import strawberry
import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from execution import Answer, Engine
from server.transport.authentication import (
    AuthenticatedCaller,
    Authentication,
    AuthenticationFailure,
)
from server.transport.connection_caps import ConnectionCaps
from server.transport.connections import LiveConnections
from server.transport.document_lookup import NOT_FOUND, FetchedDocument, document_error
from server.transport.http.fast_path import fast_path_protocol
from server.transport.limits import MAX_FRAME_BYTES, TransportLimits
from server.transport.listening_socket import configure_listening_socket
from server.transport.log_filter import ClientErrorFilter
from server.transport.operation import Operation
from server.transport.routes import graphql_routes
from server.transport.uvicorn_internals.websocket_protocol import websocket_protocol
from tests.support.server.small_schema import (
    CallerContext,
    Mutation,
    Observations,
    Query,
    Subscription,
)

PER_ADDRESS = 50
"""How many sockets and streams one client address may have open, unless it is of this machine."""
BUSY = {"throttled": ("THROTTLED", "Wait.", 429, 7), "away": ("UNAVAILABLE", "Wait.", 503, 1)}
"""Tokens that can't be checked now."""


class FakeAuthenticator:
    """Authenticates by the bearer token, whose text says what shall go wrong."""

    def __init__(self, seen: Observations) -> None:
        self._seen = seen

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        self._seen.clients.append(client)
        del self._seen.clients[:-20]
        if headers.get("authorization"):
            return self._look_up(headers)
        return self._caller("", headers)

    def charge_refusal(self, client: str, size_bytes: int = 0) -> AuthenticationFailure | None:
        """Count a request that was refused."""
        self._seen.refusals += 1
        return None

    async def _look_up(self, headers: Mapping[str, str]) -> Authentication:
        token = headers["authorization"].removeprefix("Bearer ")
        if token in BUSY:
            return AuthenticationFailure(*BUSY[token])
        if token == "bad":
            return AuthenticationFailure(message="That token is not valid.")
        if token == "broken":
            raise RuntimeError("the authenticator failed on purpose")
        if token == "slow":
            await asyncio.sleep(30)
        return self._caller(token, headers)

    def _caller(self, token: str, headers: Mapping[str, str]) -> AuthenticatedCaller:
        self._seen.headers.append(headers)
        del self._seen.headers[:-20]
        language = headers.get("accept-language", "")
        new_context = partial(CallerContext, token or "anonymous", self._seen, language)
        expires_at = time.time() + 0.4 if token == "short" else None
        identity = "another person" if token == "stranger" else "person"
        return AuthenticatedCaller(new_context(), new_context, expires_at, identity)


class InMemoryDocuments:
    """A document lookup that stores every document it is sent with a hash."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def find(self, operation: Operation, context: CallerContext) -> str | Answer | FetchedDocument:
        return operation.query or self._fetch(operation)

    async def _fetch(self, operation: Operation) -> str | Answer:
        return self._texts.get(operation.document_id or "") or document_error(*NOT_FOUND)

    async def store(self, operation: Operation, context: CallerContext) -> None:
        self._texts[operation.document_id or ""] = operation.query or ""


@dataclass
class RunningServer:
    """A running server and its addresses."""

    port: int
    seen: Observations
    connections: LiveConnections
    state: ServerState

    @property
    def transports(self) -> int:
        """How many connections the server itself still has."""
        return len(self.state.connections)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/graphql"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to pytest.
        yield


def small_engine() -> Engine:
    """An engine over the small schema."""
    return Engine(strawberry.Schema(Query, Mutation, Subscription))


@asynccontextmanager
async def run_small_server(
    limits: TransportLimits,
    keep_alive_seconds: int = 5,
    *,
    cache_heads: bool = True,
    caps: ConnectionCaps | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve the small schema on a free loopback port while the block runs."""
    seen, connections = Observations(), LiveConnections(per_address=PER_ADDRESS)
    routes = graphql_routes(
        "/graphql",
        small_engine(),
        FakeAuthenticator(seen),
        connections=connections,
        limits=limits,
        origins=frozenset({"https://shop.example"}),
        documents=InMemoryDocuments(),
    )
    app = Starlette(routes=routes)
    serving = run_server(app, limits, keep_alive_seconds, cache_heads=cache_heads, caps=caps)
    async with serving as (port, state):
        try:
            yield RunningServer(port, seen, connections, state)
        finally:
            await connections.drain(spread_seconds=0)


@asynccontextmanager
async def run_server(
    app: Starlette,
    limits: TransportLimits,
    keep_alive_seconds: int = 5,
    *,
    cache_heads: bool = True,
    caps: ConnectionCaps | None = None,
) -> AsyncIterator[tuple[int, ServerState]]:
    """Serve an app on a free loopback port; the port, and uvicorn's state."""
    caps = caps or ConnectionCaps()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        http=fast_path_protocol(app.routes, limits=limits, caps=caps, cache_heads=cache_heads),
        timeout_graceful_shutdown=5,
        timeout_keep_alive=keep_alive_seconds,
        ws=websocket_protocol(caps),
        ws_ping_interval=None,
        ws_max_size=MAX_FRAME_BYTES,
    )
    server, log, error_filter = (
        _Server(config),
        logging.getLogger("uvicorn.error"),
        ClientErrorFilter(),
    )
    log.addFilter(error_filter)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        configure_listening_socket(listening, stalled_seconds=limits.stalled_seconds)
        running = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1], server.server_state
        finally:
            server.should_exit = True
            await running
            log.removeFilter(error_filter)
