"""Compares the compiled executor with plain Strawberry: `python -m benchmarks.execution`.

Prints milliseconds of CPU for one execution, the minimum of many rounds, on one core. Strawberry
has its parser and validation caches; both start from the text of the document.
"""

import argparse
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import strawberry
import uvloop
from strawberry.extensions import ParserCache, ValidationCache

from benchmarks.execution.schema import QUERIES, Context, Loaders, Query, plain_python
from execution import Engine, PreparedOperation

ROUNDS = 60
REPEATS = 5
TARGETS = {"attributes": 20, "batches": 8}


async def best_ms(run: Callable[[], Awaitable[Any]], rounds: int) -> tuple[float, Any]:
    """The least CPU time of one run in milliseconds, and the result of the run."""
    best_seconds, result = float("inf"), None
    for _ in range(rounds):
        started_at = time.process_time()
        for _ in range(REPEATS):
            result = await run()
        best_seconds = min(best_seconds, (time.process_time() - started_at) / REPEATS)
    return best_seconds * 1_000, result


async def compare(short: bool) -> bool:
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
        assert isinstance(prepared, PreparedOperation)
        return (await engine.execute(prepared, None, Context(Loaders()))).encode()

    passed, rounds = True, 1 if short else ROUNDS
    print(f"Python {sys.version.split()[0]}, one core, milliseconds with JSON")
    for name, query in QUERIES.items():
        theirs, expected = await best_ms(lambda query=query: strawberry_runs(query), rounds)  # type: ignore[misc] # bound now
        ours, answer = await best_ms(lambda query=query: engine_runs(query), rounds)  # type: ignore[misc] # bound now
        ratio, target = theirs / ours, TARGETS.get(name, 1)
        passed &= answer == expected and (short or ratio >= target)
        verdict = "" if answer == expected else "  ANSWERS DIFFER"
        print(f"{name:11} strawberry {theirs:7.3f}  ours {ours:7.4f}  {ratio:5.1f} x{verdict}")

    async def run_plain_python() -> bytes:
        return orjson.dumps(plain_python())

    floor, _ = await best_ms(run_plain_python, rounds)
    print(f"no GraphQL  {floor:.4f}")
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.execution", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    sys.exit(0 if uvloop.run(compare(parser.parse_args().short)) else 1)
