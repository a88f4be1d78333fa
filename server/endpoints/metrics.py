"""What a scraper reads, in the text format of Prometheus: this process's queues, streams, pools.

Figures are read off the house when they are asked for; nothing is counted twice to be shown.
In production the endpoint exists only when a token is set, and answers only who brings it.
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

from resolvers.context import House
from services.core.histogram import Tally
from services.core.request_batcher import Together
from subscriptions.engine.hub import Hub
from workflows.operations import holds

METRICS_PATH = "/metrics"
QUEUE = "darkstore_queue"
COUNTED = {
    "batches": "Batches begun.",
    "requests": "Requests in them; those tried again count again.",
    "retried": "Requests tried again one by one, as their batch had failed.",
    "failed": "Requests that failed by themselves, too.",
    "shed": "Requests refused because the queue was full.",
}


class HouseCollector(Collector):
    """Reads the figures of one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """Every family of figures, as it stands now."""
        house = self._house
        yield from _queues([house.combiner, house.positions])
        yield from _holds(house)
        yield _pools(house)
        if isinstance(house.streams, Hub):
            yield from _streams(house.streams)


def _queues(queues: list[Together[Any, Any]]) -> Iterator[Metric]:
    for name, about in COUNTED.items():
        counter = CounterMetricFamily(f"{QUEUE}_{name}", about, labels=["queue"])
        for one in queues:
            counter.add_metric([one.name], getattr(one.counters, name))
        yield counter
    waiting = GaugeMetricFamily(
        f"{QUEUE}_waiting", "Requests that no worker has taken yet.", labels=["queue"]
    )
    for one in queues:
        waiting.add_metric([one.name], one.waiting)
    yield waiting
    sizes = _histogram("batch_requests", "How many requests a batch had.")
    waits = _histogram("wait_seconds", "How long a request waited for its answer.")
    for one in queues:
        sizes.add_metric([one.name], *_cumulated(one.counters.sizes))
        waits.add_metric([one.name], *_cumulated(one.counters.waits))
    yield sizes
    yield waits


def _histogram(name: str, about: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(f"{QUEUE}_{name}", about, labels=["queue"])


def _cumulated(tally: Tally) -> tuple[list[tuple[str, float]], float]:
    """The counts up to each bound, as the format wants them, and the sum of the figures."""
    bounds = [*(str(float(bound)) for bound in tally.bounds), "+Inf"]
    seen, buckets = 0, []
    for bound, count in zip(bounds, tally.counts, strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    return buckets, tally.total


def _holds(house: House) -> Iterator[Metric]:
    """What was done with units promised to orders, verb by verb."""
    orders = CounterMetricFamily(
        "darkstore_hold_orders",
        "Orders whose units were held, kept longer, claimed, let go.",
        labels=["verb"],
    )
    units = CounterMetricFamily(
        "darkstore_hold_units", "Units held, kept longer, claimed, let go.", labels=["verb"]
    )
    for one in holds(house.database):
        orders.add_metric([one.name], one.orders)
        units.add_metric([one.name], one.units)
    yield orders
    yield units


def _pools(house: House) -> Metric:
    about = "Connections of a pool that are in use."
    pools = GaugeMetricFamily("darkstore_connections_in_use", about, labels=["pool"])
    database = house.database
    pool: Any = database.engine.pool
    pools.add_metric(["write"], pool.checkedout())
    pools.add_metric(["read"], database.scoped.in_use + database.platform.in_use)
    pools.add_metric(["catalog"], database.catalog.in_use)
    return pools


def _streams(hub: Hub) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "darkstore_stream_listeners", "Places of subscriptions in streams.", hub.listeners
    )
    yield CounterMetricFamily(
        "darkstore_stream_events_direct", "Events handed on without reading.", hub.told_directly
    )
    yield CounterMetricFamily(
        "darkstore_stream_log_reads", "Reads of the event log for a gap.", hub.log_reads
    )
    yield GaugeMetricFamily(
        "darkstore_stream_carried", "Whether hints pass between processes (1) or not.", hub.carried
    )


def metrics_routes(open_to_all: bool, token: str) -> list[Route]:
    """The endpoint; none at all in production without a token."""
    if not open_to_all and not token:
        return []

    async def metrics(request: Request) -> Response:
        if token and not _brings(request, token):
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(HouseCollector(request.app.state.house))
        body = generate_latest(registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    return [Route(METRICS_PATH, metrics)]


def _brings(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return secrets.compare_digest(given.encode(), token.encode())
