"""Stores that deliver to a point: nearest first with every query plan."""

import pytest
from sqlalchemy import text

from database.sessions import Database
from models.geo_point import Point
from services.stores import coverage
from tests.support import city


@pytest.mark.parametrize("joins", ["on", "off"])
async def test_stores_come_nearest_first_for_each_of_many_points(
    database: Database, joins: str
) -> None:
    cities = [await city.build_city(database) for _ in range(3)]
    queries = [
        coverage.CoverageQuery(Point(store.latitude, store.longitude), None, 5, None)
        for shared_city in cities
        for store in (shared_city.near, shared_city.next)
    ]
    # Without these, PostgreSQL uses merge joins, which order the stores by their keys.
    settings = (
        "set_config('enable_hashjoin', :on, false), set_config('enable_nestloop', :on, false)"
    )
    set_joins = text(f"select {settings}")
    async with database.read_public() as session:
        await session.execute(set_joins, {"on": joins})
        try:
            coverages = await coverage.find_coverages(session, queries)
        finally:
            await session.execute(set_joins, {"on": "on"})
    assert any(len(each.serving_stores) > 1 for each in coverages)
    for each in coverages:
        distances = [serving.distance_m for serving in each.serving_stores]
        assert distances == sorted(distances)


def test_the_statement_orders_the_result_explicitly() -> None:
    """With few stores every plan keeps the order by chance; with many, it was lost."""
    statement = " ".join(str(coverage.STORES_COVERING).split())
    assert statement.rpartition(" FROM ")[2].count("ORDER BY query.nth, nearest.status_rank") == 1
