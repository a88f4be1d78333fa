"""Measures document limits and rate limits: `python -m benchmarks.limits [--redis URL]`.

Prints the CPU time to refuse each malicious document with the bytes of the answer, the CPU time to
prepare the largest allowed documents, and the CPU time that rate limiting adds to a request.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from execution import Answer, Engine, PreparedOperation
from models.identity import Actor, Grant, Role
from schema.root import graph
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.rate_limit.redis_sync import RedisBucketSync
from services.core.rate_limiter import CostReservation, RateLimiter
from tests.support.execution import shop_schema
from tests.support.execution.malicious_documents import LARGEST_ALLOWED, malicious_documents

ROUNDS = 20_000
ATTEMPTS = 5
SHORT_ROUNDS = 200


def least_cpu_ms(work: Callable[[], Any], attempts: int) -> float:
    """The least CPU milliseconds of several attempts."""
    times = []
    for _ in range(attempts):
        started_at = time.process_time()
        work()
        times.append(time.process_time() - started_at)
    return min(times) * 1_000


def print_refusals(attempts: int) -> None:
    print(f"{'refused document':<34}{'ms CPU':>8}{'bytes':>8}")
    for name, query in malicious_documents():
        engine = Engine(graph)
        cpu_ms = least_cpu_ms(partial(engine.prepare, query), attempts)
        refused = engine.prepare(query)
        assert isinstance(refused, Answer)
        print(f"{name:<34}{cpu_ms:>8.2f}{len(refused.encode()):>8}")


def print_largest_allowed(attempts: int) -> None:
    print(f"\n{'largest allowed document':<34}{'ms CPU':>8}")
    for name, query in LARGEST_ALLOWED.items():
        cpu_ms = least_cpu_ms(partial(prepare_uncached, query), attempts)
        print(f"{name:<34}{cpu_ms:>8.2f}")


def prepare_uncached(query: str) -> None:
    """Prepare an allowed document with a new engine, whose cache is empty."""
    assert isinstance(Engine(shop_schema.schema).prepare(query), PreparedOperation)


class Caller:
    """The attributes of a context that the engine uses."""

    def __init__(self) -> None:
        self.actor = Actor(uuid4(), uuid4(), (Grant(Role.STORE_STAFF, uuid4(), uuid4()),))
        self.address = "203.0.113.9"
        self.extensions: dict[str, Any] = {}
        self.charged = 0


async def print_rate_limit(rounds: int, attempts: int) -> None:
    """The smallest query with and without rate limits of a person and a company."""
    unlimited = GraphQLEngine(graph)
    limited = GraphQLEngine(graph, budgets=CallerBudgets(sizes=CallerBucketSizes.of(1_000_000)))
    callers = [Caller() for _ in range(200)]
    least_ms: dict[str, float] = {}
    for _ in range(attempts):
        for name, engine in (("unlimited", unlimited), ("limited", limited)):
            prepared = engine.prepare("{ schemaVersion }")
            assert isinstance(prepared, PreparedOperation)
            started_at = time.process_time()
            for number in range(rounds):
                await engine.execute(prepared, None, callers[number % len(callers)])
            cpu_ms = (time.process_time() - started_at) / rounds * 1_000
            least_ms[name] = min(cpu_ms, least_ms.get(name, cpu_ms))
    added_ms = least_ms["limited"] - least_ms["unlimited"]
    print(f"\nrate limit of a request: {added_ms:.4f} ms CPU")


async def print_redis_sync(redis_url: str, buckets: int) -> None:
    """Reserve from many buckets and report them to Redis in one round trip."""
    limiter = RateLimiter()
    redis_sync = RedisBucketSync([limiter], redis_url)
    limiter.set_reporting(True)
    sizes = CallerBucketSizes.of(1_000)
    started_at = time.process_time()
    for _ in range(ATTEMPTS):
        for number in range(buckets):
            reserved = limiter.reserve([(f"bench:{number}", sizes.person)], 100)
            assert isinstance(reserved, CostReservation)
        assert await redis_sync.sync()
    cpu_ms = (time.process_time() - started_at) / ATTEMPTS / buckets * 1_000
    await redis_sync.close()
    print(f"reserved and reported, {buckets} buckets a sync: {cpu_ms:.4f} ms CPU a bucket")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.limits", description=__doc__)
    parser.add_argument("--redis", metavar="URL", help="measure the report to this server, too")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    attempts = 1 if chosen.short else ATTEMPTS
    print_refusals(attempts)
    print_largest_allowed(attempts)
    asyncio.run(print_rate_limit(SHORT_ROUNDS if chosen.short else ROUNDS, attempts))
    if chosen.redis:
        asyncio.run(print_redis_sync(chosen.redis, 500))
