"""Fulfillments with their lines, substitutes, and what is put back on the shelf."""

from models.fulfillment.fulfillments import (
    UNPICKED_UNITS,
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    RejectReason,
)
from models.fulfillment.put_back_lines import PutBackLine, PutBackReason, PutBackWasteReason
from models.fulfillment.substitutes import Substitute, SubstituteAction, SubstituteStatus

__all__ = [
    "UNPICKED_UNITS",
    "Fulfillment",
    "FulfillmentAction",
    "FulfillmentLine",
    "FulfillmentLineStatus",
    "FulfillmentStatus",
    "PutBackLine",
    "PutBackReason",
    "PutBackWasteReason",
    "RejectReason",
    "Substitute",
    "SubstituteAction",
    "SubstituteStatus",
]
