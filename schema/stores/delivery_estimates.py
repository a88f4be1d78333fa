from datetime import datetime

from schema.backing import backed_by, column
from schema.fields import money_field
from schema.scalars import MoneyType
from services.stores import delivery_estimates


@backed_by(
    delivery_estimates.DeliveryEstimate,
    "How soon an order placed now would be at the door.",
    name="Promise",
)
class DeliveryEstimateType:
    p50_seconds: int = column("Half of such orders arrive within so many seconds.")
    p90_seconds: int = column("Nine of ten such orders arrive within so many seconds.")
    distance_m: int = column("From the store to the door in a straight line, in metres.")
    fee: MoneyType = money_field("fee_minor", "The fee for delivery, before any free delivery.")
    expires_at: datetime = column("Until when it can be counted on.")
