"""Who serves a place: the nearest first, however the statement is carried out."""

import pytest
from sqlalchemy import text

from models.database import Database
from models.point import Point
from services import store as stores
from tests import city as cities


@pytest.mark.parametrize("nested", ["on", "off"])
async def test_stores_come_nearest_first_for_each_of_many_places(
    database: Database, nested: str
) -> None:
    towns = [await cities.build(database) for _ in range(3)]
    asked = [
        stores.Asked(Point(town.latitude + north, town.longitude + east), None, 5, None)
        for town in towns
        for north in (0.0, 0.004, -0.004)
        for east in (0.0, 0.006, -0.006)
    ]
    planned = text("select set_config('enable_nestloop', :nested, false)")
    async with database.public() as session:
        await session.execute(planned, {"nested": nested})
        try:
            found = await stores.coverages(session, asked)
        finally:
            await session.execute(planned, {"nested": "on"})
    assert any(len(one.serving) > 1 for one in found)
    for one in found:
        distances = [serving.distance_m for serving in one.serving]
        assert distances == sorted(distances)
