"""Personal data in the graph: for whom each such field is.

The rules are enforced where `docs/invariants.md` says. This table names every field that carries
personal data, so that a new one can't be added without a decision for whom it is: a test compares
the table with the schema, and a walk asks each field as everybody, by every way in.
"""

from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see personal data, and the rule of the walk that checks it."""

    rule: str
    """The rule's name in `tests/support/walk/rules.py`; empty where only the caller's own data is
    returned."""
    who: str
    fields: tuple[str, ...]


AUDIENCES = (
    Audience(
        "",
        "the signed-in person, of themselves",
        (
            "Viewer.name",
            "Viewer.phone",
            "Viewer.email",
            "Customer.addresses",
            "SignedInPayload.deviceToken",
            "RiderLocationReportPayload.position",
            "RiderLocationReportBatchPayload.position",
        ),
    ),
    Audience(
        "addresses and sessions",
        "the person themselves",
        (
            "Address.label",
            "Address.line",
            "Address.point",
            "Address.gateCode",
            "Address.dropNote",
            "AddressSavePayload.address",
            "AddressRemovePayload.address",
            "Session.device",
            "Session.address",
        ),
    ),
    Audience(
        "recipients",
        "the customer, support, and the store's staff while the order is open and 24 hours after",
        (
            "Order.customerName",
            "Order.addressLine",
            "Order.dropNote",
            "Order.point",
            "Fulfillment.customerName",
            "RecalledOrder.customerName",
        ),
    ),
    Audience(
        "recipients on a ride",
        "the same, and the rider as long as the delivery is theirs and not ended",
        (
            "Delivery.customerName",
            "Delivery.addressLine",
            "Delivery.dropNote",
            "Delivery.dropPoint",
        ),
    ),
    Audience(
        "codes of customers",
        "the customer",
        ("Order.deliveryPin",),
    ),
    Audience(
        "contacts of people",
        "the person themselves, managers and admins of their company, and support",
        ("Person.phone", "Person.email"),
    ),
    Audience(
        "names of people",
        "the person themselves and who works in the same company; support",
        ("Person.name", "Rider.name"),
    ),
    Audience(
        "deliveries",
        "whoever may see the delivery; the track not the customer, and for 30 days",
        ("Delivery.riderName", "Delivery.track"),
    ),
    Audience(
        "positions of riders",
        "the rider, who manages riders, the staff of the store they ride for, and the customer"
        " while the order is on its way",
        (
            "Rider.position",
            "Delivery.riderPosition",
            "OrderTracked.riderPosition",
            "RiderPosition.latitude",
            "RiderPosition.longitude",
        ),
    ),
    Audience(
        "invitations",
        "who may manage the invitation, and the invited",
        ("Invitation.phone", "Invitation.email"),
    ),
    Audience(
        "suppliers",
        "who works in the company",
        ("Supplier.name", "Supplier.email", "Supplier.phone"),
    ),
)
PERSONAL_FIELDS = frozenset(chain.from_iterable(audience.fields for audience in AUDIENCES))
PERSONAL_WORDS = frozenset(
    {"addresses", "address", "customer", "device", "drop", "email", "gate", "ip", "latitude",
     "longitude", "name", "phone", "pin", "point", "position", "recipient", "track"}
)  # fmt: skip
"""Words in the names of fields that carry personal data."""
NOT_PERSONAL = frozenset(
    {
        "App.name", "Brand.name", "Category.name", "Company.name", "Product.name", "Store.name",
        "WebhookEndpoint.name", "CounterSaleLine.name", "FulfillmentLine.name", "OrderLine.name",
        "PutBackLine.name", "Substitute.name", "HoldVerb.name", "Job.name", "Queue.name",
        "StockImport.fileName", "StockUpload.name",
        # a place in a list
        "CounterSaleLine.position", "FulfillmentLine.position", "OrderLine.position",
        "PutBackLine.position",
        # a place that the caller asked about, a level of stock, a profile without own values
        "GeoPoint.latitude", "GeoPoint.longitude", "Storefront.point", "ZonePlace.point",
        "ZonePlace.latitude", "ZonePlace.longitude", "StockReorderPointSetPayload.reorderPoint",
        "Viewer.customer",
    }
)  # fmt: skip
"""Fields that have such a name and carry none."""


def personal_data_table() -> str:
    """Return the audiences as Markdown, a row for each."""
    lines = [
        "\n## Personal data\n",
        "For whom the fields with personal data are, by row; apps need customers:read as well.\n",
        "| fields | for |",
        "|---|---|",
    ]
    for audience in AUDIENCES:
        fields = ", ".join(f"`{name}`" for name in audience.fields)
        lines.append(f"| {fields} | {audience.who} |")
    return "\n".join(lines) + "\n"
