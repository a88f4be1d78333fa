"""What riders' positions cost: `python -m benchmarks.riders`, or `make bench-riders`.

Five thousand of ten thousand riders report once a second, half of them on a ride, by three ways:
the position endpoint, the graph over HTTP, and batches of five points by the graph over
WebSockets. Then stores look for the nearest free rider among ten thousand, alone and while reports
come in.
"""

import argparse
import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from benchmarks.peers.place import FOLDER, ROOT
from benchmarks.peers.report import RESULTS, machine
from benchmarks.riders.cpu_usage import CpuUsage
from benchmarks.riders.phones import BATCH_POINTS, BatchPhone, GraphPhone, Phone, PhoneCounts, ride
from benchmarks.riders.world import DATABASE, RIDERS, World, open_world
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from local import process
from local.valkey import free_port
from services.delivery.nearest_riders import NEAREST_RIDER
from services.delivery.ride_settings import SETTINGS

TARGET_A_SECOND = 5_000
TARGET_NEAREST_MS = 5.0
REPORTING_SHARE = 0.5
RIDERS_A_CONNECTION = 5
NEAREST_ASKED = 1_000
START_SECONDS = 30.0
FILES = 16_384
SHORT = {"rate": 50, "seconds": 1.0, "servers": 1, "riders": 200, "searches": 20, "save": False}
SEEN = """
insert into rider_position (rider_id, person_id, company_id, latitude, longitude, recorded_at)
    select r.id, r.person_id, r.company_id, p.latitude, p.longitude, now()
    from (select *, row_number() over (order by id) as n from rider) r
    join (select *, row_number() over () as n from (values PLACES) as v (latitude, longitude)) p
    using (n)
    on conflict (rider_id) do update set recorded_at = excluded.recorded_at
"""


@dataclass(frozen=True, slots=True)
class ReportingWay:
    """One way to report positions."""

    name: str
    phone: type[Phone]
    points: int = 1
    riders_a_phone: int = RIDERS_A_CONNECTION


REPORTING_WAYS = (
    ReportingWay("position endpoint", Phone),
    ReportingWay("graph, HTTP", GraphPhone),
    ReportingWay("graph, batches of 5, WebSocket", BatchPhone, BATCH_POINTS, 1),
)


