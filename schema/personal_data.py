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
    returned, or the row around the field is for the same audience."""
    who: str
    fields: tuple[str, ...]


SIGN_IN_PAYLOADS = (
    "OtpSignInPayload",
    "PasswordSignInPayload",
    "EmailSignUpCompletePayload",
    "PasswordResetPayload",
    "GuestSignInPayload",
    "SessionRefreshPayload",
)
AUDIENCES = (
    Audience(
        "",
        "the signed-in person, of themselves; a new secret once, whoever has made it",
        (
            "Viewer.name",
            "Viewer.phone",
            "Viewer.email",
            "Customer.addresses",
            *(f"{payload}.accessToken" for payload in SIGN_IN_PAYLOADS),
            *(f"{payload}.refreshToken" for payload in SIGN_IN_PAYLOADS),
            *(f"{payload}.deviceToken" for payload in SIGN_IN_PAYLOADS),
            "AppSecretCreatePayload.secretValue",
            "AppSecretRotatePayload.secretValue",
            "WebhookEndpointCreatePayload.signingSecret",
            "WebhookEndpointSecretRotatePayload.signingSecret",
            "RiderLocationReportPayload.riderLocation",
            "RiderLocationsReportPayload.riderLocation",
        ),
    ),
    Audience(
        "addresses and sessions",
        "the person themselves",
        (
            "Address.label",
            "Address.addressLine",
            "Address.location",
            "Address.gateCode",
            "Address.deliveryInstructions",
            "AddressSavePayload.address",
            "AddressRemovePayload.address",
            "Session.deviceName",
            "Session.ipAddress",
        ),
    ),
    Audience(
        "recipients",
        "the customer, support, and the store's staff while the order is open and 24 hours after",
        (
            "Order.customerName",
            "Order.addressLine",
            "Order.deliveryInstructions",
            "Order.location",
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
            "Delivery.deliveryInstructions",
            "Delivery.dropoffLocation",
        ),
    ),
    Audience(
        "codes of customers",
        "the customer",
        ("Order.deliveryPin", "Order.pickupCode", "Payment.clientSecret", "Payment.nextActionUrl"),
    ),
    Audience(
        "codes for the handover",
        "the store's staff, except who rides for the company",
        ("Fulfillment.handoverCode",),
    ),
    Audience(
        "codes of returns",
        "the same, of the store to which the bags come back, while they do",
        ("Delivery.returnCode",),
    ),
    Audience(
        "notes on cancellations",
        "the store's staff, and support",
        ("Order.cancelNote",),
    ),
    Audience(
        "notes on failed attempts",
        "the store's staff, and support",
        ("Delivery.failureNote",),
    ),
    Audience(
        "notes of the staff",
        "the same",
        ("Delivery.overrideNote", "Fulfillment.overrideNote"),
    ),
    Audience(
        "notes of support",
        "support",
        (
            "Order.reopenNote",
            "Refund.note",
            "Refund.resolution",
            "Refund.lastError",
            "Payment.lastError",
        ),
    ),
    Audience(
        "refusals of payments",
        "the customer, and support",
        ("Payment.failureCode", "Payment.failureMessage", "Refund.failureMessage"),
    ),
    Audience(
        "tickets",
        "the customer, except of cases that the system opened; support; apps with tickets:read",
        ("Ticket.subject", "Ticket.details", "Ticket.resolution", "TicketMessage.body"),
    ),
    Audience(
        "contacts of people",
        "the person themselves, managers and admins of their company, and support",
        ("User.phone", "User.email"),
    ),
    Audience(
        "names of people",
        "the person themselves and who works in the same company; support",
        ("User.name", "Rider.name"),
    ),
    Audience(
        "deliveries",
        "whoever may see the delivery",
        ("Delivery.riderName",),
    ),
    Audience(
        "tracks",
        "the store's staff and support, for 30 days",
        ("Delivery.track", "DeliveryTrack.polyline"),
    ),
    Audience(
        "positions of riders",
        "the rider, who manages riders, the staff of the store they ride for, and the customer"
        " while the order is on its way",
        (
            "Rider.location",
            "Delivery.riderLocation",
            "OrderTracked.riderLocation",
            "RiderLocation.latitude",
            "RiderLocation.longitude",
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
    Audience(
        "sales at the counter",
        "the store's staff",
        ("PosSale.voidNote", "PosSale.terminalReference"),
    ),
    Audience(
        "purchases",
        "the store's staff",
        ("PurchaseOrder.note", "PurchaseOrder.closingNote", "GoodsReceipt.note"),
    ),
    Audience(
        "transfers",
        "the staff of both stores",
        ("StockTransfer.note", "StockTransfer.decisionNote"),
    ),
    Audience(
        "stock",
        "the store's staff",
        ("StockCount.note",),
    ),
    Audience(
        "",
        "the store's staff",
        ("StockMovement.reference", "BatchRecall.reason"),
    ),
    Audience(
        "",
        "whoever may read the event's own row, as far as they may read the note there",
        ("OrderEvent.reason",),
    ),
    Audience(
        "imports",
        "who started the import, and admins of the company",
        ("StockImport.failure",),
    ),
    Audience(
        "",
        "the same: what a row of their file said",
        (
            "StockImportError.field",
            "StockImportError.product",
            "StockImportError.quantity",
            "StockImportError.store",
            "StockImportError.message",
        ),
    ),
    Audience(
        "webhooks",
        "admins of the company, and apps with webhooks:read; an error may quote the answer",
        ("WebhookDelivery.lastError", "WebhookEndpoint.suspensionReason"),
    ),
    Audience(
        "",
        "the same: what the endpoint answered, and a payload for the selection that they sent",
        ("WebhookAttempt.error", "WebhookAttempt.responseSnippet", "WebhookPreview.payload"),
    ),
    Audience(
        "files",
        "who sent the file; of a company's file its staff, of a photo for support its agents",
        ("File.name",),
    ),
    Audience(
        "",
        "the same; the address to send the file to, whoever sends it",
        ("File.downloadUrl", "FileUpload.url"),
    ),
    Audience(
        "",
        "who runs the platform; an error may quote values",
        ("Job.lastError", "JobFailure.error", "JobFailure.item"),
    ),
)
PERSONAL_FIELDS = frozenset(chain.from_iterable(audience.fields for audience in AUDIENCES))


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
