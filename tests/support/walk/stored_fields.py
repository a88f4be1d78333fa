"""Where the personal data of the graph is stored."""

import re
from typing import Any

import schema.root  # noqa: F401 - it declares all types
from models.accounts import User
from models.identity import SignInSession
from models.orders import Order
from schema.backing import BACKING
from tests.support.walk.rules import PLACE

MODELS = {kind.__name__.removesuffix("Type"): model for kind, model in BACKING.items()}
STORED: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "RecalledOrder.customerName": (Order, ("customer_name",)),
    "Rider.name": (User, ("name",)),
    "Order.location": (Order, PLACE),
    "RiderLocation.latitude": (MODELS["RiderLocation"], PLACE),
    "RiderLocation.longitude": (MODELS["RiderLocation"], PLACE),
    "Delivery.dropoffLocation": (MODELS["Delivery"], PLACE),
    "Address.location": (MODELS["Address"], ()),
    "Session.deviceName": (SignInSession, ("device",)),
    "Session.ipAddress": (SignInSession, ("address",)),
    "Order.pickupCode": (Order, ("delivery_pin",)),
    "DeliveryTrack.polyline": (MODELS["DeliveryTrack"], ("line",)),
    "Invitation.phone": (MODELS["Invitation"], ("email",)),  # it has one of the two
}
"""Where fields are stored that have another name than their column."""
OBJECTS = {
    "AddressSavePayload.address", "AddressRemovePayload.address", "Rider.location",
    "Delivery.riderLocation", "OrderTracked.riderLocation", "Delivery.track",
}  # fmt: skip
"""Fields that return an object whose fields are in the table, or which has no value to mark."""


def stored(field: str) -> tuple[type[Any], tuple[str, ...]]:
    """The model and the columns of a field."""
    kind, _, name = field.partition(".")
    column = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return STORED.get(field) or (MODELS[kind], (column,))
