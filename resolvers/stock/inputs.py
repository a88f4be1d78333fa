"""Inputs of stock mutations."""

from collections.abc import Sequence
from datetime import date

import strawberry

from models.catalog import Product
from models.ids import decode_id
from models.imports import ErrorPolicy
from models.stock import StockReason, WasteSource
from services.core.problems import DomainError, InvalidInput
from services.stock.adjustments import StockAdjustment
from services.stock.bulk_adjustments import MAX_LINES, BulkLine


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

    def to_adjustment(self) -> StockAdjustment:
        return StockAdjustment(
            delta=self.delta,
            on_hand=self.on_hand,
            compare_on_hand=self.compare_on_hand,
            expected_version=self.expected_version,
            batch_code=self.batch_code,
            expires_on=self.expires_on,
        )


@strawberry.input(description="How many units of a product there are in all.")
class StockSetLineInput:
    product_id: strawberry.ID = strawberry.field(description="The product on the shelf.")
    quantity: int = strawberry.field(description="Units on the shelf, from 0 to 1,000,000.")
    compare_quantity: int | None = strawberry.field(
        default=None,
        description="The units you saw in the books: VersionConflict when they changed since.",
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version you saw: VersionConflict when the shelf changed since.",
    )

    def to_line(self) -> BulkLine:
        """The line for the service; `product_id` is None when it is not the id of a product."""
        key = decode_id(Product, self.product_id)
        return BulkLine(key, self.quantity, self.compare_quantity, self.expected_version)


@strawberry.input(description="Many shelves of a store, each with the units it has in all.")
class StockSetManyInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
    lines: list[StockSetLineInput] = strawberry.field(
        description="From 1 to 250 products, each once."
    )
    reason: StockReason = strawberry.field(
        default=StockReason.ADJUSTMENT, description="ADJUSTMENT or COUNT."
    )
    note: str = strawberry.field(
        default="", description="A line for the ledger, at most 200 characters."
    )
    on_error: ErrorPolicy = strawberry.field(
        default=ErrorPolicy.ALL_OR_NOTHING, description="What bad lines do to the good ones."
    )

    def to_lines(self) -> Sequence[BulkLine]:
        """The lines for the service; raises InvalidInput for too many before any is decoded."""
        if len(self.lines) > MAX_LINES:
            message = f"From 1 to {MAX_LINES} lines at once."
            raise DomainError(InvalidInput(path=["input", "lines"], message=message))
        return [line.to_line() for line in self.lines]


@strawberry.input(description="Units that are thrown away: of a batch, or of a product.")
class BatchWasteInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="The batch; not with productId."
    )
    product_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The product: units of the batch that expires first, or of no known batch.",
    )
    quantity: int = strawberry.field(description="How many units, from 1 to 100000.")
    source: WasteSource = strawberry.field(
        default=WasteSource.SHELF, description="Whether they were for sale or set aside."
    )
    note: str = strawberry.field(
        default="", description="A line for the ledger, at most 200 characters."
    )


@strawberry.input(description="A batch that must not be sold any more, in no store.")
class BatchRecallInput:
    company_id: strawberry.ID = strawberry.field(description="Your company.")
    product_id: strawberry.ID = strawberry.field(description="The product.")
    batch_code: str = strawberry.field(description="The code of the batch, at most 64 characters.")
    reason: str = strawberry.field(
        default="", description="A line that says why, at most 200 characters."
    )
