"""Delivery zones in the database: validity, the 180th meridian, and how many points are stored."""

from math import cos, pi, sin
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.geo_point import Point
from models.identity import Actor, Grant, Role
from models.stores import InvalidZoneReason, Store, StoreZone
from services.core.problems import DomainError
from services.stores import zones
from services.stores.coverage import find_coverage
from services.stores.zone_shapes import InvalidZone
from tests.support.city import City, build_city
from tests.support.customers import ORIGIN, create_people


@pytest.fixture
async def own(database: Database) -> City:
    """A city of its own: its zone is changed."""
    return await build_city(database)


@pytest.fixture
async def owner(database: Database, own: City) -> Actor:
    (actor,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, own.company.id))
    return actor


async def set_zone(database: Database, actor: Actor, store: Store, *rings: Any) -> None:
    area = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    async with database.write(PLATFORM, ORIGIN) as session:
        await zones.set_zone(session, actor=actor, store_id=store.id, area=area)


async def refusal(database: Database, actor: Actor, store: Store, *rings: Any) -> InvalidZone:
    with pytest.raises(DomainError) as caught:
        await set_zone(database, actor, store, *rings)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidZone)
    return problem


async def count_points(database: Database, store: Store) -> int:
    area = func.geometry(StoreZone.area)
    async with database.read(PLATFORM) as session:
        count = await session.scalar(
            select(func.ST_NPoints(area)).where(StoreZone.store_id == store.id)
        )
    return count or 0


async def move_to(database: Database, store: Store, latitude: float, longitude: float) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        moved = update(Store).where(Store.id == store.id)
        await session.execute(moved.values(latitude=latitude, longitude=longitude))


async def covers(database: Database, store: Store, latitude: float, longitude: float) -> bool:
    async with database.read(PLATFORM) as session:
        point = Point(latitude, longitude)
        found = await find_coverage(session, point, company_id=store.company_id)
    return any(one.store.id == store.id for one in found.serving_stores)


def ring_around(store: Store, points: int, *radii: float) -> list[list[float]]:
    """A ring around a store; several radii make a star."""
    ring = []
    for nth in range(points):
        radius, angle = radii[nth % len(radii)], 2 * pi * nth / points
        ring.append([store.longitude + radius * cos(angle), store.latitude + radius * sin(angle)])
    return [*ring, ring[0]]


def box(west: float, east: float, south: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


async def test_a_zone_over_the_180th_meridian_is_served_on_both_sides(
    database: Database, own: City, owner: Actor
) -> None:
    """Drawn as one ring with a jump, beyond 180, or in two parts as RFC 7946 asks for."""
    store, south = own.near, -17.0
    await move_to(database, store, south + 0.05, 179.99)
    drawn = [
        [box(179.9, -179.9, south, south + 0.1)],
        [box(179.9, 180.1, south, south + 0.1)],
        [box(179.9, 180, south, south + 0.1), box(-180, -179.9, south, south + 0.1)],
    ]
    for rings in drawn:
        await set_zone(database, owner, store, *rings)
        for longitude in (179.95, -179.95):
            assert await covers(database, store, south + 0.05, longitude), rings
        assert not await covers(database, store, south + 0.05, 0.0)


async def test_a_ring_that_crosses_itself_names_the_place(
    database: Database, own: City, owner: Actor
) -> None:
    x, y = own.near.longitude, own.near.latitude
    bow = [[x, y], [x + 0.02, y + 0.02], [x + 0.02, y], [x, y + 0.02], [x, y]]
    good = box(x - 0.03, x - 0.02, y, y + 0.02)
    problem = await refusal(database, owner, own.near, good, bow)
    assert problem.reason is InvalidZoneReason.INVALID_SHAPE
    assert problem.place is not None
    assert (problem.place.polygon, problem.place.ring, problem.place.point) in {
        (1, 0, 0),
        (1, 0, 2),
    }


async def test_swapped_positions_are_told_from_a_zone_that_is_far(
    database: Database, own: City, owner: Actor
) -> None:
    x, y = own.near.longitude, own.near.latitude
    swapped = await refusal(database, owner, own.near, box(y, y + 0.02, x, x + 0.02))
    assert swapped.reason is InvalidZoneReason.SWAPPED_COORDINATES
    far = await refusal(database, owner, own.near, box(x + 3, x + 3.02, y, y + 0.02))
    assert far.reason is InvalidZoneReason.TOO_FAR


async def test_a_place_with_swapped_degrees_gets_a_hint(database: Database, own: City) -> None:
    async with database.read(PLATFORM) as session:
        for point, hint in (
            (Point(own.near.longitude, own.near.latitude), True),
            (Point(-own.near.latitude, own.near.longitude), False),
        ):
            found = await find_coverage(session, point, company_id=own.company.id)
            assert ("swapped" in str(found.not_serviceable_error())) is hint


async def test_a_detailed_zone_is_simplified_and_a_star_refused(
    database: Database, own: City, owner: Actor
) -> None:
    """2,900 points of a round zone are not needed; a star of 2,900 would slow down storefronts."""
    store = own.near
    await set_zone(database, owner, store, ring_around(store, 2_900, 0.02))
    assert 20 < await count_points(database, store) <= zones.MAX_ZONE_POINTS
    for share, inside in ((0.99, True), (1.01, False)):
        latitude = store.latitude + 0.02 * share
        assert await covers(database, store, latitude, store.longitude) is inside
    problem = await refusal(database, owner, store, ring_around(store, 2_900, 0.02, 0.01))
    assert problem.reason is InvalidZoneReason.TOO_MANY_POINTS
    assert "simplified by 50 m, this one has 2" in problem.message


async def test_a_simple_zone_is_stored_as_it_was_drawn(
    database: Database, own: City, owner: Actor
) -> None:
    ring = ring_around(own.near, zones.MAX_ZONE_POINTS - 1, 0.02)
    await set_zone(database, owner, own.near, ring)
    async with database.read(PLATFORM) as session:
        (zone,) = await zones.zones_of_stores(session, [own.near.id])
    assert zone is not None
    ((stored,),) = zone["coordinates"]
    assert stored == [pytest.approx(position, abs=1e-6) for position in ring]
