"""Whether the storefront answers as fast when the store has grown.

`python -m benchmarks.peers.scale`: two of our servers take turns, one on the seeded store (16
stores, 42,000 listings), one on a copy of it with 2,016 stores and a million listings more. The
answers are the same, so only the size differs.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from benchmarks.peers import report
from benchmarks.peers.contenders import HERE, Running, started
from benchmarks.peers.measure import loaded
from benchmarks.peers.operations import Operation, operations
from benchmarks.peers.place import DATABASE, ROOT, Place, open_place, run_ours, settings

GROWN = "darkstore_grown"
OPERATIONS = ("storefront", "search")
MOST = 1.2
FILE = report.RESULTS / "scale.json"


def grow(place: Place) -> Place:
    """The same place with the grown copy of its database, made the first time only."""
    postgres = place.instance.postgres
    if GROWN not in postgres.sql("select datname from pg_database").split():
        postgres.sql(f"create database {GROWN} template {DATABASE}")
    run_ours("migrate", settings(place.instance, GROWN))
    if postgres.sql("select count(*) from company where slug = 'chain-100'", GROWN) == "0":
        print("bench: growing a copy to a million listings", file=sys.stderr)
        postgres.sql(f"begin;\n{(HERE / 'scale.sql').read_text()}\ncommit;", GROWN)
        postgres.sql("vacuum analyze", GROWN)
    return replace(place, database=GROWN)


@contextmanager
def both(places: list[Place]) -> Iterator[list[tuple[Place, Running]]]:
    """One of our servers on each database."""
    with ExitStack() as stack:
        yield [
            (place, running)
            for place in places
            for running in stack.enter_context(started(place, ["darkstore"]))
        ]


def compare(
    servers: list[tuple[Place, Running]], operation: Operation, rounds: int, seconds: float
) -> dict[str, Any]:
    """The median latencies of an operation on both, and their ratio."""
    body = operation.body("ours")
    answers = [running.ask(body, {}) for _, running in servers]
    if answers[0] != answers[1]:
        raise SystemExit(f"bench: the grown store answers {operation.name} differently")
    taken: dict[str, list[float]] = {place.database: [] for place, _ in servers}
    for _ in range(rounds):
        for place, running in servers:
            figures = loaded(running, body, {}, place.instance.postgres, seconds)
            taken[place.database].append(figures.p50_ms)
    seeded, grown = (round(statistics.median(taken[place.database]), 3) for place, _ in servers)
    return {"seeded_p50_ms": seeded, "grown_p50_ms": grown, "ratio": round(grown / seeded, 3)}


def main() -> int:
    """Measure and print; 1 when something has become slower than it may."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers.scale", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    chosen = parser.parse_args()
    place = open_place()
    try:
        places = [place, grow(place)]
        with both(places) as servers:
            found = {
                one.name: compare(servers, one, chosen.rounds, chosen.seconds)
                for one in operations(place.customer, place.order)
                if one.name in OPERATIONS
            }
        body = {"machine": report.machine(), "versions": report.versions(place), "most": MOST}
    finally:
        place.instance.stop()
    for name, row in found.items():
        verdict = "holds" if row["ratio"] <= MOST else "MISSED"
        print(
            f"{name:11} p50 {row['seeded_p50_ms']:.2f} ms, grown {row['grown_p50_ms']:.2f} ms:"
            f" {row['ratio']:.2f} x (at most {MOST}) {verdict}"
        )
    if chosen.save:
        report.RESULTS.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(body | {"operations": found}, indent=2) + "\n")
        print(f"kept in {FILE.relative_to(ROOT)}")
    return int(any(row["ratio"] > MOST for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
