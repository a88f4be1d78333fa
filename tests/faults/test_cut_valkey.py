"""Streams, documents and limits while Valkey fails at each step of what they ask of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from database.announcer import EventNotice
from execution import Limits
from resolvers.context import Container
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.persisted_queries import store
from server.persisted_queries.lookup import PersistedQueries
from server.persisted_queries.manifest import hash_of
from server.persisted_queries.store import PersistedQueryStore
from server.rate_limit import redis_sync
from server.rate_limit.redis_sync import RedisBucketSync
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize
from subscriptions.engine import broadcaster, hub
from tests.support.actors import ActorClient
from tests.support.faults.faulty_link import CONNECT, FaultyLink, open_link
from tests.support.faults.protocol_steps import valkey_step
from tests.support.server.client import ServerClient, serve_engine
from tests.support.streams.server_process import StreamProcess, start_process
from tests.support.waiting import until

WAIT_SECONDS = 0.3
RECOVERY_SECONDS = 15.0
MAX_ROUNDS = 200
SUBSCRIBE_SECONDS = 1.0
STEPS = {CONNECT, "SUBSCRIBE", "PUBLISH", "EVALSHA", "SCRIPT", "GET"}
TYPED = {"PERSISTED_QUERY_NOT_FOUND", "UNAVAILABLE"}
SIZE = BucketSize(capacity=1000, refill_per_second=1)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (broadcaster, "PUBLISH_TIMEOUT_SECONDS"),
        (broadcaster, "CONNECT_TIMEOUT_SECONDS"),
        (broadcaster, "CLOSE_TIMEOUT_SECONDS"),
        (broadcaster, "MAX_BACK_OFF_SECONDS"),
        (redis_sync, "TIMEOUT_SECONDS"),
        (redis_sync, "RETRY_SECONDS"),
        (store, "TIMEOUT_SECONDS"),
        (hub, "SWEEP_SECONDS"),
    ):
        monkeypatch.setattr(module, name, WAIT_SECONDS)


@dataclass
class Follower:
    """Reads a stream in one process."""

    process: StreamProcess
    stream: str
    received: list[EventNotice] = field(default_factory=list)

    async def follow(self) -> None:
        async for batch in self.process.hub.events(self.stream, 0):
            self.received.extend(batch)


@dataclass
class Deployment:
    """Two processes that reach each other, the documents and the limits over one link."""

    link: FaultyLink
    processes: list[StreamProcess]
    servers: list[ServerClient]
    limiter: RateLimiter
    sync: RedisBucketSync
    follower: Follower
    recorded: int = 0
    answers: list[Any] = field(default_factory=list)

    async def work(self, who: ActorClient) -> None:
        """Record an event, spend of a bucket, send a document and then only its hash."""
        self.recorded += 1
        await self.processes[0].record_events(self.follower.stream, "LINE_PICKED")
        self.limiter.take([("one caller", SIZE)], 1)
        document = f"{{ __typename name{uuid4().hex}: __typename }}"
        key = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(document)}}}
        bodies: list[dict[str, Any]] = [{**key, "query": document}, {**key}]
        for server, body in zip(self.servers, bodies, strict=True):
            response = await server.post(who, body)
            self.answers.append(response.json())

    async def recover(self) -> None:
        """Wait until everything goes by Valkey again, without any other event."""
        for process in self.processes:
            await until(lambda: process.hub.connected, RECOVERY_SECONDS, "the connections")  # noqa: B023 - awaited here
        await until(self._notice_arrives, RECOVERY_SECONDS, "a notice of the other process")
        await until(self.sync.sync, RECOVERY_SECONDS, "shared limits")

    async def _notice_arrives(self) -> bool:
        """Whether an event arrives by its notice; the log is read only without one."""
        hub, before = self.processes[1].hub, self.processes[1].hub.direct_event_count
        self.recorded += 1
        await self.processes[0].record_events(self.follower.stream, "LINE_PICKED")
        await until(lambda: len(self.follower.received) >= self.recorded, RECOVERY_SECONDS)
        return hub.direct_event_count > before


@pytest.fixture
async def deployment(
    database_url: str, redis_url: str, container: Container
) -> AsyncIterator[Deployment]:
    address = urlsplit(redis_url)
    assert address.port is not None
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(open_link(address.port, valkey_step))
        url = redis_url.replace(f":{address.port}", f":{link.port}")
        processes = [
            await stack.enter_async_context(start_process(database_url, url)) for _ in range(2)
        ]
        engine = GraphQLEngine(graph, limits=Limits(), on_error=format_error)
        servers = []
        for _ in range(2):
            documents = PersistedQueries({}, any_document=True, store=PersistedQueryStore(url))
            stack.push_async_callback(documents.aclose)
            serving = serve_engine(container, engine, documents=documents)
            servers.append(await stack.enter_async_context(serving))
        limiter = RateLimiter()
        sync = RedisBucketSync([limiter], url)
        sync.start()
        stack.push_async_callback(sync.close)
        follower = Follower(processes[1], f"order:{uuid4()}")
        following = asyncio.create_task(follower.follow())
        yield Deployment(link, processes, servers, limiter, sync, follower)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_nothing_is_lost_whatever_valkey_fails_at(
    deployment: Deployment, customer: ActorClient, redis_url: str
) -> None:
    """Valkey refuses, is silent or goes away at a step of one command, then works again.

    Every request is answered, every event arrives once and in order, and the processes use Valkey
    again without a restart.
    """
    link, valkey = deployment.link, Redis.from_url(redis_url)
    for number in range(MAX_ROUNDS):
        await valkey.script_flush()  # a new one knows none
        reconnects = number % 2 == 0
        faults = len(link.met["SUBSCRIBE"])
        await link.arm(reconnect=reconnects)
        await deployment.work(customer)
        if reconnects and "SUBSCRIBE" in link.missing():
            # On a quick machine the work ends before the processes subscribe again.
            with suppress(TimeoutError):
                await until(lambda: len(link.met["SUBSCRIBE"]) > faults, SUBSCRIBE_SECONDS)  # noqa: B023 - awaited here
        await link.mend()
        await deployment.recover()
        # A quick machine may subscribe again in few of the rounds.
        if number % 2 and not link.missing().keys() & STEPS:
            break
    await valkey.aclose()
    assert link.seen.keys() >= STEPS
    assert not link.missing().keys() & STEPS, link.missing()
    received = [notice.seq for notice in deployment.follower.received]
    assert received == list(range(1, deployment.recorded + 1))
    codes = {
        error["extensions"]["code"]
        for answer in deployment.answers
        for error in answer.get("errors") or ()
    }
    assert codes <= TYPED
