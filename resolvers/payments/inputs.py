import strawberry

from models.payments import RefundReason
from resolvers.shared_inputs import BigInt


@strawberry.input(description="An order whose payment to look up at the provider.")
class PaymentRefreshInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")


@strawberry.input(description="Money to send back.")
class RefundIssueInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    amount_minor: BigInt = strawberry.field(
        description="Minor units; at most what is left of the captured sum."
    )
    reason: RefundReason = strawberry.field(description="Why.")
    note: str = strawberry.field(default="", description="For the books, at most 500 characters.")


@strawberry.input(description="A payment that is stuck at the provider.")
class PaymentResumeInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")


@strawberry.input(description="A refund that is stuck at the provider.")
class RefundResumeInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund.")


@strawberry.input(description="A failed refund to request anew.")
class RefundRetryInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund that failed.")


@strawberry.input(description="A failed refund that was paid in another way.")
class RefundMarkPaidInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund that failed.")
    resolution: str = strawberry.field(
        description="How it was paid, such as a bank transfer and its reference: from 1 to 500"
        " characters."
    )
