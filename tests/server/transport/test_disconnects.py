"""What ends before its answer also ends in the database, and leaves the pool healthy."""

import asyncio
import time
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

from database.scope import NOBODY, PLATFORM
from database.sessions import Database, Origin
from dataloaders import Loaders
from execution import Engine
from schema.backing import related
from server.transport import LiveConnections, Opened, WireLimits, graphql_routes
from services.core import idempotency
from tests.conftest import superuser
from tests.support.server.small_server import listening
from tests.support.server.websocket_client import talk

PATIENCE_SECONDS = 2.0
SLEEP = text("select pg_sleep(4), cast(:tag as text)")
# Parameters are not shown there, so whose sleep it is can't be told: one database, one sleeper.
SLEEPERS = """
select count(*) from pg_stat_activity where state = 'active' and query like $1
and datname = current_database() and pid <> pg_backend_pid()
"""
WRITTEN = "select count(*) from idempotency_key where key = $1"


@dataclass
class Sleeper:
    """The context of one operation: a way to the database."""

    database: Database
    loaders: Loaders


Info = strawberry.Info[Sleeper, None]


async def by_tag(session: AsyncSession, keys: Sequence[str]) -> list[str]:
    """A batch that takes its time."""
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
        made: Any = Slept
        return made(tag=tag)  # type: ignore[no-any-return] # a Slept


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def doze(self, info: Info, tag: str) -> str:
        async with info.context.database.write(PLATFORM, Origin("test:doze")) as session:
            await idempotency.claim(session, "test", tag, 60)
            await session.execute(text("select pg_sleep(0.5)"))
        return tag


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def nights(self, info: Info, tag: str) -> AsyncIterator[str]:
        async with info.context.database.read(NOBODY) as session:
            await session.execute(SLEEP, {"tag": tag})
        yield tag


class Everybody:
    """Lets everybody in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at_hand(self, headers: Mapping[str, str], *, client: str) -> Opened:
        return Opened(self._context(), self._context)

    async def open(self, headers: Mapping[str, str], *, client: str) -> Opened:
        return Opened(self._context(), self._context)

    def _context(self) -> Sleeper:
        return Sleeper(self._database, Loaders(self._database, NOBODY))


@dataclass
class Dormitory:
    """A server whose fields sleep in the database, and a look at what the database does."""

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

    async def sleepers(self) -> int:
        """How many statements of ours the database is at."""
        return int(await self.activity.fetchval(SLEEPERS, "%pg_sleep(4)%"))

    async def asleep(self) -> None:
        await self._until(1)

    async def awake(self) -> None:
        """All statements have ended, long before they would have by themselves; all is well."""
        await self._until(0)
        pool: Any = self.database.engine.sync_engine.pool
        await self._until(0, pool.checkedout)
        for reads in (self.database.scoped, self.database.platform, self.database.catalog):
            await self._until(0, partial(getattr, reads, "in_use"))
        async with self.database.read(NOBODY) as session:
            assert (await session.execute(text("select 1"))).scalar_one() == 1

    async def _until(self, count: int, counted: Callable[[], int] | None = None) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while (counted() if counted else await self.sleepers()) != count:
            assert time.monotonic() < end, "the statements did not change"
            await asyncio.sleep(0.02)


@pytest.fixture
async def dormitory(
    fresh_database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Dormitory]:
    limits: WireLimits = getattr(request, "param", WireLimits())
    database = Database(fresh_database_url)
    engine, connections = (
        Engine(strawberry.Schema(Query, Mutation, Subscription)),
        LiveConnections(),
    )
    routes = graphql_routes(
        "/graphql", engine, Everybody(database), connections=connections, limits=limits
    )
    app = Starlette(routes=routes)
    async with superuser(fresh_database_url) as activity:
        async with listening(app, limits.stalled_seconds) as (port, _):
            place = f"127.0.0.1:{port}/graphql"
            yield Dormitory(database, activity, f"http://{place}", f"ws://{place}", uuid4().hex)
            await connections.drain(spread_seconds=0)
        await database.close()


@pytest.mark.parametrize("dormitory", [WireLimits(request_seconds=0.7)], indirect=True)
@pytest.mark.parametrize("kind", ["field", "batch"])
async def test_what_outlives_its_time_is_canceled_in_the_database(
    dormitory: Dormitory, kind: str
) -> None:
    async with httpx.AsyncClient() as http:
        asking = http.post(dormitory.url, json={"query": dormitory.document(kind)})
        answering = asyncio.ensure_future(asking)
        await dormitory.asleep()
        assert (await answering).status_code == 504
    await dormitory.awake()


@pytest.mark.parametrize("kind", ["field", "batch"])
async def test_a_query_ends_in_the_database_when_its_client_hangs_up(
    dormitory: Dormitory, kind: str
) -> None:
    await _hang_up(dormitory, kind, "*/*")
    await dormitory.awake()


async def test_a_stream_ends_in_the_database_when_its_reader_hangs_up(
    dormitory: Dormitory,
) -> None:
    await _hang_up(dormitory, "stream", "text/event-stream")
    await dormitory.awake()


@pytest.mark.parametrize("kind", ["field", "batch", "stream"])
@pytest.mark.parametrize("leaving", ["complete", "close"])
async def test_an_operation_ends_in_the_database_when_a_socket_wants_no_more_of_it(
    dormitory: Dormitory, kind: str, leaving: str
) -> None:
    async with talk(dormitory.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", dormitory.document(kind))
        await dormitory.asleep()
        if leaving == "close":
            await socket.socket.close()
        else:
            await socket.say(id="1", type="complete")
        await dormitory.awake()


async def test_a_mutation_ends_its_write_though_its_client_has_hung_up(
    dormitory: Dormitory,
) -> None:
    async with httpx.AsyncClient() as http:
        with suppress(httpx.ReadTimeout):
            await http.post(
                dormitory.url, json={"query": dormitory.document("mutation")}, timeout=0.3
            )
    await asyncio.sleep(0.8)
    assert await dormitory.activity.fetchval(WRITTEN, dormitory.tag) == 1
    await dormitory.awake()


async def _hang_up(dormitory: Dormitory, kind: str, accept: str) -> None:
    async with httpx.AsyncClient(headers={"accept": accept}) as http:
        asking = http.post(dormitory.url, json={"query": dormitory.document(kind)})
        answering = asyncio.ensure_future(asking)
        await dormitory.asleep()
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering
