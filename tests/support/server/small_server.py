"""A small world behind the wire: its schema, its doorman, and a real server on a loopback port."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

import strawberry
import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from execution import Answer, Engine
from server.transport import (
    FRAME_MAX_BYTES,
    NOT_FOUND,
    Denied,
    DirectSocket,
    LiveConnections,
    Opened,
    Operation,
    StrangersNoise,
    WireLimits,
    graphql_routes,
    refused,
    short_way,
    tune_listening,
)


@dataclass
class Tally:
    """What the resolvers have seen, for tests to look at from outside."""

    bumps: int = 0
    canceled: int = 0
    sources_opened: int = 0
    sources_closed: int = 0
    numbers_made: int = 0
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def sources_open(self) -> int:
        return self.sources_opened - self.sources_closed


@dataclass
class Caller:
    """The context of one operation."""

    name: str
    tally: Tally
    language: str


Info = strawberry.Info[Caller, None]


@strawberry.type
class Tick:
    cursor: str
    number: int


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def caller(self, info: Info) -> str:
        return info.context.name

    @strawberry.field
    def language(self, info: Info) -> str:
        return info.context.language

    @strawberry.field
    def big(self, chars: int) -> str:
        return "x" * min(chars, 1_000_000)

    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("broken on purpose")

    @strawberry.field
    async def slow(self, info: Info, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            info.context.tally.canceled += 1
            raise
        return "at last"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def bump(self, info: Info, seconds: float = 0) -> int:
        await asyncio.sleep(seconds)
        info.context.tally.bumps += 1
        return info.context.tally.bumps


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(
        self, info: Info, to: int = 3, seconds: float = 0, chars: int = 1
    ) -> AsyncGenerator[Tick, None]:
        tally = info.context.tally
        tally.sources_opened += 1
        try:
            for number in range(1, to + 1):
                await asyncio.sleep(seconds)
                tally.numbers_made += 1
                yield Tick(cursor=f"c{number}".ljust(chars, "."), number=number)
        finally:
            # A source closes by talking to its store: an awaited step, which must still be run.
            await asyncio.sleep(0)
            tally.sources_closed += 1

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("the source broke on purpose")


class Doorman:
    """Knows callers by their bearer token; the token says what is to go wrong."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def at_hand(self, headers: Mapping[str, str], *, client: str) -> Opened | None:
        if headers.get("authorization"):
            return None
        return self._opened("", headers)

    async def open(self, headers: Mapping[str, str], *, client: str) -> Opened | Denied:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token == "bad":
            return Denied(message="That token is not valid.")
        if token == "broken":
            raise RuntimeError("the edge broke on purpose")
        if token == "slow":
            await asyncio.sleep(30)
        return self._opened(token, headers)

    def _opened(self, token: str, headers: Mapping[str, str]) -> Opened:
        self._tally.headers.append(headers)
        del self._tally.headers[:-20]
        fresh = partial(
            Caller, token or "anonymous", self._tally, headers.get("accept-language", "")
        )
        expires_at = time.time() + 0.4 if token == "short" else None
        return Opened(fresh(), fresh, expires_at, "a stranger" if token == "stranger" else "one")


class Shelf:
    """A library that keeps whatever it is taught."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def at_hand(self, operation: Operation, context: Caller) -> str | None:
        return None if operation.document_id else operation.query

    async def text(self, operation: Operation, context: Caller) -> str | Answer:
        known = operation.query or self._texts.get(operation.document_id or "")
        return known or refused(*NOT_FOUND)

    async def keep(self, operation: Operation, context: Caller) -> None:
        self._texts[operation.document_id or ""] = operation.query or ""


@dataclass
class Served:
    """A running server and the ways to it."""

    port: int
    tally: Tally
    connections: LiveConnections
    state: ServerState

    @property
    def transports(self) -> int:
        """How many connections the server itself still holds."""
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


def engine() -> Engine:
    """An engine over the small schema."""
    return Engine(strawberry.Schema(Query, Mutation, Subscription))


@asynccontextmanager
async def serve(limits: WireLimits, keep_alive_seconds: int = 5) -> AsyncIterator[Served]:
    """Serve the small world on a free loopback port while the block runs."""
    tally, connections = Tally(), LiveConnections()
    routes = graphql_routes(
        "/graphql",
        engine(),
        Doorman(tally),
        connections=connections,
        limits=limits,
        origins=frozenset({"https://shop.example"}),
        library=Shelf(),
    )
    app = Starlette(routes=routes)
    async with listening(app, limits.stalled_seconds, keep_alive_seconds) as (port, state):
        try:
            yield Served(port, tally, connections, state)
        finally:
            await connections.drain(spread_seconds=0)


@asynccontextmanager
async def listening(
    app: Starlette, stalled_seconds: float, keep_alive_seconds: int = 5
) -> AsyncIterator[tuple[int, ServerState]]:
    """A real server of the app on a free loopback port, and what it knows of its connections."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=short_way(app.routes),
        timeout_graceful_shutdown=5,
        timeout_keep_alive=keep_alive_seconds,
        ws=DirectSocket,
        ws_ping_interval=None,
        ws_max_size=FRAME_MAX_BYTES,
    )
    server, log, quiet = _Server(config), logging.getLogger("uvicorn.error"), StrangersNoise()
    log.addFilter(quiet)
    with socket.create_server(("127.0.0.1", 0)) as door:
        tune_listening(door, stalled_seconds=stalled_seconds)
        running = asyncio.create_task(server.serve([door]))
        try:
            yield door.getsockname()[1], server.server_state
        finally:
            server.should_exit = True
            await running
            log.removeFilter(quiet)
