"""The targets of a run and its saved results."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.report import RESULTS, machine

__all__ = ["HEADER", "Target", "save", "targets"]

HEADER = (
    "\n{:30}"
    f"{'/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'deadlocks':>11}{'Python us':>11}{'PG us':>9}{'exact':>7}"
    f"{'a batch':>9}"
)
HOT_RATIO = 8.0
CARTS_PER_SECOND = 3_000.0
P99_MS = 50.0


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and its upper or lower bound."""

    name: str
    found: float
    bound: float
    most: bool = False

    @property
    def holds(self) -> bool:
        return self.found <= self.bound if self.most else self.found >= self.bound

    def __str__(self) -> str:
        word, side = ("holds" if self.holds else "MISSED"), ("at most" if self.most else "at least")
        return f"  {self.name:48}{self.found:>10.1f}   {side} {self.bound:,.0f}: {word}"


def targets(found: dict[str, Any], ours: str, plain: str) -> list[Target]:
    """The targets for which this run has figures."""
    checked: list[Target] = []
    if loads := found.get("loads"):
        hot_row, carts = loads["hot row"], loads["carts"]
        ratio = hot_row[ours]["per_second"] / hot_row[plain]["per_second"]
        checked += [
            Target("hot row, times one statement", ratio, HOT_RATIO),
            Target("carts of five lines a second", carts[ours]["per_second"], CARTS_PER_SECOND),
            Target("p99 of carts, ms", carts[ours]["p99_ms"], P99_MS, most=True),
            Target("p99 of the hot row, ms", hot_row[ours]["p99_ms"], P99_MS, most=True),
            Target(
                "deadlocks", hot_row[ours]["deadlocks"] + carts[ours]["deadlocks"], 0, most=True
            ),
        ]
    if races := found.get("races"):
        checked.append(Target("exact races for the last units", races["exact"], races["races"]))
    return checked


def save(found: dict[str, Any]) -> Path:
    """Write everything to benchmarks/results/stock.json, with the machine and versions."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    body = {
        "taken": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in ("asyncpg", "sqlalchemy")},
        **found,
        "targets": [asdict(one) | {"holds": one.holds} for one in found["targets"]],
    }
    file = RESULTS / "stock.json"
    file.write_text(json.dumps(body, indent=2) + "\n")
    return file
