"""Everything is killed under those who follow an order: each of them hears every event once.

`make chaos` runs the long form: 200 followers, 10,000 events, three kills of Valkey, one of
PostgreSQL, one SIGTERM and one kill -9 of a server.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from benchmarks.live.crowd import Door
from database.scope import PLATFORM
from database.sessions import Database
from local import process
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Grant, Role
from models.ids import encode
from models.orders import Order
from models.payments import Refund, RefundStatus
from subscriptions.engine.hub import Hub
from tests.support.city import City
from tests.support.faults.followers import ORIGIN, TRACK, Follower, Writing, behind, missing
from tests.support.faults.process_group import SERVER, Resident, Town, steady_port
from tests.support.order_rows import hang
from workflows.identity.authenticator import Identity

FOLLOWERS = int(os.environ.get("FOLLOWERS", "24"))
EVENTS = int(os.environ.get("EVENTS", "240"))
RATE = float(os.environ.get("EVENTS_PER_SECOND", "40"))
SEED = int(os.environ.get("SEED", "1"))
CUT_SECONDS = 3.0
PEOPLE = 40
SETTLE_SECONDS = 60.0
STILL_SECONDS = 20.0
RENEW_SECONDS = 240.0
BEHIND_EVENTS = 200
OTHER = "second"
# What dies when so much of the events has been written.
FAULTS = (
    (0.10, "valkey"), (0.25, f"{SERVER} politely"), (0.40, "valkey"), (0.55, "postgres"),
    (0.70, "valkey"), (0.85, OTHER),
)  # fmt: skip


@pytest.fixture
def other(running: Town) -> Iterator[int]:
    """The port of another server process on the same databases."""
    port = steady_port()
    running.launch(OTHER, "server", "serve", "--port", str(port))
    running.await_ready(OTHER, port)
    yield port
    running.end(OTHER)


async def rage(town: Town, writing: Writing) -> list[str]:
    """Kill one thing after the other, each at its share of the events."""
    done = []
    for share, part in FAULTS:
        while writing.written < share * EVENTS:  # noqa: ASYNC110 - it is counted by many
            await asyncio.sleep(0.02)
        began = time.monotonic()
        if part.endswith("politely"):
            process.stop(town.children[SERVER].pid, signal.SIGTERM)
            town.children[SERVER].poll()
            await asyncio.to_thread(town.launch, SERVER)
        else:
            await asyncio.to_thread(town.crash, part)
        done.append(f"{part} ({time.monotonic() - began:.1f} s)")
    return done


async def order_of(books: Database, quarter: City) -> Order:
    """An order of the near store, with which nobody has anything to do."""
    async with books.write(PLATFORM, ORIGIN) as session:
        keys = await hang(session, quarter.first)
        task = await session.get_one(Fulfillment, keys[Fulfillment])
        task.status = FulfillmentStatus.CANCELED  # nobody is there to pick it
        refund = await session.get_one(Refund, keys[Refund])
        refund.status = RefundStatus.FAILED  # nor to ask for it
        return await session.get_one(Order, keys[Order])


async def staff(town: Town, books: Database, quarter: City) -> list[Resident]:
    """People of the order's store."""
    grant = Grant(Role.STORE_STAFF, quarter.company.id, quarter.near.id)
    return [await town.sign_in(books, f"Staff {n}", grant) for n in range(PEOPLE)]


def gathered(people: Sequence[Resident], order: Order, ports: Sequence[int]) -> list[Follower]:
    """The followers: some of these people, each at all doors in turn."""
    found = []
    for number in range(FOLLOWERS):
        token, key = people[number % PEOPLE].token, encode(Order, order.id)
        doors = [Door(port, TRACK, key, token, snapshot=True) for port in ports]
        found.append(Follower(doors, random.Random(SEED * 1000 + number)))
    return found


async def renew(
    followers: Sequence[Follower], people: Sequence[Resident], identity: Identity
) -> None:
    """Give everybody another access token before the last one ends, for as long as this takes."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        for number, one in enumerate(followers):
            token, _ = identity.sign(people[number % PEOPLE].actor)
            one.doors = [replace(door, token=token) for door in one.doors]


async def begun(followers: Sequence[Follower]) -> None:
    """Wait until each has been shown the order."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while any(one.began_at is None for one in followers):  # noqa: ASYNC110 - told by many
            await asyncio.sleep(0.05)


async def settle(following: Sequence[asyncio.Task[None]], followers: Sequence[Follower]) -> None:
    """Wait until all have heard the last event, or nobody has heard anything for a while."""
    for one in followers:
        one.nudge()
    while True:
        heard = sum(len(one.heard) for one in followers)
        _, left = await asyncio.wait(following, timeout=STILL_SECONDS)
        if not left or heard == sum(len(one.heard) for one in followers):
            return


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_everybody_hears_everything_once_whatever_dies(
    running: Town, other: int, books: Database, quarter: City
) -> None:
    order = await order_of(books, quarter)
    hub = Hub(books, running.instance.redis_url)
    books.announce = hub.announce
    await hub.start()
    people = await staff(running, books, quarter)
    followers = gathered(people, order, (running.port, other))
    identity = Identity(keys_file=running.keys_file, database=books)
    renewing = asyncio.create_task(renew(followers, people, identity))
    last: list[int] = []
    chance = random.Random(SEED)
    following = [
        asyncio.create_task(
            one.follow(
                # Cut until the last event is written; who lags then may read to the end.
                lambda: SETTLE_SECONDS if last else chance.uniform(0, CUT_SECONDS),
                lambda: last[0] if last else None,
            )
        )
        for one in followers
    ]
    await begun(followers)
    began, writing = time.monotonic(), Writing(books, order.id)
    raging = asyncio.create_task(rage(running, writing))
    await writing.write(EVENTS, RATE, lambda: behind(followers, writing.written) > BEHIND_EVENTS)
    killed, wrote = await raging, time.monotonic() - began
    query = "select seq from stream where stream = $1"
    ((head,),) = await running.rows(query, f"order:{order.id}")
    last.append(head)
    await settle(following, followers)
    renewing.cancel()
    await hub.close()
    wrong = Counter(said for one in followers if (said := missing(one, head)) is not None)
    print(figures(followers, head, wrote, killed, wrong.total()))
    assert not wrong, wrong.most_common(3)
    assert head >= EVENTS


def figures(
    followers: Sequence[Follower], head: int, wrote: float, killed: list[str], wrong: int
) -> str:
    """What happened, for whoever runs `make chaos`."""
    heard = sum(len(one.heard) for one in followers)
    lines = sum(len(one.connected) for one in followers)
    return (
        f"{head} events in {wrote:.0f} s to {len(followers)} followers over {lines} lines:"
        f" {heard} heard, {wrong} followers went wrong\nkilled: {', '.join(killed)}"
    )
