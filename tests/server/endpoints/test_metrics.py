"""What a scraper gets, and who gets it."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from database.base import uuid7
from database.sessions import Database
from server.endpoints import metrics
from server.settings import settings_of
from services.core.histogram import Tally
from tests.server.test_production import served, unfrozen
from tests.server.test_settings import ACCOUNT, GIVEN
from tests.support.city import build
from workflows.stock.reservation_batcher import Combiner

__all__ = ["unfrozen"]

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


async def test_development_shows_the_figures(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with served("development", database_url, redis_url, tmp_path) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)
    assert found["darkstore_queue_waiting", frozenset({("queue", "combiner")})] == 0
    assert found["darkstore_queue_shed_total", frozenset({("queue", "positions")})] == 0
    assert ("darkstore_connections_in_use", frozenset({("pool", "write")})) in found
    assert ("darkstore_stream_listeners", frozenset()) in found
    for verb in ("hold", "extend", "claim", "release", "expire"):
        assert ("darkstore_hold_units_total", frozenset({("verb", verb)})) in found


async def test_production_shows_them_to_who_brings_the_token(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served("production", database_url, redis_url, tmp_path) as client:
        assert (await client.get("/metrics")).status_code == 404
    monkeypatch.setitem(GIVEN, "DARKSTORE_METRICS_TOKEN", "s3cret")
    assert settings_of({**GIVEN, **ACCOUNT}).metrics_token == "s3cret"
    async with served("production", database_url, redis_url, tmp_path) as client:
        for wrong in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Bearer é"}):
            refused = await client.get("/metrics", headers=_latin(wrong))
            assert (refused.status_code, refused.text) == (401, "")
        right = {"authorization": "Bearer s3cret"}
        assert "darkstore_queue_waiting" in (await client.get("/metrics", headers=right)).text


def _latin(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def test_holds_are_counted_by_batch_and_by_wait(database: Database) -> None:
    city = await build(database)
    combiner = Combiner(database)
    combiner.start()
    place = (city.company.id, city.near.id)
    for _ in range(3):
        await combiner.hold(*place, uuid7(), {city.products[0].id: 1}, 60)
    await combiner.close()
    families = metrics._queues([combiner])
    found = {
        (one.name, one.labels.get("le")): one.value for family in families for one in family.samples
    }
    assert found["darkstore_queue_requests_total", None] == 3
    assert found["darkstore_queue_batches_total", None] == 3
    assert found["darkstore_queue_batch_requests_bucket", "1.0"] == 3
    assert found["darkstore_queue_wait_seconds_bucket", "+Inf"] == 3
    assert 0 < found["darkstore_queue_wait_seconds_sum", None] < 30


def test_a_tally_answers_the_bound_below_which_a_share_is() -> None:
    tally = Tally((1, 2, 4))
    assert (tally.mean, tally.bound(0.99)) == (None, None)
    for figure in (1, 1, 2, 3, 4, 9):
        tally.add(figure)
    assert tally.counts == [2, 1, 2, 1]
    assert (tally.count, tally.mean) == (6, 20 / 6)
    assert (tally.bound(0.3), tally.bound(0.5), tally.bound(0.8)) == (1, 2, 4)
    assert tally.bound(0.99) is None
