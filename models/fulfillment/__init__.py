"""Fulfillments with their lines, substitutes, and what is put back on the shelf."""

from models.fulfillment.fulfillments import (
    UNPICKED_UNITS,
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentRejectReason,
    FulfillmentStatus,
)
from models.fulfillment.put_back_lines import PutBackLine, PutBackReason, PutBackWasteReason
from models.fulfillment.substitutes import Substitution, SubstitutionAction, SubstitutionStatus

__all__ = [
    "UNPICKED_UNITS",
    "Fulfillment",
    "FulfillmentAction",
    "FulfillmentLine",
    "FulfillmentLineStatus",
    "FulfillmentRejectReason",
    "FulfillmentStatus",
    "PutBackLine",
    "PutBackReason",
    "PutBackWasteReason",
    "Substitution",
    "SubstitutionAction",
    "SubstitutionStatus",
]
