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
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import report
from benchmarks.peers.contenders import HERE, Running, has_node, started
from benchmarks.peers.measure import loaded
from benchmarks.peers.operations import Operation, operations
from benchmarks.peers.place import ROOT, Place, copied, open_place

OPERATIONS = ("storefront", "search")
MOST = 1.2
FILE = report.RESULTS / "scale.json"


@dataclass(frozen=True, slots=True)
class Growth:
    """What the copy gets in addition: companies, stores of each, products in each store."""

    database: str
    companies: int
    stores: int
    products: int


MILLION = Growth("darkstore_grown", 100, 20, 500)
FEW = Growth("darkstore_grown_short", 5, 4, 100)


def grow(place: Place, growth: Growth) -> Place:
    """The same place with the grown copy of its database, made the first time only."""
    postgres, name = place.instance.postgres, growth.database
    grown = copied(place, name)
    if postgres.sql("select count(*) from company where slug = 'chain-1'", name) == "0":
        listings = growth.companies * growth.stores * growth.products
        print(f"bench: growing a copy by {listings:,} listings", file=sys.stderr)
        sizes = (
            f"\\set companies {growth.companies}\n\\set stores {growth.stores}\n"
            f"\\set products {growth.products}\n"
        )
        postgres.sql(f"begin;\n{sizes}{(HERE / 'scale.sql').read_text()}\ncommit;", name)
        postgres.sql("vacuum analyze", name)
    return grown


@contextmanager
def both(places: list[Place]) -> Iterator[list[tuple[Place, Running]]]:
    """One of our servers on each database."""
    with ExitStack() as stack:
        yield [
            (place, running)
            for place in places
            for running in stack.enter_context(started(place, ["darkstore"]))
        ]


def check(servers: list[tuple[Place, Running]], operation: Operation) -> None:
    """Raise SystemExit unless both answer the same."""
    answers = [running.ask(operation.body("ours"), {}) for _, running in servers]
    if answers[0] != answers[1]:
        raise SystemExit(f"bench: the grown store answers {operation.name} differently")


def compare(
    servers: list[tuple[Place, Running]], operation: Operation, rounds: int, seconds: float
) -> dict[str, Any]:
    """The median latencies of an operation on both, and their ratio."""
    check(servers, operation)
    body = operation.body("ours")
    taken: dict[str, list[float]] = {place.database: [] for place, _ in servers}
    for _ in range(rounds):
        for place, running in servers:
            figures = loaded(running, body, {}, place.instance.postgres, seconds)
            taken[place.database].append(figures.p50_ms)
    seeded, grown = (round(statistics.median(taken[place.database]), 3) for place, _ in servers)
    return {"seeded_p50_ms": seeded, "grown_p50_ms": grown, "ratio": round(grown / seeded, 3)}


def measure(chosen: argparse.Namespace, place: Place) -> dict[str, dict[str, Any]]:
    """The figures of each operation; none where Node is missing, which generates the load."""
    places = [place, grow(place, FEW if chosen.short else MILLION)]
    operations_of_place = operations(place.customer, place.order)
    wanted = [operation for operation in operations_of_place if operation.name in OPERATIONS]
    with both(places) as servers:
        if chosen.short and not has_node():
            for operation in wanted:
                check(servers, operation)
            print("bench: Node is missing, so the answers were compared but not measured.")
            return {}
        return {
            operation.name: compare(servers, operation, chosen.rounds, chosen.seconds)
            for operation in wanted
        }


def main() -> int:
    """Measure and print; 1 when something has become slower than it may."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers.scale", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.seconds, chosen.rounds, chosen.save = 0.1, 1, False
    place = open_place()
    try:
        found = measure(chosen, place)
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
        body = {"machine": report.machine(), "versions": report.versions(place), "most": MOST}
        FILE.write_text(json.dumps(body | {"operations": found}, indent=2) + "\n")
        print(f"saved in {FILE.relative_to(ROOT)}")
    return int(not chosen.short and any(row["ratio"] > MOST for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
