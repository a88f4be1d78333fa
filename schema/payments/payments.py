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
from resolvers.rules import COMPANY_OR_SUPPORT, CUSTOMER, SUPPORT
from resolvers.shared_inputs import BigInt
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field, private_field
from schema.nodes import NodeType
from schema.problems import ProblemType
from schema.scalars import MoneyType
from services.core.access import may_see_refusals
from services.payments import refunds

if TYPE_CHECKING:
    from schema.orders.orders import OrderType

STUCK_REASON = "Why it needs a person; null while it goes on by itself."
STUCK_SINCE = "Since when it needs a person."
ATTEMPTS = "Scheduled calls in a row that the provider has not answered."
LAST_ERROR = "The provider's last message; null when it did what was asked."
ORDER = "The order that it belongs to."


def support_column(by: str, description: str) -> Any:
    """Declare a field for support that returns the parent's attribute `by`."""

    def read(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return getattr(parent, by)

    return field(read, description, allow=SUPPORT, reads="")


@backed_by(Payment, "An attempt to pay an order by card: held when placed, taken when packed.")
class PaymentType(NodeType):
    id: strawberry.ID = id_field(Payment)
    status: PaymentStatus = column("Where it stands.")
    is_current: bool = column(
        "Whether it counts; false after it was replaced, and before it replaces another."
    )
    available_actions: list[PaymentAction] = field(
        stuck.payment_actions, "The steps that you can take now."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, ORDER, by="order_id"
    )
    provider: str = column("Who takes the money, such as `stripe`.")
    amount: MoneyType = money_field("amount_minor", "The sum that was asked for.")
    authorized: MoneyType = money_field("authorized_minor", "The sum that the bank holds or held.")
    captured: MoneyType = money_field(
        "captured_minor", "The sum that was taken: what is in the bag."
    )
    refunded: MoneyType = money_field("refunded_minor", "The sum that was sent back.")
    client_secret: str | None = field(
        resolve.client_secret,
        "With it the customer's app confirms the payment at the provider; null for others.",
        allow=CUSTOMER,
    )
    next_action_url: str | None = field(
        resolve.next_action_url,
        "Where the customer's bank asks for proof (3-D Secure); null for others.",
        allow=CUSTOMER,
    )
    failure_code: str | None = private_field(
        "failure_code",
        "The provider's code of the last refusal; null for others than the customer and support.",
        may_see_refusals,
    )
    failure_message: str | None = private_field(
        "failure_message",
        "The last refusal in words for the card holder; null for others than them and support.",
        may_see_refusals,
    )
    created_at: datetime = column("When it was begun.")
    disputed: MoneyType = money_field(
        "disputed_minor", "The sum that the cardholder's bank demands, or has back."
    )
    disputes: list["DisputeType"] | None = related(
        load.disputes_by_payment,
        "The disputes of this payment, the oldest first; null for customers and store staff.",
        allow=COMPANY_OR_SUPPORT,
    )
    stuck_reason: PaymentStuckReason | None = column(STUCK_REASON, allow=SUPPORT)
    stuck_at: datetime | None = column(STUCK_SINCE, allow=SUPPORT)
    attempt_count: int | None = support_column("tries", ATTEMPTS)
    refusal_count: int | None = support_column(
        "refusals", "Scheduled requests in a row that the provider has refused."
    )
    last_error: str | None = column(LAST_ERROR, allow=SUPPORT)


@backed_by(Refund, "Money sent back.")
class RefundType(NodeType):
    id: strawberry.ID = id_field(Refund)
    status: RefundStatus = column("Whether it has been sent.")
    available_actions: list[RefundAction] = field(
        stuck.refund_actions, "The steps that you can take now."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, ORDER, by="order_id"
    )
    amount: MoneyType = money_field("amount_minor", "How much.")
    reason: RefundReason = column("Why.")
    note: str = column("What the agent wrote.")
    failure_message: str | None = private_field(
        "failure_message",
        "Why it failed, if it did; null for others than the customer and support.",
        may_see_refusals,
    )
    created_at: datetime = column("When it was asked for.")
    made_at_provider: bool = column(
        "True if it was made in the provider's dashboard instead of here."
    )
    retry_of_id: strawberry.ID | None = id_field(
        Refund, "The failed refund that this one retries.", by="retry_of_id"
    )
    resolution: str = column("How a failed refund was paid in another way; empty otherwise.")
    stuck_reason: PaymentStuckReason | None = column(STUCK_REASON, allow=SUPPORT)
    stuck_at: datetime | None = column(STUCK_SINCE, allow=SUPPORT)
    attempt_count: int | None = support_column("tries", ATTEMPTS)
    last_error: str | None = column(LAST_ERROR, allow=SUPPORT)


@backed_by(Dispute, "A cardholder's bank demands captured money back.")
class DisputeType(NodeType):
    id: strawberry.ID = id_field(Dispute)
    status: DisputeStatus = column("Who has to act, or how it ended.")
    amount: MoneyType = money_field("amount_minor", "How much the bank demands.")
    reason: str = column("The provider's word for the bank's reason, such as `fraudulent`.")
    order_id: strawberry.ID = id_field(Order, "The order that was paid.", by="order_id")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order that was paid.", by="order_id"
    )
    provider_dispute_id: str = column("The id under which its evidence is sent at the provider.")
    evidence_due_at: datetime | None = column("Until when the bank takes evidence.")
    opened_at: datetime = column("When the bank opened it.")
    closed_at: datetime | None = column("When its end was learned of; null while it is open.")
    version: int = column("Grows with each change.")


@backed_by(refunds.ExceedsCaptured, "More than is left of what was captured.")
class ExceedsCapturedType(ProblemType):
    remaining_minor: BigInt = column("Minor units that can still be refunded.")
