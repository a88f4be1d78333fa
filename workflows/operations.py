"""Statistics of this process for operators: its request queues and its stock reservations."""

from dataclasses import dataclass
from typing import Any

from database.sessions import Database
from services.core.request_batcher import RequestBatcher
from services.stock.reservation_store import OPERATIONS, ORDERS, UNITS


@dataclass(frozen=True, slots=True)
class RequestQueueStats:
    """One request queue of this process, counted since the process started."""

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
class ReservationStats:
    """Orders and units that one reservation operation handled in committed transactions."""

    name: str
    orders: int
    units: int


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """Statistics of the process that answers the request."""

    queues: list[RequestQueueStats]
    holds: list[ReservationStats]


def read_process_stats(database: Database, *queues: RequestBatcher[Any, Any]) -> ProcessStats:
    """Statistics of these queues and of the reservations; waits are histogram bucket bounds."""
    return ProcessStats([_queue_stats(queue) for queue in queues], read_reservation_stats(database))


def read_reservation_stats(database: Database) -> list[ReservationStats]:
    """What this process did with reservations since its start, by operation."""
    counts = database.activity_counts
    return [
        ReservationStats(operation, counts[operation, ORDERS], counts[operation, UNITS])
        for operation in OPERATIONS
    ]


def _queue_stats(queue: RequestBatcher[Any, Any]) -> RequestQueueStats:
    counters = queue.counters
    p50, p99 = counters.waits.quantile_bound(0.5), counters.waits.quantile_bound(0.99)
    return RequestQueueStats(
        name=queue.name,
        waiting=queue.waiting,
        waiting_most=queue.max_waiting,
        batches=counters.batches,
        requests=counters.requests,
        retried=counters.retried,
        failed=counters.failed,
        shed=counters.shed,
        mean_batch=counters.sizes.mean,
        wait_p50_ms=p50 and p50 * 1_000,
        wait_p99_ms=p99 and p99 * 1_000,
    )
