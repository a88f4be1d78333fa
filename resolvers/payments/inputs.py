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
