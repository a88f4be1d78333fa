"""Measures live streams beside graphql-yoga's and Mercurius': `python -m benchmarks.live`.

Every server is one process that holds the same number of listeners, of whom an event concerns one,
a hundred, a thousand or all. For Darkstore another process writes each event to PostgreSQL first,
and Valkey carries the notice; the peers publish from memory, as their documentation shows it.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from benchmarks.live.cases import CASES, LiveCase
from benchmarks.live.endpoints import SIZES, Publish, darkstore_endpoints, peer_endpoints
from benchmarks.live.listeners import Group, ListenEndpoint, Listener, open_listeners
from benchmarks.peers.contenders import Running, has_npm_packages, serving, ticks
from benchmarks.peers.place import ROOT, Place, open_place

RESULTS = ROOT / "benchmarks" / "results" / "live.json"
PACED_SECONDS = 0.1
ROUNDS = {"one": 30, "hundred": 30, "thousand": 20, "all": 5}
AHEAD = 8
FILES = 60_000


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
    """One case: milliseconds from publishing to receiving, by the number of listeners."""

    listeners: int
    opened_per_second: float
    kb_per_listener: float
    latency_milliseconds: dict[str, tuple[float, float]]
    events_per_second: float
    cpu_us_per_message: float


class ServerRun:
    """One server, its orders, and how events of them are published."""

    def __init__(
        self,
        running: Running,
        publish: Publish,
        endpoints: dict[str, ListenEndpoint],
        kind: str,
        size: Size,
    ) -> None:
        self._running = running
        self._size = size
        self._publish_event = publish
        self._endpoints = endpoints
        self._kind = kind
        self._groups: dict[str, Group] = {}
        self._published: dict[str, int] = dict.fromkeys(endpoints, 0)

    async def measure(self) -> Figures:
        """Measure memory, latency and throughput one after the other."""
        listeners, rounds = self._size.listeners, self._size.rounds
        connections = await self._open("warm", 20)
        for _ in range(5):
            await self._publish("warm")
        before, began = resident_kb(self._running.pid), time.perf_counter()
        rest = listeners - sum(self._size.groups.values())
        for name, count in {**self._size.groups, "rest": rest}.items():
            connections += await self._open(name, count)
        took = time.perf_counter() - began
        await asyncio.sleep(self._size.rest_seconds)
        grown = resident_kb(self._running.pid) - before
        latency = {name: await self._paced(name, rounds[name]) for name in SIZES}
        latency["all"] = await self._paced("all", rounds["all"])
        rate, cpu = await self._flood("thousand", self._size.seconds)
        for connection in connections:
            connection.disconnect()
        return Figures(listeners, listeners / took, grown / listeners, latency, rate, cpu)

    async def _open(self, name: str, size: int) -> list[Listener]:
        self._groups[name], connections = await open_listeners(
            self._kind, self._endpoints[name], size
        )
        if not self._endpoints[name].snapshot:
            await asyncio.sleep(0.5)
        return connections

    async def _publish(self, name: str) -> float:
        """Publish an event to one group; the time of publishing, once all have received it."""
        self._published[name] += 1
        at = time.perf_counter()
        await self._publish_event(name)
        await self._groups[name].all_received(self._published[name])
        return at

    async def _paced(self, name: str, rounds: int) -> tuple[float, float]:
        """Milliseconds at the median and at the 99th percentile, one event at a time."""
        names = [*SIZES, "rest"] if name == "all" else [name]
        waits: list[float] = []
        for _ in range(rounds):
            sent = await asyncio.gather(*(self._publish(one) for one in names))
            for one, at in zip(names, sent, strict=True):
                arrived = self._groups[one].arrivals[self._published[one]]
                waits.extend(1_000 * (when - at) for when in arrived)
            await asyncio.sleep(PACED_SECONDS)
        waits.sort()
        return statistics.median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))]

    async def _flood(self, name: str, seconds: float) -> tuple[float, float]:
        """Events a second that reach all of a group, and the server's CPU for one message."""
        group, first = self._groups[name], self._published[name] + 1
        used, began = ticks(self._running.pid), time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._published[name] += 1
            await self._publish_event(name)
            if self._published[name] - first >= AHEAD:
                await group.all_received(self._published[name] - AHEAD)
        await group.all_received(self._published[name])
        took, count = time.perf_counter() - began, self._published[name] - first + 1
        return count / took, 1e6 * (ticks(self._running.pid) - used) / count / group.size


def resident_kb(pid: int) -> float:
    """Kilobytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    return 0.0


async def measure(place: Place, case: LiveCase, size: Size) -> Figures:
    """Run one case from the start of the server to its end."""
    async with AsyncExitStack() as stack:
        running = stack.enter_context(serving(place, case.contender))
        open_endpoints = darkstore_endpoints if case.contender.ours else peer_endpoints
        publish, endpoints = await stack.enter_async_context(open_endpoints(place, running))
        return await ServerRun(running, publish, endpoints, case.kind, size).measure()


HEAD = (
    f"{'':<26}{'KB each':>8}{'1':>14}{'100':>16}{'1,000':>16}{'all':>18}"
    f"{'events/s':>10}{'µs CPU':>8}\n"
    f"{'':<26}{'':>8}{'p50/p99 ms to this many listeners':>64}{'to 1,000':>10}{'/message':>8}"
)


def row(case: LiveCase, found: Figures) -> str:
    """One line of the table."""
    waits = "".join(f"{p50:>9.1f}/{p99:<7.1f}" for p50, p99 in found.latency_milliseconds.values())
    figures = f"{found.events_per_second:>9.1f}{found.cpu_us_per_message:>8.1f}"
    return f"{case.title:<26}{found.kb_per_listener:>8.1f}{waits}{figures}"


def arguments() -> argparse.Namespace:
    """The options of this run; the short form leaves out what is not installed."""
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="benchmarks.live", description=__doc__)
    parser.add_argument("--listeners", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.save = False
        if not has_npm_packages():
            chosen.cases = [case.name for case in CASES if case.contender.ours]
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
        for case in CASES:
            if case.name in chosen.cases:
                found[case.name] = uvloop.run(measure(place, case, size))
                print(row(case, found[case.name]), flush=True)
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
