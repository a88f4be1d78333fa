"""Fulfillments with their lines, substitutes, and what is put back on the shelf."""

from models.fulfillment.fulfillments import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentRejectReason,
    FulfillmentStatus,
)
from models.fulfillment.line_units import LineUnits, units_sql
from models.fulfillment.put_back_lines import PutBackLine, PutBackReason, PutBackWasteReason
from models.fulfillment.substitutes import Substitution, SubstitutionAction, SubstitutionStatus

__all__ = [
    "Fulfillment",
    "FulfillmentAction",
    "FulfillmentLine",
    "FulfillmentLineStatus",
    "FulfillmentRejectReason",
    "FulfillmentStatus",
    "LineUnits",
    "PutBackLine",
    "PutBackReason",
    "PutBackWasteReason",
    "Substitution",
    "SubstitutionAction",
    "SubstitutionStatus",
    "units_sql",
]
