from typing import Annotated

import strawberry

from resolvers.orders.orders import OrderOutcome
from resolvers.payments import payments as resolve
from schema.backing import backed_by, column
from schema.orders.orders import Order
from schema.payments.payments import ExceedsCaptured, Refund
from schema.problems import IllegalStep, InvalidInput, NotFound, RateLimited

RefundIssueError = Annotated[
    NotFound | InvalidInput | IllegalStep | ExceedsCaptured,
    strawberry.union("RefundIssueError", description="Why no money goes back."),
]
PaymentRefreshError = Annotated[
    NotFound | InvalidInput | RateLimited,
    strawberry.union("PaymentRefreshError", description="Why nothing was looked up."),
]


@backed_by(resolve.RefundOutcome, "What refundIssue did.")
class RefundIssuePayload:
    refund: Refund | None = column("The refund; null when nothing was done.")
    errors: list[RefundIssueError] = column("Every reason why nothing was done.")


@backed_by(OrderOutcome, "What paymentRefresh found.")
class PaymentRefreshPayload:
    order: Order | None = column("The order as it stands now.")
    errors: list[PaymentRefreshError] = column("Every reason why nothing was looked up.")