@contextmanager
def serving(world: World, count: int) -> Iterator[list[tuple[int, int]]]:
    """Start `count` servers; yields their ports and process ids."""
    children, found = [], []
    try:
        for nth in range(count):
            port = free_port()
            command = [sys.executable, "-m", "server", "serve", "--port", str(port)]
            with (FOLDER / f"riders{nth}.log").open("w") as log:
                child = subprocess.Popen(
                    command, cwd=ROOT, env=world.place.ours(), stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
            children.append(child)
            found.append((port, child.pid))
            _await(port)
        yield found
    finally:
        for child in children:
            process.stop(child.pid, signal.SIGTERM)
            child.wait()


def _await(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("bench: the server did not start: see .darkstore/bench/riders0.log")


async def measure_reports(
    world: World,
    servers: list[tuple[int, int]],
    reporting_way: ReportingWay,
    rate: float,
    seconds: float,
) -> dict[str, Any]:
    """Measure one way of reporting at one rate."""
    spent = CpuUsage(world, [pid for _, pid in servers])
    counts = await ride(
        [port for port, _ in servers],
        world.riders[: int(len(world.riders) * REPORTING_SHARE)],
        reporting_way.phone,
        riders_a_phone=reporting_way.riders_a_phone,
        reports_a_second=rate / reporting_way.points,
        seconds=seconds,
        during=spent.sample,
    )
    figures = _figures(counts, reporting_way) | {
        "cpu_us_an_update": spent.micros(counts.good * reporting_way.points)
    }
    print(_line(reporting_way, figures), flush=True)
    if counts.bad:
        print(f"  {counts.bad} were refused: {counts.first_error!r}", file=sys.stderr)
    return figures


def _figures(counts: PhoneCounts, reporting_way: ReportingWay) -> dict[str, Any]:
    times = sorted(counts.latencies)
    return {
        "updates_a_second": round(counts.good * reporting_way.points / counts.seconds),
        "refused": counts.bad,
        "late": counts.late,
        "p50_ms": _at(times, 0.5, 1),
        "p99_ms": _at(times, 0.99, 1),
    }


def _at(times: list[float], part: float, digits: int) -> float:
    """A quantile of sorted seconds, in milliseconds."""
    return round(times[int(part * (len(times) - 1))] * 1e3, digits) if times else 0.0


def _line(reporting_way: ReportingWay, found: dict[str, Any]) -> str:
    cpu = " ".join(f"{name} {micros}" for name, micros in found["cpu_us_an_update"].items())
    return (
        f"{reporting_way.name:32}{found['updates_a_second']:>8}/s  p50 {found['p50_ms']:>6} ms"
        f"  p99 {found['p99_ms']:>6} ms  late {found['late']:>5}  CPU µs: {cpu}"
    )


async def nearest(world: World, database: Database, asked: int) -> dict[str, float]:
    """How long a store waits for its nearest free rider among all; nothing is changed."""
    chance = random.Random(3)
    stores = await _stores(world, database)
    times: list[float] = []
    for _ in range(asked):
        given = {
            "store": chance.choice(stores), "company": world.company, "delivery": world.company,
            "round": 1, "fresh_seconds": SETTINGS.position_fresh_seconds,
            "max_distance_m": SETTINGS.rider_distance_m, "customer": world.company,
        }  # fmt: skip
        async with database.write(PLATFORM, AuditContext("bench")) as session:
            await session.execute(text("select 1"))
            began = time.perf_counter()
            found = (await session.execute(NEAREST_RIDER, given)).first()
            times.append(time.perf_counter() - began)
        assert found is not None
        await asyncio.sleep(0)
    times.sort()
    return {"p50_ms": _at(times, 0.5, 2), "p99_ms": _at(times, 0.99, 2)}


async def _stores(world: World, database: Database) -> list[Any]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            text("select id from store where company_id = :company"), {"company": world.company}
        )
        return list(rows)


def all_seen(world: World) -> None:
    """Every rider was seen a moment ago."""
    places = ",".join(f"({one.latitude:.6f},{one.longitude:.6f})" for one in world.riders)
    world.place.instance.postgres.sql(SEEN.replace("PLACES", places), DATABASE)


async def run(world: World, chosen: argparse.Namespace) -> dict[str, Any]:
    """All figures of one run."""
    results: dict[str, Any] = {"reports": {}, "nearest": {}}
    postgres = world.place.instance.postgres
    database = Database(postgres.url(DATABASE))
    try:
        all_seen(world)
        postgres.sql("vacuum analyze rider_position", DATABASE)
        results["nearest"]["alone"] = await nearest(world, database, chosen.searches)
        with serving(world, chosen.servers) as servers:
            for reporting_way in REPORTING_WAYS:
                found = await measure_reports(
                    world, servers, reporting_way, chosen.rate, chosen.seconds
                )
                results["reports"][reporting_way.name] = found
            all_seen(world)
            busy = asyncio.create_task(
                measure_reports(world, servers, REPORTING_WAYS[0], chosen.rate / 2, chosen.seconds)
            )
            await asyncio.sleep(min(3, chosen.seconds / 3))
            busy_name = "while 2,500 reports a second come in"
            results["nearest"][busy_name] = await nearest(world, database, chosen.searches)
            await busy
    finally:
        await database.close()
    return results


def verdict(results: dict[str, Any]) -> str:
    """The figures that the targets speak of, in words."""
    lines = [""]
    for name, found in results["reports"].items():
        rate = found["updates_a_second"]
        word = "holds" if rate >= 0.99 * TARGET_A_SECOND else "MISSED"
        lines.append(f"{name}: {rate}/s (target {TARGET_A_SECOND}/s) {word}")
    for when, found in results["nearest"].items():
        word = "holds" if found["p99_ms"] < TARGET_NEAREST_MS else "MISSED"
        lines.append(
            f"nearest of 10,000, {when}: p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms"
            f" (target {TARGET_NEAREST_MS:g}) {word}"
        )
    return "\n".join(lines)


def main() -> int:
    """Run, print the figures, and keep them when asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.riders", description=__doc__)
    parser.add_argument("--rate", type=float, default=TARGET_A_SECOND)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--riders", type=int, default=RIDERS)
    parser.add_argument("--searches", type=int, default=NEAREST_ASKED)
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        vars(chosen).update(SHORT)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    world = open_world(chosen.riders)
    try:
        results = asyncio.run(run(world, chosen))
    finally:
        world.place.instance.stop()
    print(verdict(results))
    if chosen.short:
        return int(any(not row["updates_a_second"] for row in results["reports"].values()))
    if chosen.save:
        about = {
            "taken": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": machine(),
            "how": {"servers": chosen.servers, "rate": chosen.rate, "seconds": chosen.seconds},
        }
        (RESULTS / "riders.json").write_text(json.dumps(about | results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
