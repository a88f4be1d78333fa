from datetime import datetime

from models.delivery import DeliveryTrack
from resolvers.delivery import tracks as resolve
from schema.backing import backed_by, column, field


@backed_by(DeliveryTrack, "The way that a ride took; kept for 30 days after its end.")
class DeliveryTrackType:
    polyline: str = field(
        resolve.polyline,
        "The way as an encoded polyline with five decimals, as map libraries draw it, with at most "
        "500 points. Some seconds behind the ride.",
        reads="",
    )
    length_m: int = field(resolve.length_m, "How long it is, in metres.", reads="")
    points: int = column("How many points are known of it.")
    first_at: datetime = column("When the first of them was.")
    last_at: datetime = column("When the last of them was.")
