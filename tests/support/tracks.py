"""Track points for tests, and the stored track of a delivery."""

from datetime import UTC, datetime, timedelta

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryTrack
from models.geo_point import Point
from services.routing.track_codec import TrackPoint
from tests.support.riders import METER

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def track_points(seconds: int) -> list[TrackPoint]:
    """A point per second, north with a bend to the east in the middle."""
    bend = seconds // 2
    return [
        TrackPoint(
            START + timedelta(seconds=n),
            Point(41.0 + min(n, bend) * 8 * METER, -8.6 + max(0, n - bend) * 8 * METER),
        )
        for n in range(seconds)
    ]


async def track_of(database: Database, delivery: Delivery) -> DeliveryTrack | None:
    async with database.read(PLATFORM) as session:
        track: DeliveryTrack | None = await session.get(DeliveryTrack, delivery.id)
    return track
