"""An operation that ends early is canceled in the database too, and leaves the pool healthy."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import strawberry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

from database.audit import AuditContext
from database.scope import NOBODY, PLATFORM
from database.sessions import Database
from dataloaders.loaders import Loaders
from execution import Engine
from schema.backing import related
from server.transport.authentication import AuthenticatedCaller
from server.transport.connections import LiveConnections
from server.transport.limits import TransportLimits
from server.transport.routes import graphql_routes
from services.core import idempotency
from tests.support.server.databases import superuser
from tests.support.server.small_server import run_server
from tests.support.server.websocket_client import open_socket
from tests.support.waiting import until

PATIENCE_SECONDS = 2.0
SLEEP = text("select pg_sleep(4), cast(:tag as text)")
# Parameters are not shown there, so every test has a database of its own.
SLEEPERS = """
select count(*) from pg_stat_activity where state = 'active' and query like $1
and datname = current_database() and pid <> pg_backend_pid()
"""
WRITTEN = "select count(*) from idempotency_key where key = $1"


@dataclass
class SleepContext:
    """The context of one operation: a way to the database."""

    database: Database
    loaders: Loaders


Info = strawberry.Info[SleepContext, None]


async def by_tag(session: AsyncSession, keys: Sequence[str]) -> list[str]:
    """A slow batch read."""
    await session.execute(SLEEP, {"tag": keys[0]})
    return list(keys)


@strawberry.type
class Slept:
    tag: str
    again: str = related(by_tag, "Read by a batch.", by="tag")


@strawberry.type
class Query:
    @strawberry.field
    async def sleep(self, info: Info, tag: str) -> str:
        async with info.context.database.read(NOBODY) as session:
            await session.execute(SLEEP, {"tag": tag})
        return tag

    @strawberry.field
    def bed(self, tag: str) -> Slept:
        build: Any = Slept
        return build(tag=tag)  # type: ignore[no-any-return] # a Slept


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def doze(self, info: Info, tag: str) -> str:
        async with info.context.database.write(PLATFORM, AuditContext("test:doze")) as session:
            await idempotency.claim_interval(session, "test", tag, 60)
            await session.execute(text("select pg_sleep(0.5)"))
        return tag


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def nights(self, info: Info, tag: str) -> AsyncIterator[str]:
        async with info.context.database.read(NOBODY) as session:
            await session.execute(SLEEP, {"tag": tag})
        yield tag


class AllowEverybody:
    """Authenticates every caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def authenticate(self, headers: Mapping[str, str], *, client: str) -> AuthenticatedCaller:
        return AuthenticatedCaller(self._context(), self._context)

    def charge_refusal(self, client: str, size_bytes: int = 0) -> None:
        """Nobody pays here."""

    def _context(self) -> SleepContext:
        return SleepContext(self._database, Loaders(self._database, NOBODY))


@dataclass
class SleepingServer:
    """A server whose fields sleep in the database, and a connection that observes the database."""

    database: Database
    activity: asyncpg.Connection
    url: str
    socket_url: str
    tag: str

    def document(self, kind: str) -> str:
        fields = {
            "field": f'{{ sleep(tag: "{self.tag}") }}',
            "batch": f'{{ bed(tag: "{self.tag}") {{ again }} }}',
            "stream": f'subscription {{ nights(tag: "{self.tag}") }}',
            "mutation": f'mutation {{ doze(tag: "{self.tag}") }}',
        }
        return fields[kind]

    async def sleep_count(self) -> int:
        """How many of our statements the database executes."""
        return int(await self.activity.fetchval(SLEEPERS, "%pg_sleep(4)%"))

    async def wait_sleeping(self) -> None:
        await self._wait_for(1)

    async def check_all_ended(self) -> None:
        """Check that all statements ended long before their time, and that the pools work."""
        await self._wait_for(0)
        pool: Any = self.database.engine.sync_engine.pool
        await self._wait_for(0, pool.checkedout)
        for reads in (
            self.database.scoped_pool,
            self.database.platform_pool,
            self.database.catalog_pool,
        ):
            await self._wait_for(0, partial(getattr, reads, "in_use"))
        async with self.database.read(NOBODY) as session:
            assert (await session.execute(text("select 1"))).scalar_one() == 1

    async def _wait_for(self, count: int, count_now: Callable[[], int] | None = None) -> None:
        async def has_count() -> bool:
            return (count_now() if count_now else await self.sleep_count()) == count

        await until(has_count, PATIENCE_SECONDS, f"{count} statements or connections in use")


@pytest.fixture
async def server(
    fresh_database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[SleepingServer]:
    limits: TransportLimits = getattr(request, "param", TransportLimits())
    database = Database(fresh_database_url)
    engine, connections = (
        Engine(strawberry.Schema(Query, Mutation, Subscription)),
        LiveConnections(),
    )
    routes = graphql_routes(
        "/graphql", engine, AllowEverybody(database), connections=connections, limits=limits
    )
    app = Starlette(routes=routes)
    async with superuser(fresh_database_url) as activity:
        async with run_server(app, limits) as (port, _):
            address = f"127.0.0.1:{port}/graphql"
            yield SleepingServer(
                database, activity, f"http://{address}", f"ws://{address}", uuid4().hex
            )
            await connections.drain(spread_seconds=0)
        await database.close()


@pytest.mark.parametrize("server", [TransportLimits(request_seconds=0.7)], indirect=True)
@pytest.mark.parametrize("kind", ["field", "batch"])
async def test_an_operation_past_its_time_limit_is_canceled_in_the_database(
    server: SleepingServer, kind: str
) -> None:
    async with httpx.AsyncClient() as http:
        request = http.post(server.url, json={"query": server.document(kind)})
        response = asyncio.ensure_future(request)
        await server.wait_sleeping()
        assert (await response).status_code == 504
    await server.check_all_ended()


@pytest.mark.parametrize("kind", ["field", "batch"])
async def test_a_query_is_canceled_in_the_database_when_its_client_disconnects(
    server: SleepingServer, kind: str
) -> None:
    await _disconnect(server, kind, "*/*")
    await server.check_all_ended()


async def test_a_stream_is_canceled_in_the_database_when_its_client_disconnects(
    server: SleepingServer,
) -> None:
    await _disconnect(server, "stream", "text/event-stream")
    await server.check_all_ended()


@pytest.mark.parametrize("kind", ["field", "batch", "stream"])
@pytest.mark.parametrize("end", ["complete", "close"])
async def test_an_operation_is_canceled_in_the_database_when_its_socket_stops_it(
    server: SleepingServer, kind: str, end: str
) -> None:
    async with open_socket(server.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", server.document(kind))
        await server.wait_sleeping()
        if end == "close":
            await socket.connection.close()
        else:
            await socket.send(id="1", type="complete")
        await server.check_all_ended()


async def test_a_mutation_commits_although_its_client_has_disconnected(
    server: SleepingServer,
) -> None:
    async with httpx.AsyncClient() as http:
        with suppress(httpx.ReadTimeout):
            await http.post(server.url, json={"query": server.document("mutation")}, timeout=0.3)
    await asyncio.sleep(0.8)
    assert await server.activity.fetchval(WRITTEN, server.tag) == 1
    await server.check_all_ended()


async def _disconnect(server: SleepingServer, kind: str, accept: str) -> None:
    async with httpx.AsyncClient(headers={"accept": accept}) as http:
        request = http.post(server.url, json={"query": server.document(kind)})
        response = asyncio.ensure_future(request)
        await server.wait_sleeping()
        response.cancel()
        with suppress(asyncio.CancelledError):
            await response
