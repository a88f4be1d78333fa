"""The combiner beside two plainer designs: `python -m benchmarks.stock [--seconds S] [--races N]`.

One private, durable PostgreSQL, the same rows for all, one process; then races for the last units
of a product, in which half of the payments fail. The figures of a whole run are kept.
"""

import argparse
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from statistics import median
from typing import Any

import uvloop

from benchmarks.stock import races, report
from benchmarks.stock.designs import Combined, combined, locked_first, one_statement
from benchmarks.stock.load import CLIENTS, Figures, Wish, carts, hot, measured
from benchmarks.stock.place import Place, opened
from server import gc_settings

SECONDS = 2.0
ROUNDS = 3
RACES = 50
SEED = 1
COMBINER, ONE, LOCKED = "combiner", "one statement", "select for update"
DESIGNS: dict[str, Callable[[Place], AbstractAsyncContextManager[Any]]] = {
    COMBINER: combined,
    ONE: one_statement,
    LOCKED: locked_first,
}
LOADS: dict[str, Callable[[Place], Wish]] = {
    "hot row": hot,
    "carts": lambda place: carts(place, SEED),
}


async def one_round(place: Place, load: str, seconds: float) -> list[tuple[Figures, float]]:
    """Every design under one load, and how many requests a batch of it had."""
    found = []
    for name, open_design in DESIGNS.items():
        await place.reset()
        async with open_design(place) as design:
            figures = await measured(name, place, design, LOADS[load](place), seconds)
            batch = design.requests_per_batch if isinstance(design, Combined) else 1.0
        found.append((figures, batch))
        print(f"{figures}{batch:>9.0f}", flush=True)
    return found


async def rates(seconds: float, rounds: int) -> dict[str, dict[str, dict[str, Any]]]:
    """The median of each figure over the rounds, by load and design."""
    taken: dict[str, dict[str, list[Figures]]] = {load: {} for load in LOADS}
    async with opened() as place:
        for number in range(rounds):
            for load in LOADS:
                title = f"{load}, round {number + 1} of {rounds}"
                print(report.HEADER.format(title), flush=True)
                for figures, _batch in await one_round(place, load, seconds):
                    taken[load].setdefault(figures.name, []).append(figures)
    return {
        load: {name: middle(found) for name, found in by_design.items()}
        for load, by_design in taken.items()
    }


def middle(rounds: list[Figures]) -> dict[str, Any]:
    rows = [asdict(one) for one in rounds]
    kept = {key: round(median(row[key] for row in rows), 1) for key in rows[0] if key != "name"}
    kept["deadlocks"] = sum(one.deadlocks for one in rounds)
    return kept | {"conserved": all(one.conserved for one in rounds)}


async def main(given: argparse.Namespace) -> None:
    found: dict[str, Any] = {}
    if given.short:
        given.seconds, given.rounds, given.races = 0.2, 1, 1
    gc_settings.freeze_gc()  # as the server does it
    if given.rounds:
        found["loads"] = await rates(given.seconds, given.rounds)
    if given.races:
        found["races"] = await races.run(given.races)
    found["targets"] = report.targets(found, COMBINER, ONE)
    print("\n".join(["", *(str(one) for one in found["targets"])]))
    if given.save and (given.rounds, given.races) == (ROUNDS, RACES):
        how = {"clients": CLIENTS, "seconds": given.seconds, "rounds": given.rounds}
        print(f"kept in {report.save(found | {'how': how}).name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--races", type=int, default=RACES)
    parser.add_argument("--save", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    uvloop.run(main(parser.parse_args()))
