from datetime import datetime

from models.delivery import DeliveryTrack
from resolvers.delivery import tracks as resolve
from schema.backing import backed_by, column, field


@backed_by(DeliveryTrack, "The track of a delivery; stored for 30 days after its end.")
class DeliveryTrackType:
    polyline: str | None = field(
        resolve.polyline,
        "The track as an encoded polyline with five decimals and at most 500"
        " points. It may lack the last seconds.",
        reads="",
    )
    length_meters: int = field(resolve.length_meters, "Its length in metres.", reads="")
    point_count: int = column("Number of recorded points.")
    first_recorded_at: datetime = column("Time of the first point.")
    last_recorded_at: datetime = column("Time of the last point.")
