"""Compares the compiled executor with plain Strawberry: `python -m benchmarks.execution`.

Milliseconds of CPU for one execution, the best of many rounds, on one core. Strawberry has its
parser and validation caches; both start from the text of the document.
"""

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import strawberry
import uvloop
from strawberry.extensions import ParserCache, ValidationCache

from benchmarks.execution.schema import QUERIES, Context, Loaders, Query, by_hand
from execution import Engine, Prepared

ROUNDS = 60
REPEATS = 5
TARGETS = {"attributes": 20, "batches": 8}


async def best_ms(run: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """The least CPU time of one run in milliseconds, and what the run gave."""
    best, given = float("inf"), None
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REPEATS):
            given = await run()
        best = min(best, (time.process_time() - began) / REPEATS)
    return best * 1_000, given


async def compare() -> bool:
    """Print one line per query; False when an answer differs or a target is missed."""
    plain = strawberry.Schema(
        Query, extensions=[lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
    )
    engine = Engine(strawberry.Schema(Query))

    async def strawberry_runs(query: str) -> bytes:
        result = await plain.execute(query, context_value=Context(Loaders()))
        return orjson.dumps({"data": result.data})

    async def engine_runs(query: str) -> bytes:
        prepared = engine.prepare(query)
        assert isinstance(prepared, Prepared)
        return (await engine.execute(prepared, None, Context(Loaders()))).encode()

    good = True
    print(f"Python {sys.version.split()[0]}, one core, milliseconds with JSON")
    for name, query in QUERIES.items():
        theirs, expected = await best_ms(lambda query=query: strawberry_runs(query))  # type: ignore[misc] # bound now
        ours, given = await best_ms(lambda query=query: engine_runs(query))  # type: ignore[misc] # bound now
        ratio, target = theirs / ours, TARGETS.get(name, 1)
        good &= given == expected and ratio >= target
        verdict = "" if given == expected else "  ANSWERS DIFFER"
        print(f"{name:11} strawberry {theirs:7.3f}  ours {ours:7.4f}  {ratio:5.1f} x{verdict}")

    async def hand() -> bytes:
        return orjson.dumps(by_hand())

    floor, _ = await best_ms(hand)
    print(f"by hand     {floor:.4f}")
    return good


if __name__ == "__main__":
    sys.exit(0 if uvloop.run(compare()) else 1)
