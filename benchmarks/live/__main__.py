"""Measures live streams beside graphql-yoga's and Mercurius': `python -m benchmarks.live`.

Every server is one process that holds the same number of listeners, of whom an event concerns one,
a hundred, a thousand or all. Ours writes each event down in PostgreSQL first, in another process,
and hears of it by Valkey; the peers tell it out of their own memory, as their makers show it.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import uvloop

from benchmarks.live.crowd import Door, Ear, Group, gather
from benchmarks.live.matches import MATCHES, Match
from benchmarks.peers.contenders import Running, has_npm_packages, serving, ticks
from benchmarks.peers.place import ROOT, Place, open_place
from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from services.events.event_log import order_stream, record_event
from subscriptions.engine.hub import Hub
from workflows.identity.authenticator import Authenticator

RESULTS = ROOT / "benchmarks" / "results" / "live.json"
DOCUMENT = """subscription Track($orderId: ID!) {
  orderTracked(orderId: $orderId) { kind cursor event { type at } order { id code status } }
}"""
SIZES = {"one": 1, "hundred": 100, "thousand": 1_000}
PACED_SECONDS = 0.1
ROUNDS = {"one": 30, "hundred": 30, "thousand": 20, "all": 5}
AHEAD = 8
FILES = 60_000
ORIGIN = AuditContext("benchmark:live")
SESSION = (
    "insert into sign_in_session (id, person_id, device, address, expires_at)"
    " values ('{session}', '{person}', 'bench', '', now() + interval '1 day')"
)
LIVE = (
    "select customer_id, id from \"order\" where status = 'CONFIRMED' and code like 'B%'"
    " order by id limit {count}"
)
Tell = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: listeners by group, events by group, seconds of the flood."""

    listeners: int
    groups: Mapping[str, int]
    rounds: Mapping[str, int]
    seconds: float
    rest_seconds: float = 2.0


SHORT = Size(60, {"one": 1, "hundred": 10, "thousand": 20}, dict.fromkeys(ROUNDS, 2), 0.3, 0.1)


@dataclass(frozen=True, slots=True)
class Figures:
    """One match: milliseconds from the telling to the hearing, by how many were told."""

    listeners: int
    opened_per_second: float
    kb_per_listener: float
    latency_ms: dict[str, tuple[float, float]]
    events_per_second: float
    cpu_us_per_message: float


class Stage:
    """One server, its orders, and how they are told of."""

    def __init__(
        self, running: Running, tell: Tell, doors: dict[str, Door], kind: str, size: Size
    ) -> None:
        self._running = running
        self._size = size
        self._tell = tell
        self._doors = doors
        self._kind = kind
        self._groups: dict[str, Group] = {}
        self._told: dict[str, int] = dict.fromkeys(doors, 0)

    async def play(self) -> Figures:
        """Everything that is measured, one after the other."""
        listeners, rounds = self._size.listeners, self._size.rounds
        ears = await self._open("warm", 20)
        for _ in range(5):
            await self._say("warm")
        before, began = resident_kb(self._running.pid), time.perf_counter()
        rest = listeners - sum(self._size.groups.values())
        for name, count in {**self._size.groups, "rest": rest}.items():
            ears += await self._open(name, count)
        took = time.perf_counter() - began
        await asyncio.sleep(self._size.rest_seconds)
        grown = resident_kb(self._running.pid) - before
        latency = {name: await self._paced(name, rounds[name]) for name in SIZES}
        latency["all"] = await self._paced("all", rounds["all"])
        rate, cpu = await self._flood("thousand", self._size.seconds)
        for ear in ears:
            ear.leave()
        return Figures(listeners, listeners / took, grown / listeners, latency, rate, cpu)

    async def _open(self, name: str, size: int) -> list[Ear]:
        self._groups[name], ears = await gather(self._kind, self._doors[name], size)
        if not self._doors[name].snapshot:
            await asyncio.sleep(0.5)
        return ears

    async def _say(self, name: str) -> float:
        """Tell one group of an event; answers when it was told, once all have heard it."""
        self._told[name] += 1
        at = time.perf_counter()
        await self._tell(name)
        await self._groups[name].all_heard(self._told[name])
        return at

    async def _paced(self, name: str, rounds: int) -> tuple[float, float]:
        """Milliseconds at the median and at the 99th percentile, one event at a time."""
        names = [*SIZES, "rest"] if name == "all" else [name]
        waits: list[float] = []
        for _ in range(rounds):
            sent = await asyncio.gather(*(self._say(one) for one in names))
            for one, at in zip(names, sent, strict=True):
                arrived = self._groups[one].arrivals[self._told[one]]
                waits.extend(1_000 * (when - at) for when in arrived)
            await asyncio.sleep(PACED_SECONDS)
        waits.sort()
        return statistics.median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))]

    async def _flood(self, name: str, seconds: float) -> tuple[float, float]:
        """Events a second that reach all of a group, and the server's CPU for one message."""
        group, first = self._groups[name], self._told[name] + 1
        used, began = ticks(self._running.pid), time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._told[name] += 1
            await self._tell(name)
            if self._told[name] - first >= AHEAD:
                await group.all_heard(self._told[name] - AHEAD)
        await group.all_heard(self._told[name])
        took, count = time.perf_counter() - began, self._told[name] - first + 1
        return count / took, 1e6 * (ticks(self._running.pid) - used) / count / group.size


