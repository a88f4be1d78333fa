from datetime import datetime

import strawberry

from models.payments import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from resolvers.orders import orders as resolve
from resolvers.rules import CUSTOMER
from resolvers.shared_inputs import BigInt
from schema.backing import backed_by, column, field
from schema.fields import id_field, money_field, private_field
from schema.nodes import NodeType
from schema.problems import ProblemType
from schema.scalars import MoneyType
from services.core.access import may_see_refusals
from services.payments import refunds


@backed_by(Payment, "The card payment of one order: held when placed, taken when packed.")
class PaymentType(NodeType):
    id: strawberry.ID = id_field(Payment)
    status: PaymentStatus = column("Where it stands.")
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


@backed_by(Refund, "Money sent back.")
class RefundType(NodeType):
    id: strawberry.ID = id_field(Refund)
    status: RefundStatus = column("Whether it has been sent.")
    amount: MoneyType = money_field("amount_minor", "How much.")
    reason: RefundReason = column("Why.")
    note: str = column("What the agent wrote.")
    failure_message: str | None = private_field(
        "failure_message",
        "Why it failed, if it did; null for others than the customer and support.",
        may_see_refusals,
    )
    created_at: datetime = column("When it was asked for.")


@backed_by(refunds.ExceedsCaptured, "More than is left of what was captured.")
class ExceedsCapturedType(ProblemType):
    remaining_minor: BigInt = column("Minor units that can still be refunded.")
