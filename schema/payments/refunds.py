from typing import Annotated

import strawberry

from resolvers.orders.orders import OrderOutcome
from resolvers.payments import payments as resolve
from resolvers.payments import stuck
from schema.backing import backed_by, column
from schema.orders.orders import OrderType
from schema.payments.payments import ExceedsCapturedType, PaymentType, RefundType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType, RateLimitedType

RefundIssueError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | ExceedsCapturedType,
    strawberry.union("RefundIssueError", description="Why no money goes back."),
]
PaymentRefreshError = Annotated[
    NotFoundType | InvalidInputType | RateLimitedType,
    strawberry.union("PaymentRefreshError", description="Why nothing was looked up."),
]
PaymentResumeError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("PaymentResumeError", description="Why nothing was tried."),
]
RefundResumeError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("RefundResumeError", description="Why nothing was tried."),
]
RefundRetryError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | ExceedsCapturedType,
    strawberry.union("RefundRetryError", description="Why nothing was requested."),
]
RefundMarkPaidError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | ExceedsCapturedType,
    strawberry.union("RefundMarkPaidError", description="Why nothing was recorded."),
]
REFUND = "The refund as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(stuck.PaymentOutcome, "What paymentResume did.")
class PaymentResumePayload:
    payment: PaymentType | None = column("The payment as it is now; null when nothing was done.")
    errors: list[PaymentResumeError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "What refundResume did.")
class RefundResumePayload:
    refund: RefundType | None = column(REFUND)
    errors: list[RefundResumeError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "What refundRetry did.")
class RefundRetryPayload:
    refund: RefundType | None = column("The new refund; null when nothing was done.")
    errors: list[RefundRetryError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "What refundMarkPaid did.")
class RefundMarkPaidPayload:
    refund: RefundType | None = column(REFUND)
    errors: list[RefundMarkPaidError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "What refundIssue did.")
class RefundIssuePayload:
    refund: RefundType | None = column("The refund; null when nothing was done.")
    errors: list[RefundIssueError] = column("Every reason why nothing was done.")


@backed_by(OrderOutcome, "What paymentRefresh found.")
class PaymentRefreshPayload:
    order: OrderType | None = column("The order as it stands now.")
    errors: list[PaymentRefreshError] = column("Every reason why nothing was looked up.")