@asynccontextmanager
async def ours(place: Place, running: Running) -> AsyncIterator[tuple[Tell, dict[str, Door]]]:
    """The ways to our server: events are committed and announced by a process of their own."""
    postgres = place.instance.postgres
    names = ["warm", *SIZES, "rest"]
    rows = postgres.sql(LIVE.format(count=len(names)), "darkstore").splitlines()
    database = Database(postgres.url(place.database))
    identity = Authenticator(keys_file=place.keys_file, database=database)
    hub = Hub(database, place.instance.redis_url)
    database.announcer.subscribe(hub.publish_events)
    doors: dict[str, Door] = {}
    orders: dict[str, UUID] = {}
    for name, row in zip(names, rows, strict=True):
        person, order = map(UUID, row.split("|"))
        session = uuid7()
        postgres.sql(SESSION.format(session=session, person=person), "darkstore")
        token, _ = identity.sign(Actor(person, session, (Grant(Role.CUSTOMER),)))
        orders[name] = order
        doors[name] = Door(running.port, DOCUMENT, encode_id(Order, order), token, snapshot=True)

    async def tell(name: str) -> None:
        async with database.write(PLATFORM, ORIGIN) as session:
            order = orders[name]
            body = {"order_id": order}
            record_event(session, order_stream(order), "LINE_PICKED", body, company_id=None)

    await hub.start()
    while not hub.connected:  # noqa: ASYNC110 - the hub tells it by a plain attribute
        await asyncio.sleep(0.05)
    yield tell, doors
    await hub.close()
    await database.close()


@asynccontextmanager
async def theirs(place: Place, running: Running) -> AsyncIterator[tuple[Tell, dict[str, Door]]]:
    """The ways to a peer: a mutation publishes to its own listeners."""
    names = ["warm", *SIZES, "rest"]
    doors = {name: Door(running.port, DOCUMENT, name, None, snapshot=False) for name in names}
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)

    async def tell(name: str) -> None:
        body = json.dumps({"query": f'mutation {{ tell(orderId: "{name}") }}'}).encode()
        head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        length = 0
        while (line := await reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await reader.readexactly(length)

    told = asyncio.Lock()

    async def tell_in_turn(name: str) -> None:
        async with told:
            await tell(name)

    yield tell_in_turn, doors
    writer.close()


def resident_kb(pid: int) -> float:
    """Kilobytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    return 0.0


async def play(place: Place, match: Match, size: Size) -> Figures:
    """One match from the server's start to its end."""
    async with AsyncExitStack() as stack:
        running = stack.enter_context(serving(place, match.contender))
        ways = ours if match.contender.ours else theirs
        tell, doors = await stack.enter_async_context(ways(place, running))
        return await Stage(running, tell, doors, match.kind, size).play()


HEAD = (
    f"{'':<26}{'KB each':>8}{'1':>14}{'100':>16}{'1,000':>16}{'all':>18}"
    f"{'events/s':>10}{'µs CPU':>8}\n"
    f"{'':<26}{'':>8}{'p50/p99 ms to this many listeners':>64}{'to 1,000':>10}{'/message':>8}"
)


def row(match: Match, found: Figures) -> str:
    """One line of the table."""
    waits = "".join(f"{p50:>9.1f}/{p99:<7.1f}" for p50, p99 in found.latency_ms.values())
    figures = f"{found.events_per_second:>9.1f}{found.cpu_us_per_message:>8.1f}"
    return f"{match.title:<26}{found.kb_per_listener:>8.1f}{waits}{figures}"


def arguments() -> argparse.Namespace:
    """The options of this run; the short form leaves out what is not installed."""
    names = [match.name for match in MATCHES]
    parser = argparse.ArgumentParser(prog="benchmarks.live", description=__doc__)
    parser.add_argument("--listeners", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--matches", nargs="+", choices=names, default=names)
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.save = False
        if not has_npm_packages():
            chosen.matches = [match.name for match in MATCHES if match.contender.ours]
            print("bench: the packages of npm are missing, so the other servers were left out.")
    return chosen


def main() -> int:
    """Run, print the table, and keep it when asked to."""
    chosen = arguments()
    size = SHORT if chosen.short else Size(chosen.listeners, SIZES, ROUNDS, chosen.seconds)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, FILES), most))
    place = open_place()
    found: dict[str, Figures] = {}
    print(HEAD, flush=True)
    try:
        for match in MATCHES:
            if match.name in chosen.matches:
                found[match.name] = uvloop.run(play(place, match, size))
                print(row(match, found[match.name]), flush=True)
    finally:
        place.instance.stop()
    if chosen.save:
        kept = {
            "taken": datetime.now(UTC).date().isoformat(),
            "listeners": chosen.listeners,
            "figures": {name: asdict(one) for name, one in found.items()},
        }
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
