"""Stored tracks of deliveries: appended in chunks, drawn as polylines, deleted after a month.

A point within MIN_POINT_DISTANCE_M of the last one is left out until MAX_POINT_INTERVAL_SECONDS
have passed.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Integer, LargeBinary, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import MAX_TRACK_BYTES, DeliveryTrack
from services.core.problems import DomainError, range_problem
from services.routing import track_codec
from services.routing.distances import distance_m
from services.routing.track_codec import TrackPoint

MIN_POINT_DISTANCE_M = 5.0
MAX_POINT_INTERVAL_SECONDS = 30.0
MAX_POLYLINE_POINTS = 500
MIN_TOLERANCE_M = 1.0
MAX_TOLERANCE_M = 1_000.0

# Rows are written in the order of their keys, so two processes can't wait for each other.
_APPEND = prepared(
    text(
        """
    insert into delivery_track
        (delivery_id, company_id, line, point_count, first_recorded_at, last_recorded_at)
    select track.* from unnest(:deliveries, :companies, :lines, :points, :firsts, :lasts)
        as track (delivery, company, line, point_count, first_recorded_at, last_recorded_at)
    order by track.delivery
    on conflict (delivery_id) do update set
        line = delivery_track.line || excluded.line,
        point_count = delivery_track.point_count + excluded.point_count,
        first_recorded_at = least(delivery_track.first_recorded_at, excluded.first_recorded_at),
        last_recorded_at = greatest(delivery_track.last_recorded_at, excluded.last_recorded_at)
    where octet_length(delivery_track.line) + octet_length(excluded.line) <= :max_bytes
    """
    ).bindparams(
        *(bindparam(name, type_=ARRAY(Uuid)) for name in ("deliveries", "companies")),
        bindparam("lines", type_=ARRAY(LargeBinary)),
        bindparam("points", type_=ARRAY(Integer)),
        *(bindparam(name, type_=ARRAY(DateTime(timezone=True))) for name in ("firsts", "lasts")),
    )
)


async def append_points(
    session: AsyncSession, tracks: Sequence[tuple[UUID, UUID, Sequence[TrackPoint]]]
) -> None:
    """Append points to the tracks of deliveries: (delivery id, company id, points).

    Points that would make a track longer than MAX_TRACK_BYTES are not appended.
    """
    parameters: dict[str, Any] = {
        "deliveries": [delivery_id for delivery_id, _, _ in tracks],
        "companies": [company_id for _, company_id, _ in tracks],
        "lines": [track_codec.encode(points) for _, _, points in tracks],
        "points": [len(points) for _, _, points in tracks],
        "firsts": [points[0].recorded_at for _, _, points in tracks],
        "lasts": [points[-1].recorded_at for _, _, points in tracks],
        "max_bytes": MAX_TRACK_BYTES,
    }
    await session.execute(_APPEND, parameters)


def polyline(track: DeliveryTrack, tolerance_meters: float) -> str:
    """The track, simplified within a tolerance in metres, as an encoded polyline.

    It has at most MAX_POLYLINE_POINTS points. Raises DomainError: InvalidInput.
    """
    if not MIN_TOLERANCE_M <= tolerance_meters <= MAX_TOLERANCE_M:
        path = ["toleranceMeters"]
        raise DomainError(range_problem(path, MIN_TOLERANCE_M, MAX_TOLERANCE_M))
    points = [point.location for point in track_codec.decode(track.line)]
    simplified = track_codec.simplify(points, tolerance_meters)
    while len(simplified) > MAX_POLYLINE_POINTS:
        tolerance_meters *= 2
        simplified = track_codec.simplify(simplified, tolerance_meters)
    return track_codec.encode_polyline(simplified)


def length_meters(track: DeliveryTrack) -> int:
    """The length of the track in metres."""
    return round(track_codec.length_meters(track_codec.decode(track.line)))


def is_significant(last: TrackPoint | None, point: TrackPoint) -> bool:
    """Whether a point adds information to a track that ends at `last`."""
    if last is None:
        return True
    if (point.recorded_at - last.recorded_at).total_seconds() >= MAX_POINT_INTERVAL_SECONDS:
        return True
    return distance_m(last.location, point.location) >= MIN_POINT_DISTANCE_M
