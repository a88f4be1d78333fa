"""`python -m benchmarks.limits`: CPU per refusal and per allowance, and the bytes answered."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from execution import Answer, Engine, Prepared
from models.identity import Actor, Grant, Role
from schema.root import graph
from server.graphql_engine import HouseEngine
from server.rate_limit import Allowances, Held, Ledger, Sizes
from tests.execution.test_limits import documents

ROUNDS = 20_000
ATTEMPTS = 5


def timed(work: Callable[[], Any]) -> float:
    """The least CPU milliseconds of several attempts."""
    times = []
    for _ in range(ATTEMPTS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) * 1_000


def refusals() -> None:
    print(f"{'document':<34}{'ms CPU':>8}{'bytes':>8}")
    for name, query in documents():
        engine = Engine(graph)
        least = timed(partial(engine.prepare, query))
        refused = engine.prepare(query)
        assert isinstance(refused, Answer)
        print(f"{name:<34}{least:>8.2f}{len(refused.encode()):>8}")


class Caller:
    """As much of a context as the engine looks at."""

    def __init__(self) -> None:
        self.actor = Actor(uuid4(), uuid4(), (Grant(Role.STORE_STAFF, uuid4(), uuid4()),))
        self.address = "203.0.113.9"
        self.extensions: dict[str, Any] = {}


async def allowance() -> None:
    """The smallest query, with and without buckets: a person's and a company's."""
    free = HouseEngine(graph)
    paid = HouseEngine(graph, allowances=Allowances(), sizes=Sizes.of(1_000_000))
    people = [Caller() for _ in range(200)]
    taken: dict[str, float] = {}
    for _ in range(ATTEMPTS):
        for name, engine in (("free", free), ("paid", paid)):
            prepared = engine.prepare("{ schemaVersion }")
            assert isinstance(prepared, Prepared)
            began = time.process_time()
            for number in range(ROUNDS):
                await engine.execute(prepared, None, people[number % len(people)])
            spent = (time.process_time() - began) / ROUNDS * 1_000
            taken[name] = min(spent, taken.get(name, spent))
    print(f"\nallowance of a request: {taken['paid'] - taken['free']:.4f} ms CPU")


async def ledger(redis_url: str, buckets: int) -> None:
    """One trip for many buckets."""
    allowances = Allowances()
    told = Ledger(allowances, redis_url)
    allowances.told = True
    sizes = Sizes.of(1_000)
    began = time.process_time()
    for _ in range(ATTEMPTS):
        for number in range(buckets):
            held = allowances.hold([(f"bench:{number}", sizes.person)], 100)
            assert isinstance(held, Held)
        assert await told.tell()
    spent = (time.process_time() - began) / ATTEMPTS / buckets * 1_000
    await told.close()
    print(f"held and told, {buckets} buckets a tick: {spent:.4f} ms CPU a bucket")


if __name__ == "__main__":
    import sys

    refusals()
    asyncio.run(allowance())
    if len(sys.argv) > 1:
        asyncio.run(ledger(sys.argv[1], 500))
