"""Who serves a place: the nearest first, however the statement is carried out."""

import pytest
from sqlalchemy import text

from database.sessions import Database
from models.geo_point import Point
from services.stores import coverage
from tests.support import city


@pytest.mark.parametrize("joins", ["on", "off"])
async def test_stores_come_nearest_first_for_each_of_many_places(
    database: Database, joins: str
) -> None:
    towns = [await city.build(database) for _ in range(3)]
    asked = [
        coverage.Asked(Point(store.latitude, store.longitude), None, 5, None)
        for town in towns
        for store in (town.near, town.next)
    ]
    # Without the others, tables are joined by merging, which orders the stores by their keys.
    others = "set_config('enable_hashjoin', :on, false), set_config('enable_nestloop', :on, false)"
    planned = text(f"select {others}")
    async with database.public() as session:
        await session.execute(planned, {"on": joins})
        try:
            found = await coverage.coverages(session, asked)
        finally:
            await session.execute(planned, {"on": "on"})
    assert any(len(one.serving) > 1 for one in found)
    for one in found:
        distances = [serving.distance_m for serving in one.serving]
        assert distances == sorted(distances)


def test_the_order_is_asked_for_and_not_hoped_for() -> None:
    """No plan over so few stores loses it; over a city's it was lost."""
    asked = " ".join(str(coverage.COVERING).split())
    assert asked.rpartition(" FROM ")[2].count("ORDER BY asked.nth, picked.standing") == 1
