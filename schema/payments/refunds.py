from typing import Annotated

import strawberry

from resolvers.orders.orders import OrderOutcome
from resolvers.payments import payments as resolve
from resolvers.payments import stuck
from schema.backing import backed_by, column
from schema.orders.orders import OrderType
from schema.payments.payments import PaymentType, RefundExceedsCapturedType, RefundType
from schema.problems import InvalidInputType, InvalidTransitionType, NotFoundType, RateLimitedType

RefundIssueError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | RefundExceedsCapturedType,
    strawberry.union("RefundIssueError", description="Problems that `refundIssue` can return."),
]
OrderPaymentRefreshError = Annotated[
    NotFoundType | InvalidInputType | RateLimitedType,
    strawberry.union(
        "OrderPaymentRefreshError", description="Problems that `orderPaymentRefresh` can return."
    ),
]
PaymentResumeError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union("PaymentResumeError", description="Problems that `paymentResume` can return."),
]
RefundResumeError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union("RefundResumeError", description="Problems that `refundResume` can return."),
]
RefundRetryError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | RefundExceedsCapturedType,
    strawberry.union("RefundRetryError", description="Problems that `refundRetry` can return."),
]
RefundMarkPaidError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | RefundExceedsCapturedType,
    strawberry.union(
        "RefundMarkPaidError", description="Problems that `refundMarkPaid` can return."
    ),
]
RefundCloseError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union("RefundCloseError", description="Problems that `refundClose` can return."),
]
REFUND = "The refund as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(stuck.PaymentOutcome, "Result of `paymentResume`.")
class PaymentResumePayload:
    payment: PaymentType | None = column("The payment as it is now; null when nothing was done.")
    errors: list[PaymentResumeError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "Result of `refundResume`.")
class RefundResumePayload:
    refund: RefundType | None = column(REFUND)
    errors: list[RefundResumeError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "Result of `refundRetry`.")
class RefundRetryPayload:
    refund: RefundType | None = column(
        "The new refund, of what is still left; the failed one itself when nothing is. Null when"
        " nothing was done."
    )
    errors: list[RefundRetryError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "Result of `refundMarkPaid`.")
class RefundMarkPaidPayload:
    refund: RefundType | None = column(REFUND)
    errors: list[RefundMarkPaidError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "Result of `refundClose`.")
class RefundClosePayload:
    refund: RefundType | None = column(REFUND)
    errors: list[RefundCloseError] = column(ERRORS)


@backed_by(resolve.RefundOutcome, "Result of `refundIssue`.")
class RefundIssuePayload:
    refund: RefundType | None = column("The refund; null when nothing was done.")
    errors: list[RefundIssueError] = column("The problems; empty if the mutation succeeded.")


@backed_by(OrderOutcome, "Result of `orderPaymentRefresh`.")
class OrderPaymentRefreshPayload:
    order: OrderType | None = column("The order as it is now.")
    errors: list[OrderPaymentRefreshError] = column("The problems; empty if the payment was read.")
