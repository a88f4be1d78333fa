"""The metrics endpoint: its figures, and who may read them."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from database.base import uuid7
from database.sessions import Database
from server.endpoints import metrics
from server.settings import read_settings
from services.core.histogram import Histogram
from tests.server.test_production import serve_app, unfrozen
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.city import build_city
from workflows.stock.reservation_batcher import ReservationBatcher

__all__ = ["unfrozen"]

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_development_shows_the_figures(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with serve_app("development", database_url, redis_url, tmp_path) as client:
        response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    values = samples(response.text)
    assert values["darkstore_queue_waiting", frozenset({("queue", "reservations")})] == 0
    assert values["darkstore_queue_shed_total", frozenset({("queue", "positions")})] == 0
    assert ("darkstore_connections_in_use", frozenset({("pool", "write")})) in values
    assert ("darkstore_stream_listeners", frozenset()) in values
    for verb in ("hold", "extend", "claim", "release", "expire"):
        assert ("darkstore_hold_units_total", frozenset({("verb", verb)})) in values


async def test_production_requires_the_token(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_app("production", database_url, redis_url, tmp_path) as client:
        assert (await client.get("/metrics")).status_code == 404
    monkeypatch.setitem(REQUIRED, "DARKSTORE_METRICS_TOKEN", "s3cret")
    assert read_settings({**REQUIRED, **SMS_ACCOUNT}).metrics_token == "s3cret"
    async with serve_app("production", database_url, redis_url, tmp_path) as client:
        for headers in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Bearer é"}):
            response = await client.get("/metrics", headers=_latin(headers))
            assert (response.status_code, response.text) == (401, "")
        authorized = {"authorization": "Bearer s3cret"}
        assert "darkstore_queue_waiting" in (await client.get("/metrics", headers=authorized)).text


def _latin(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def test_reservations_are_counted_by_batch_and_by_wait(database: Database) -> None:
    city = await build_city(database)
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    store = (city.company.id, city.near.id)
    for _ in range(3):
        await reservation_queue.reserve(*store, uuid7(), {city.products[0].id: 1}, 60)
    await reservation_queue.close()
    families = metrics._queues([reservation_queue])
    values = {
        (sample.name, sample.labels.get("le")): sample.value
        for family in families
        for sample in family.samples
    }
    assert values["darkstore_queue_requests_total", None] == 3
    assert values["darkstore_queue_batches_total", None] == 3
    assert values["darkstore_queue_batch_requests_bucket", "1.0"] == 3
    assert values["darkstore_queue_wait_seconds_bucket", "+Inf"] == 3
    assert 0 < values["darkstore_queue_wait_seconds_sum", None] < 30


def test_a_histogram_tells_the_bound_of_a_quantile() -> None:
    histogram = Histogram((1, 2, 4))
    assert (histogram.mean, histogram.quantile_bound(0.99)) == (None, None)
    for figure in (1, 1, 2, 3, 4, 9):
        histogram.add(figure)
    assert histogram.counts == [2, 1, 2, 1]
    assert (histogram.count, histogram.mean) == (6, 20 / 6)
    assert (
        histogram.quantile_bound(0.3),
        histogram.quantile_bound(0.5),
        histogram.quantile_bound(0.8),
    ) == (
        1,
        2,
        4,
    )
    assert histogram.quantile_bound(0.99) is None
