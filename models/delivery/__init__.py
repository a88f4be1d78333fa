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
    OfferAction,
    OfferStatus,
)
from models.delivery.reasons import (
    DeliveryOverrideReason,
    DeliveryProof,
    FailReason,
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
    "DeliveryOffer",
    "DeliveryOverrideReason",
    "DeliveryProof",
    "DeliveryStatus",
    "DeliveryTrack",
    "FailReason",
    "OfferAction",
    "OfferStatus",
]
