import strawberry

from models.payments import RefundReason
from resolvers.shared_inputs import SafeInt


@strawberry.input(description="Input of `orderPaymentRefresh`.")
class OrderPaymentRefreshInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")


@strawberry.input(description="Input of `refundIssue`.")
class RefundIssueInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    amount_minor: SafeInt = strawberry.field(
        description="Amount in minor units, at most what is left of the captured amount."
    )
    reason: RefundReason = strawberry.field(description="Why.")
    note: str = strawberry.field(default="", description="Note, at most 500 characters.")


@strawberry.input(description="Input of `paymentResume`.")
class PaymentResumeInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")


@strawberry.input(description="Input of `refundResume`.")
class RefundResumeInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund.")


@strawberry.input(description="Input of `refundRetry`.")
class RefundRetryInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund that failed.")


@strawberry.input(description="Input of `refundMarkPaid`.")
class RefundMarkPaidInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund that failed.")
    resolution: str = strawberry.field(
        description="How it was paid, such as a bank transfer and its reference: from 1 to 500"
        " characters."
    )


@strawberry.input(description="Input of `refundClose`.")
class RefundCloseInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund that failed.")
    resolution: str = strawberry.field(
        description="Why nothing more is paid: from 1 to 500 characters."
    )
    settled_by_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The other refund of the payment that gave the customer the money, if one did:"
        " paid or on its way, and of at least this amount.",
    )
