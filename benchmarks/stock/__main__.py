"""Measures the reservation batcher beside two simpler designs: `python -m benchmarks.stock`.

One private, durable PostgreSQL, the same rows for all, one process; then races for the last units
of a product, in which half of the payments fail. The figures of a whole run are saved.
"""

import argparse
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from statistics import median
from typing import Any

import uvloop

from benchmarks.stock import races, report
from benchmarks.stock.designs import BatcherDesign, batcher_design, lock_first, one_statement
from benchmarks.stock.load import CLIENTS, Figures, NextCart, carts, hot_row, measure
from benchmarks.stock.place import Place, open_stock_database
from server import gc_settings

SECONDS = 2.0
ROUNDS = 3
RACES = 50
SEED = 1
BATCHER, ONE_STATEMENT, LOCK_FIRST = "batcher", "one statement", "select for update"
DESIGNS: dict[str, Callable[[Place], AbstractAsyncContextManager[Any]]] = {
    BATCHER: batcher_design,
    ONE_STATEMENT: one_statement,
    LOCK_FIRST: lock_first,
}
LOADS: dict[str, Callable[[Place], NextCart]] = {
    "hot row": hot_row,
    "carts": lambda place: carts(place, SEED),
}


async def one_round(place: Place, load: str, seconds: float) -> list[tuple[Figures, float]]:
    """Measure every design under one load; with each the number of requests in a batch."""
    found = []
    for name, open_design in DESIGNS.items():
        await place.reset()
        async with open_design(place) as design:
            figures = await measure(name, place, design, LOADS[load](place), seconds)
            batch = design.requests_per_batch if isinstance(design, BatcherDesign) else 1.0
        found.append((figures, batch))
        print(f"{figures}{batch:>9.0f}", flush=True)
    return found


async def rates(seconds: float, rounds: int) -> dict[str, dict[str, dict[str, Any]]]:
    """The median of each figure over the rounds, by load and design."""
    by_load_and_design: dict[str, dict[str, list[Figures]]] = {load: {} for load in LOADS}
    async with open_stock_database() as place:
        for number in range(rounds):
            for load in LOADS:
                title = f"{load}, round {number + 1} of {rounds}"
                print(report.HEADER.format(title), flush=True)
                for figures, _batch in await one_round(place, load, seconds):
                    by_load_and_design[load].setdefault(figures.name, []).append(figures)
    return {
        load: {name: medians(found) for name, found in by_design.items()}
        for load, by_design in by_load_and_design.items()
    }


def medians(rounds: list[Figures]) -> dict[str, Any]:
    rows = [asdict(one) for one in rounds]
    figures = {key: round(median(row[key] for row in rows), 1) for key in rows[0] if key != "name"}
    figures["deadlocks"] = sum(one.deadlocks for one in rounds)
    return figures | {"is_consistent": all(one.is_consistent for one in rounds)}


async def main(given: argparse.Namespace) -> None:
    found: dict[str, Any] = {}
    if given.short:
        given.seconds, given.rounds, given.races = 0.2, 1, 1
    gc_settings.freeze_gc()  # as the server does it
    if given.rounds:
        found["loads"] = await rates(given.seconds, given.rounds)
    if given.races:
        found["races"] = await races.run(given.races)
    found["targets"] = report.targets(found, BATCHER, ONE_STATEMENT)
    print("\n".join(["", *(str(one) for one in found["targets"])]))
    if given.save and (given.rounds, given.races) == (ROUNDS, RACES):
        how = {"clients": CLIENTS, "seconds": given.seconds, "rounds": given.rounds}
        print(f"saved in {report.save(found | {'how': how}).name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--races", type=int, default=RACES)
    parser.add_argument("--save", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    uvloop.run(main(parser.parse_args()))
