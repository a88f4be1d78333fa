from typing import Annotated

import strawberry

from resolvers.orders.orders import OrderOutcome
from resolvers.payments import payments as resolve
from schema.backing import backed_by, column
from schema.orders.orders import OrderType
from schema.payments.payments import ExceedsCapturedType, RefundType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType, RateLimitedType

RefundIssueError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | ExceedsCapturedType,
    strawberry.union("RefundIssueError", description="Why no money goes back."),
]
PaymentRefreshError = Annotated[
    NotFoundType | InvalidInputType | RateLimitedType,
    strawberry.union("PaymentRefreshError", description="Why nothing was looked up."),
]


@backed_by(resolve.RefundOutcome, "What refundIssue did.")
class RefundIssuePayload:
    refund: RefundType | None = column("The refund; null when nothing was done.")
    errors: list[RefundIssueError] = column("Every reason why nothing was done.")


@backed_by(OrderOutcome, "What paymentRefresh found.")
class PaymentRefreshPayload:
    order: OrderType | None = column("The order as it stands now.")
    errors: list[PaymentRefreshError] = column("Every reason why nothing was looked up.")
