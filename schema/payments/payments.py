from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from dataloaders import orders as load_orders
from dataloaders import payments as load
from models.orders import Order
from models.payments import (
    Dispute,
    DisputeStatus,
    Payment,
    PaymentAction,
    PaymentStatus,
    PaymentStuckReason,
    Refund,
    RefundAction,
    RefundReason,
    RefundStatus,
)
from resolvers.orders import orders as resolve
from resolvers.payments import stuck
from resolvers.rules import COMPANY_OR_SUPPORT, CUSTOMER_ALONE, SUPPORT
from resolvers.shared_inputs import SafeInt
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field, private_field
from schema.nodes import NodeType
from schema.problems import ProblemType
from schema.scalars import MoneyType
from services.core.access import may_see_refusals
from services.payments import refunds

if TYPE_CHECKING:
    from schema.orders.orders import OrderType

STUCK_REASON = "Why a person has to act; null otherwise."
STUCK_SINCE = "Since when a person has to act."
ATTEMPTS = "Successive scheduled calls that the provider has not answered."
LAST_ERROR = "The provider's last error message; null after a success."
ORDER = "The order that it belongs to."


def support_column(by: str, description: str) -> Any:
    """Declare a field for support that returns the parent's attribute `by`."""

    def read(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return getattr(parent, by)

    return field(read, description, allow=SUPPORT, reads="")


@backed_by(
    Payment,
    "A payment attempt by card: authorized when the order is placed, captured when it is packed.",
)
class PaymentType(NodeType):
    id: strawberry.ID = id_field(Payment)
    status: PaymentStatus = column("Its status.")
    is_current: bool = column(
        "Whether it is the current attempt; false after it was replaced, and before"
        " it replaces another."
    )
    available_actions: list[PaymentAction] = field(
        stuck.payment_actions, "The actions that the caller can take now."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, ORDER, by="order_id"
    )
    provider: str = column("The payment provider, such as `stripe`.")
    amount: MoneyType = money_field("amount_minor", "The requested amount.")
    authorized_amount: MoneyType = money_field("authorized_amount_minor", "The authorized amount.")
    captured_amount: MoneyType = money_field("captured_amount_minor", "The captured amount.")
    refunded_amount: MoneyType = money_field("refunded_amount_minor", "The refunded amount.")
    client_secret: str | None = field(
        resolve.client_secret,
        "Secret with which the customer's app confirms the payment at the provider;"
        " null for others.",
        allow=CUSTOMER_ALONE,
    )
    next_action_url: str | None = field(
        resolve.next_action_url,
        "URL at which the customer's bank asks for authentication (3-D Secure); null for others.",
        allow=CUSTOMER_ALONE,
    )
    failure_code: str | None = private_field(
        "failure_code",
        "The provider's code of the last refusal; null except for the customer and support.",
        may_see_refusals,
    )
    failure_message: str | None = private_field(
        "failure_message",
        "The last refusal in words for the cardholder; null except for the customer and support.",
        may_see_refusals,
    )
    created_at: datetime = column("Time when it was created.")
    disputed_amount: MoneyType = money_field("disputed_amount_minor", "The disputed amount.")
    disputes: list["DisputeType"] | None = related(
        load.disputes_by_payment,
        "The disputes of this payment, oldest first; null for customers and store staff.",
        allow=COMPANY_OR_SUPPORT,
    )
    stuck_reason: PaymentStuckReason | None = column(STUCK_REASON, allow=SUPPORT)
    stuck_at: datetime | None = column(STUCK_SINCE, allow=SUPPORT)
    attempt_count: int | None = support_column("tries", ATTEMPTS)
    refusal_count: int | None = support_column(
        "refusals", "Successive scheduled requests that the provider has refused."
    )
    last_error: str | None = column(LAST_ERROR, allow=SUPPORT)


@backed_by(Refund, "Its refunds.")
class RefundType(NodeType):
    id: strawberry.ID = id_field(Refund)
    status: RefundStatus = column("Its status.")
    available_actions: list[RefundAction] = field(
        stuck.refund_actions, "The actions that the caller can take now."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, ORDER, by="order_id"
    )
    amount: MoneyType = money_field("amount_minor", "The amount.")
    reason: RefundReason = column("Why.")
    note: str | None = column("Note of the agent, for support.", allow=SUPPORT)
    failure_message: str | None = private_field(
        "failure_message",
        "Why it failed; null except for the customer and support.",
        may_see_refusals,
    )
    created_at: datetime = column("Time when it was requested.")
    made_at_provider: bool = column(
        "Whether it was made in the provider's dashboard instead of here."
    )
    retry_of_id: strawberry.ID | None = id_field(
        Refund, "The failed refund that this one retries.", by="retry_of_id"
    )
    resolution: str | None = column(
        "How a failed refund was paid in another way, or why it ended without; empty otherwise.",
        allow=SUPPORT,
    )
    settled_by_id: strawberry.ID | None = id_field(
        Refund, "The other refund that gave the customer the money of this one.", by="settled_by_id"
    )
    stuck_reason: PaymentStuckReason | None = column(STUCK_REASON, allow=SUPPORT)
    stuck_at: datetime | None = column(STUCK_SINCE, allow=SUPPORT)
    attempt_count: int | None = support_column("tries", ATTEMPTS)
    last_error: str | None = column(LAST_ERROR, allow=SUPPORT)


@backed_by(Dispute, "A dispute: the cardholder's bank demands captured money back.")
class DisputeType(NodeType):
    id: strawberry.ID = id_field(Dispute)
    status: DisputeStatus = column("Its status.")
    amount: MoneyType = money_field("amount_minor", "The disputed amount.")
    reason: str = column("The provider's code of the bank's reason, such as `fraudulent`.")
    order_id: strawberry.ID = id_field(Order, "The order that was paid.", by="order_id")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order that was paid.", by="order_id"
    )
    provider_dispute_id: str = column("Its id at the provider, to which evidence is submitted.")
    evidence_due_at: datetime | None = column("Deadline for evidence.")
    opened_at: datetime = column("Time when the bank opened it.")
    closed_at: datetime | None = column("Time when its end became known; null while it is open.")
    version: int = column("Increases with each change.")


@backed_by(refunds.RefundExceedsCaptured, "The amount exceeds what is left of the captured amount.")
class RefundExceedsCapturedType(ProblemType):
    remaining_minor: SafeInt = column("Amount that can still be refunded, in minor units.")
