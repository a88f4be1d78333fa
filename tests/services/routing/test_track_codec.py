"""The encoding of tracks, their simplification and their polylines."""

import pytest

from models.geo_point import Point
from services.routing import track_codec
from services.routing.distances import distance_m
from tests.support.tracks import track_points


def test_a_track_needs_less_than_five_bytes_for_a_point() -> None:
    points = track_points(600)
    encoded = track_codec.encode(points)
    assert len(encoded) < 5 * len(points)
    for before, after in zip(points, track_codec.decode(encoded), strict=True):
        assert after.recorded_at == before.recorded_at
        assert distance_m(before.location, after.location) < 1


def test_chunks_of_several_processes_are_decoded_in_the_order_of_time() -> None:
    points = track_points(40)
    encoded = track_codec.encode(points[20:]) + track_codec.encode(points[:20])
    assert [point.recorded_at for point in track_codec.decode(encoded)] == [
        point.recorded_at for point in points
    ]


@pytest.mark.parametrize("length", [1, 3, -1])
def test_a_truncated_track_raises_an_error(length: int) -> None:
    with pytest.raises(ValueError, match="the line ends within"):
        track_codec.decode(track_codec.encode(track_points(30))[:length])


def test_a_simplified_line_keeps_its_corners_only() -> None:
    points = [point.location for point in track_points(600)]
    assert track_codec.simplify(points, 10) == [points[0], points[300], points[-1]]
    assert track_codec.simplify(points[:2], 10) == points[:2]


def test_a_polyline_is_encoded_as_map_libraries_read_it() -> None:
    """The example in the specification of the format."""
    points = [Point(38.5, -120.2), Point(40.7, -120.95), Point(43.252, -126.453)]
    assert track_codec.encode_polyline(points) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
