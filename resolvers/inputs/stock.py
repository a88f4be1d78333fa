from datetime import date

import strawberry

from models import StockReason
from services.stocktake import Count


@strawberry.input(
    description="What you counted: units more or less, or units in all with what you saw before."
)
class StockAdjustInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
    product_id: strawberry.ID = strawberry.field(description="The product on the shelf.")
    delta: int | None = strawberry.field(
        default=None, description="Units to add (or, below 0, to remove); not with onHand."
    )
    on_hand: int | None = strawberry.field(
        default=None,
        description="Units on the shelf in all; needs compareOnHand or expectedVersion.",
    )
    compare_on_hand: int | None = strawberry.field(
        default=None,
        description="The units you saw in the books: VersionConflict when they changed since.",
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version you saw: VersionConflict when the shelf changed since.",
    )
    batch_code: str | None = strawberry.field(
        default=None,
        description="The batch that the delta is of. Without it, what goes is of the batch that"
        " expires first, and what comes is of none.",
    )
    expires_on: date | None = strawberry.field(
        default=None,
        description="The last day of sale of what comes; names the batch where no code does.",
    )
    reason: StockReason = strawberry.field(
        description="RECEIPT (only adds), DAMAGE (sets aside), WASTE (only removes) or ADJUSTMENT."
    )
    note: str = strawberry.field(
        default="", description="A line for the ledger, at most 200 characters."
    )

    def count(self) -> Count:
        return Count(
            delta=self.delta,
            on_hand=self.on_hand,
            compare_on_hand=self.compare_on_hand,
            expected_version=self.expected_version,
            batch_code=self.batch_code,
            expires_on=self.expires_on,
        )
