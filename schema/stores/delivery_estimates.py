from datetime import datetime

from schema.backing import backed_by, column
from schema.fields import money_field
from schema.scalars import MoneyType
from services.stores import delivery_estimates


@backed_by(
    delivery_estimates.DeliveryEstimate,
    "Estimated delivery time and fee of an order placed now.",
)
class DeliveryEstimateType:
    p50_seconds: int = column("Half of such orders arrive within this number of seconds.")
    p90_seconds: int = column("Nine of ten such orders arrive within this number of seconds.")
    dropoff_distance_meters: int = column("Straight-line distance from the store, in metres.")
    fee: MoneyType = money_field("fee_minor", "The fee for delivery, before any free delivery.")
    expires_at: datetime = column("Time until which the estimate is valid.")
