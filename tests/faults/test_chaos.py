"""Processes are killed while followers watch an order: each receives every event exactly once.

Beside them customers order, and the payment provider fails. `make chaos` runs the long form:
200 followers, 10,000 events, 100 orders, three kills of Valkey, one of PostgreSQL, one SIGTERM and
one kill -9 of a server. Each of 200 followers receives each event, so a busy machine does not write
them all in CHAOS_SECONDS: then the processes end at the same shares of that time.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import aiohttp
import pytest

from benchmarks.live.listeners import ListenEndpoint
from database.sessions import Database
from local import process
from models.ids import encode_id
from models.orders import Order
from subscriptions.engine.hub import Hub
from tests.support import city as cities
from tests.support.city import City
from tests.support.faults.consistency_checks import find_inconsistencies
from tests.support.faults.crowd import create_crowd
from tests.support.faults.followers import (
    TRACK,
    EventWriter,
    Follower,
    create_idle_order,
    delivery_error,
    head_of,
    mean_lag,
    sign_in_staff,
    until_snapshots,
)
from tests.support.faults.process_group import SERVER, ServerGroup, SignedInUser, steady_port
from tests.support.waiting import until
from workflows.identity.authenticator import Authenticator

FOLLOWERS = int(os.environ.get("FOLLOWERS", "24"))
EVENTS = int(os.environ.get("EVENTS", "240"))
RATE = float(os.environ.get("EVENTS_PER_SECOND", "40"))
SEED = int(os.environ.get("SEED", "1"))
ORDERS = max(10, EVENTS // 100)
CUT_SECONDS = 3.0
STAFF_COUNT = 40
CATCH_UP_SECONDS = 60.0
IDLE_SECONDS = 20.0
WRITE_SECONDS = float(os.environ.get("CHAOS_SECONDS", "600"))
REST_SECONDS = 900.0
"""For what is before the first event and after the last one: at most, on a busy machine."""
TOKEN_RENEWAL_SECONDS = 240.0
MAX_MEAN_LAG_EVENTS = 200
SECOND_SERVER = "second"
TERMINATE = f"{SERVER} (SIGTERM)"
# The process that ends once this share of the events has been written.
FAULTS = (
    (0.10, "valkey"), (0.25, TERMINATE), (0.40, "valkey"), (0.55, "postgres"),
    (0.70, "valkey"), (0.85, SECOND_SERVER),
)  # fmt: skip


@pytest.fixture
def second_port(servers: ServerGroup) -> Iterator[int]:
    """The port of a second server process on the same databases."""
    port = steady_port()
    servers.launch(SECOND_SERVER, "server", "serve", "--port", str(port))
    servers.wait_until_ready(SECOND_SERVER, port)
    yield port
    servers.terminate(SECOND_SERVER)


@dataclass(frozen=True)
class Progress:
    """How much of a run is over: of its events or of its time, whichever is more."""

    writer: EventWriter
    started_at: float

    @property
    def share(self) -> float:
        seconds = time.monotonic() - self.started_at
        return max(self.writer.written_count / EVENTS, seconds / WRITE_SECONDS)

    def is_over(self) -> bool:
        return self.share >= 1

    async def reach(self, share: float) -> None:
        """Wait until this much is over."""
        await until(lambda: self.share >= share, 2 * WRITE_SECONDS, f"{share:.0%} of the run")


async def inject_faults(servers: ServerGroup, progress: Progress) -> list[str]:
    """End one process after the other, each at its share of the run; returns a log."""
    log = []
    for share, name in FAULTS:
        await progress.reach(share)
        started_at = time.monotonic()
        if name == TERMINATE:
            process.stop(servers.children[SERVER].pid, signal.SIGTERM)
            servers.children[SERVER].poll()
            await asyncio.to_thread(servers.launch, SERVER)
        else:
            await asyncio.to_thread(servers.kill_and_restart, name)
        log.append(f"{name} ({time.monotonic() - started_at:.1f} s)")
    return log


def create_followers(
    staff: Sequence[SignedInUser], order: Order, ports: Sequence[int]
) -> list[Follower]:
    """Create followers of an order, which connect to all ports in turn."""
    followers = []
    for number in range(FOLLOWERS):
        token, key = staff[number % STAFF_COUNT].token, encode_id(Order, order.id)
        connections = [ListenEndpoint(port, TRACK, key, token, snapshot=True) for port in ports]
        followers.append(Follower(connections, random.Random(SEED * 1000 + number)))
    return followers


async def renew_tokens(
    followers: Sequence[Follower], staff: Sequence[SignedInUser], authenticator: Authenticator
) -> None:
    """Replace the access tokens of all followers before they expire, until canceled."""
    while True:
        await asyncio.sleep(TOKEN_RENEWAL_SECONDS)
        for number, follower in enumerate(followers):
            token, _ = authenticator.sign(staff[number % STAFF_COUNT].actor)
            follower.connections = [
                replace(connection, token=token) for connection in follower.connections
            ]


async def catch_up(tasks: Sequence[asyncio.Task[None]], followers: Sequence[Follower]) -> None:
    """Wait until all have received the last event, or none has received any for a while."""
    for follower in followers:
        follower.interrupt()
    while True:
        before = received_count(followers)
        _, pending = await asyncio.wait(tasks, timeout=IDLE_SECONDS)
        if not pending or before == received_count(followers):
            return


def received_count(followers: Sequence[Follower]) -> int:
    return sum(len(follower.received_seqs) for follower in followers)


@pytest.mark.slow
@pytest.mark.timeout(2 * WRITE_SECONDS + REST_SECONDS)
async def test_every_follower_receives_every_event_once_whatever_process_dies(
    servers: ServerGroup,
    second_port: int,
    server_database: Database,
    own_city: City,
    http: aiohttp.ClientSession,
) -> None:
    """Beside them customers order while the provider fails: no paid order is lost either."""
    beside = await cities.build_city(server_database, on_hand=500)
    crowd = await create_crowd(servers, server_database, beside, http, SEED)
    async with crowd.at_work():
        end_of_shopping = time.monotonic() + WRITE_SECONDS
        checkouts = asyncio.create_task(
            crowd.check_out_all(ORDERS, lambda: time.monotonic() > end_of_shopping)
        )
        errors = await follow_to_the_end(servers, second_port, server_database, own_city)
        await checkouts
        await crowd.lose_two_authorizations()
        await crowd.settle()
    company_id = beside.company.id
    database = servers.open_database()
    problems = await find_inconsistencies(servers, crowd.provider, database, crowd.log, company_id)
    await database.close()
    print(f"beside: {len(crowd.log.checkouts)} checkouts, {len(crowd.outages.outages)} outages")
    assert not errors, errors.most_common(3)
    assert not problems, "\n".join(problems)


async def follow_to_the_end(
    servers: ServerGroup, second_port: int, database: Database, city: City
) -> Counter[str]:
    """Follow an order while processes are killed; returns what the followers missed."""
    order = await create_idle_order(database, city)
    hub = Hub(database, servers.instance.redis_url)
    database.announcer.subscribe(hub.publish_events)
    await hub.start()
    staff = await sign_in_staff(servers, database, city, STAFF_COUNT)
    followers = create_followers(staff, order, (servers.port, second_port))
    authenticator = Authenticator(keys_file=servers.keys_file, database=database)
    renewal = asyncio.create_task(renew_tokens(followers, staff, authenticator))
    last_seq: int | None = None
    rng = random.Random(SEED)

    def connection_seconds() -> float:
        # Connections are cut until the last event is written; then followers may catch up.
        return rng.uniform(0, CUT_SECONDS) if last_seq is None else CATCH_UP_SECONDS

    tasks = [
        asyncio.create_task(one.follow(connection_seconds, lambda: last_seq)) for one in followers
    ]
    await until_snapshots(followers, CATCH_UP_SECONDS)
    writer = EventWriter(database, order.id)
    progress = Progress(writer, time.monotonic())
    faults = asyncio.create_task(inject_faults(servers, progress))

    def overloaded() -> bool:
        return mean_lag(followers, writer.written_count) > MAX_MEAN_LAG_EVENTS

    await writer.write(EVENTS, RATE, overloaded, progress.is_over)
    killed, write_seconds = await faults, time.monotonic() - progress.started_at
    last_seq = head = await head_of(servers, order)
    await catch_up(tasks, followers)
    renewal.cancel()
    await hub.close()
    errors = Counter(filter(None, (delivery_error(follower, head) for follower in followers)))
    print(figures(followers, head, write_seconds, killed, errors.total()))
    assert head >= writer.written_count > 0
    return errors


def figures(
    followers: Sequence[Follower],
    head: int,
    write_seconds: float,
    killed: list[str],
    error_count: int,
) -> str:
    """Summarize a run for `make chaos`."""
    connection_count = sum(len(follower.connected_at) for follower in followers)
    return (
        f"{head} of {EVENTS} events in {write_seconds:.0f} s to {len(followers)} followers over"
        f" {connection_count} connections: {received_count(followers)} received,"
        f" {error_count} followers with errors\nkilled: {', '.join(killed)}"
    )
