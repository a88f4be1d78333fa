"""Metrics of this process (queues, reservations, pools, streams) in Prometheus's text format.

Figures are read from the container at each scrape; nothing is counted a second time for it.
In production the endpoint exists only if a token is set, and requires that token.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resolvers.context import Container
from server.endpoints.paid_work import throttled
from server.rate_limit.budgets import CallerBudgets
from services.core.histogram import Histogram
from services.core.request_batcher import RequestBatcher
from subscriptions.engine.hub import Hub
from workflows.operations import read_reservation_stats

METRICS_PATH = "/metrics"
QUEUE = "darkstore_queue"
QUEUE_COUNTERS = {
    "batches": "Batches begun.",
    "requests": "Requests in batches; repeated ones count again.",
    "retried": "Requests repeated one by one after their batch failed.",
    "failed": "Requests that failed one by one, too.",
    "shed": "Requests refused because the queue was full.",
}


class ProcessMetrics(Collector):
    """Reads the figures of one container."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def collect(self) -> Iterator[Metric]:
        """All metric families with their present values."""
        container = self._container
        yield from _queues([container.reservation_queue, container.positions])
        yield from _reservations(container)
        yield _pools(container)
        if isinstance(container.streams, Hub):
            yield from _streams(container.streams)


def _queues(queues: list[RequestBatcher[Any, Any]]) -> Iterator[Metric]:
    for name, description in QUEUE_COUNTERS.items():
        counter = CounterMetricFamily(f"{QUEUE}_{name}", description, labels=["queue"])
        for queue in queues:
            counter.add_metric([queue.name], getattr(queue.counters, name))
        yield counter
    waiting = GaugeMetricFamily(
        f"{QUEUE}_waiting", "Requests that no batch has taken yet.", labels=["queue"]
    )
    for queue in queues:
        waiting.add_metric([queue.name], queue.waiting)
    yield waiting
    sizes = _histogram("batch_requests", "How many requests a batch had.")
    waits = _histogram("wait_seconds", "How long a request waited for its answer.")
    for queue in queues:
        sizes.add_metric([queue.name], *_cumulative(queue.counters.sizes))
        waits.add_metric([queue.name], *_cumulative(queue.counters.waits))
    yield sizes
    yield waits


def _histogram(name: str, description: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(f"{QUEUE}_{name}", description, labels=["queue"])


def _cumulative(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """The counts up to each bound, as the text format has them, and the sum of the values."""
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    total, buckets = 0, []
    for bound, count in zip(bounds, histogram.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets, histogram.total


def _reservations(container: Container) -> Iterator[Metric]:
    """What was done with the stock reservations of orders, by operation."""
    orders = CounterMetricFamily(
        "darkstore_hold_orders",
        "Orders whose reservations were made, extended, sold or released.",
        labels=["verb"],
    )
    units = CounterMetricFamily(
        "darkstore_hold_units",
        "Units whose reservations were made, extended, sold or released.",
        labels=["verb"],
    )
    for stats in read_reservation_stats(container.database):
        orders.add_metric([stats.name], stats.orders)
        units.add_metric([stats.name], stats.units)
    yield orders
    yield units


def _pools(container: Container) -> Metric:
    description = "Connections of a pool that are in use."
    pools = GaugeMetricFamily("darkstore_connections_in_use", description, labels=["pool"])
    database = container.database
    pool: Any = database.engine.pool
    pools.add_metric(["write"], pool.checkedout())
    pools.add_metric(["read"], database.scoped_pool.in_use + database.platform_pool.in_use)
    pools.add_metric(["catalog"], database.catalog_pool.in_use)
    return pools


def _streams(hub: Hub) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "darkstore_stream_listeners", "Listeners of subscriptions to streams.", hub.listener_count
    )
    yield CounterMetricFamily(
        "darkstore_stream_events_direct",
        "Events delivered without reading the event log.",
        hub.direct_event_count,
    )
    yield CounterMetricFamily(
        "darkstore_stream_log_reads", "Reads of the event log to fill a gap.", hub.log_read_count
    )
    yield GaugeMetricFamily(
        "darkstore_stream_carried",
        "Whether notices pass between processes (1) or not (0).",
        hub.connected,
    )


def metrics_routes(
    container: Container, is_public: bool, token: str, budgets: CallerBudgets
) -> list[Route]:
    """The endpoint, if it is public or has a token; a wrong token is a failed authentication."""
    if not is_public and not token:
        return []

    async def metrics(request: Request) -> Response:
        if token and not _has_token(request, token):
            client = request.client.host if request.client else ""
            if (rejected := budgets.failure_rejection(client)) is not None:
                return throttled(rejected).response()
            budgets.charge_failure(client)
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(ProcessMetrics(container))
        body = generate_latest(registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    return [Route(METRICS_PATH, metrics)]


def _has_token(request: Request, token: str) -> bool:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return secrets.compare_digest(bearer.encode(), token.encode())
