"""Shapes of delivery zones as people and programs send them."""

from math import cos, pi, radians, sin
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.stores import InvalidZoneReason
from services.core.geo_points import SWAPPED, parse_point
from services.core.problems import DomainError
from services.stores.zone_shapes import InvalidZone, Polygons, parse_polygons, place_near

SQUARE = [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1], [0.0, 0.1], [0.0, 0.0]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE]}


def refusal(area: Any) -> InvalidZone:
    with pytest.raises(DomainError) as caught:
        parse_polygons(area)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidZone)
    return problem


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.mark.parametrize(
    "area",
    [
        POLYGON,
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        {"type": "Feature", "properties": {"name": "x"}, "geometry": POLYGON},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POLYGON}]},
        {"type": "GeometryCollection", "geometries": [POLYGON]},
    ],
)
def test_a_pasted_feature_is_understood(area: Any) -> None:
    """Drawing tools give a FeatureCollection; its polygons are the zone."""
    assert parse_polygons(area) == [[[tuple(position) for position in SQUARE]]]


@pytest.mark.parametrize(
    "area",
    [
        {"type": "FeatureCollection", "features": []},
        {"type": "Feature", "geometry": None},
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": SQUARE}},
        {"type": "FeatureCollection", "features": "x"},
    ],
)
def test_a_feature_without_a_polygon_is_refused_with_a_hint(area: Any) -> None:
    problem = refusal(area)
    assert problem.reason is InvalidZoneReason.MALFORMED
    assert "Polygon" in problem.message or "polygons" in problem.message


def test_collections_in_collections_have_an_end() -> None:
    """A thousand collections in each other are no unexpected error."""
    area: dict[str, Any] = POLYGON
    for _ in range(1_000):
        area = {"type": "GeometryCollection", "geometries": [area]}
    assert refusal(area).reason is InvalidZoneReason.MALFORMED


def test_a_ring_open_at_the_ninth_decimal_is_closed() -> None:
    """Programs round the last position otherwise than the first."""
    ((ring,),) = parse_polygons(polygon([*SQUARE[:-1], [0.000000001, -0.000000001]]))
    assert ring[0] == ring[-1] == (0.0, 0.0)


def test_faults_name_their_ring_and_place() -> None:
    hole = [[0.01, 0.01], [0.02, 0.01], [0.02, 0.02], [0.01, 0.011]]
    problem = refusal(polygon(SQUARE, hole))
    assert problem.reason is InvalidZoneReason.OPEN_RING
    place = problem.place
    assert place is not None
    assert (place.polygon, place.ring, place.point) == (0, 1, 3)
    assert "point 3 of ring 1 of polygon 0 [0.01, 0.011]" in problem.message
    assert "point 2 of ring 0 of polygon 0" in refusal(polygon([[0, 0], [1, 0], [1, "x"]])).message


def test_swapped_positions_get_a_hint() -> None:
    """Hong Kong is at 22.3 N, 114.2 E: a latitude of 114 is a longitude."""
    problem = refusal(polygon([[22.3, 114.2], [22.4, 114.2], [22.4, 114.3], [22.3, 114.2]]))
    assert problem.reason is InvalidZoneReason.SWAPPED_COORDINATES
    assert "Longitude comes first." in problem.message
    with pytest.raises(DomainError) as caught:
        parse_point(114.2, 22.3, "input", "at")
    assert SWAPPED in str(caught.value)


@pytest.mark.parametrize("edge", [[[0, 0], [180, 0]], [[0, 10], [180, -10]], [[-90, 0], [90, 0]]])
def test_an_edge_between_antipodes_is_a_fault(edge: list[list[float]]) -> None:
    """It has no direction on a sphere; the database raises an error for it."""
    problem = refusal(polygon([*edge, [10, 40], edge[0]]))
    assert problem.reason is InvalidZoneReason.TOO_LARGE
    assert problem.place is not None


@pytest.mark.parametrize(
    "ring",
    [
        [[179.9, 0], [-179.9, 0], [-179.9, 0.1], [179.9, 0.1], [179.9, 0]],
        [[179.9, 0], [180.1, 0], [180.1, 0.1], [179.9, 0.1], [179.9, 0]],
        [[-180.1, 0], [-179.9, 0], [-179.9, 0.1], [-180.1, 0.1], [-180.1, 0]],
    ],
)
def test_a_zone_over_the_180th_meridian_has_no_jump(ring: list[list[float]]) -> None:
    """Whichever way a program writes the longitudes, the zone is 0.2 degrees wide."""
    ((laid_out,),) = parse_polygons(polygon(ring))
    longitudes = [x for x, _ in laid_out]
    assert max(longitudes) - min(longitudes) == pytest.approx(0.2)
    assert laid_out[0] == laid_out[-1]


SHAPES = st.tuples(
    st.floats(-180, 180), st.floats(-80, 80), st.floats(0.001, 1), st.integers(3, 40)
)


def circle(longitude: float, latitude: float, radius: float, points: int) -> list[list[float]]:
    """A ring around a place, wrapped at the 180th meridian as RFC 7946 has it."""
    ring = []
    for nth in range(points):
        angle = 2 * pi * nth / points
        x = longitude + radius * cos(angle) / cos(radians(latitude))
        ring.append([(x + 180) % 360 - 180, latitude + radius * sin(angle)])
    return [*ring, ring[0]]


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(SHAPES, st.integers(0, 39))
def test_a_ring_anywhere_has_its_shape_and_its_places(
    shape: tuple[float, float, float, int], nth: int
) -> None:
    """Wherever a ring is, it is as wide as at Greenwich, and a place leads back to its index."""
    longitude, latitude, radius, points = shape
    sent = circle(longitude, latitude, radius, points)
    polygons: Polygons = parse_polygons(polygon(sent))
    ((ring,),) = polygons
    width = max(x for x, _ in ring) - min(x for x, _ in ring)
    assert width <= 2 * radius / cos(radians(latitude)) + 1e-6
    assert all((x - was + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
               for (x, _), (was, _) in zip(ring, sent, strict=True))  # fmt: skip
    x, y = ring[nth % points]
    place = place_near(polygons, x, y)
    found = ring[place.point], ring[min(place.point + 1, points)]
    assert (x, y) in found


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-400, 400) | st.text(max_size=3),
    lambda values: st.lists(values, max_size=5),
    max_leaves=20,
)
KINDS = st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection", "Point"])


@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(KINDS, JSON)
def test_no_coordinates_are_an_unexpected_error(kind: str, value: Any) -> None:
    """Anything is a shape, or a fault of it."""
    area = {"type": kind, "coordinates": value, "geometry": value, "features": value}
    try:
        parse_polygons(area)
    except DomainError as error:
        faults = {getattr(problem, "reason", None) for problem in error.problems}
        assert faults <= set(InvalidZoneReason), faults
