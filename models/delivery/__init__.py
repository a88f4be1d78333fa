"""Deliveries, their offers to riders, their tracks, and the reasons of what happens to them."""

from models.delivery.deliveries import (
    FINAL_DELIVERY_STATUSES,
    OPEN_DELIVERY_SQL,
    TRACKED_STATUSES,
    Delivery,
    DeliveryAction,
    DeliveryStatus,
)
from models.delivery.offers import (
    DeliveryOffer,
    DeliveryOfferAction,
    DeliveryOfferStatus,
)
from models.delivery.reasons import (
    DeliveryFailureReason,
    DeliveryOverrideReason,
    DeliveryProof,
)
from models.delivery.tracks import (
    MAX_TRACK_BYTES,
    DeliveryTrack,
)

__all__ = [
    "FINAL_DELIVERY_STATUSES",
    "MAX_TRACK_BYTES",
    "OPEN_DELIVERY_SQL",
    "TRACKED_STATUSES",
    "Delivery",
    "DeliveryAction",
    "DeliveryFailureReason",
    "DeliveryOffer",
    "DeliveryOfferAction",
    "DeliveryOfferStatus",
    "DeliveryOverrideReason",
    "DeliveryProof",
    "DeliveryStatus",
    "DeliveryTrack",
]
