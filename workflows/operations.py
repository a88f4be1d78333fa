"""The queues of this process and what it does with holds, as operators look at them."""

from dataclasses import dataclass
from typing import Any

from database.sessions import Database
from services.core.request_batcher import Together
from services.stock.reservation_store import ORDERS, UNITS, VERBS


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of the process that answers, since that process started."""

    name: str
    waiting: int
    waiting_most: int
    batches: int
    requests: int
    retried: int
    failed: int
    shed: int
    mean_batch: float | None
    wait_p50_ms: float | None
    wait_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class HoldVerb:
    """What one verb did with units promised to orders, in committed units of work."""

    name: str
    orders: int
    units: int


@dataclass(frozen=True, slots=True)
class Operations:
    """What the process that answers is doing."""

    queues: list[Queue]
    holds: list[HoldVerb]


def look(database: Database, *queues: Together[Any, Any]) -> Operations:
    """How these queues stand now; waits are the bounds below which half, and 99 in 100, are."""
    return Operations([_seen(one) for one in queues], holds(database))


def holds(database: Database) -> list[HoldVerb]:
    """What this process did with holds since its start, verb by verb."""
    done = database.counted
    return [HoldVerb(one, done[one, ORDERS], done[one, UNITS]) for one in VERBS]


def _seen(queue: Together[Any, Any]) -> Queue:
    counters = queue.counters
    p50, p99 = counters.waits.bound(0.5), counters.waits.bound(0.99)
    return Queue(
        name=queue.name,
        waiting=queue.waiting,
        waiting_most=queue.waiting_most,
        batches=counters.batches,
        requests=counters.requests,
        retried=counters.retried,
        failed=counters.failed,
        shed=counters.shed,
        mean_batch=counters.sizes.mean,
        wait_p50_ms=p50 and p50 * 1_000,
        wait_p99_ms=p99 and p99 * 1_000,
    )
