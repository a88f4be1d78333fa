"""Inputs of stock mutations."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import strawberry

from models.catalog import Product
from models.ids import decode_id
from models.imports import ErrorPolicy
from models.stock import StockBatch, StockMovementReason, WriteOffSource
from resolvers.shared_inputs import alternative, given
from services.core.problems import DomainError, InvalidInput, parse_optional_id
from services.stock.adjustments import StockAdjustment
from services.stock.bulk_adjustments import MAX_LINES, BulkLine


@strawberry.input(
    description="Input of `stockAdjust`: a difference, or the total with the quantity or"
    " version that the caller has read."
)
class StockAdjustInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    product_id: strawberry.ID = strawberry.field(description="The product.")
    delta: int | None = strawberry.field(
        default=None, description="Units to add, or to remove if negative; not with onHand."
    )
    on_hand: int | None = strawberry.field(
        default=None,
        description="Total units on hand; requires compareQuantity or expectedVersion.",
    )
    compare_quantity: int | None = strawberry.field(
        default=None,
        description="The units on hand that the caller has read; VersionConflict if they have"
        " changed since.",
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that the caller has read; VersionConflict if the stock level"
        " has changed since.",
    )
    batch_code: str | None = strawberry.field(
        default=None,
        description="The batch of the units. If left out, removed units come from the batch"
        " that expires first, and added units belong to no batch.",
    )
    sell_by_date: date | None = strawberry.field(
        default=None,
        description="Last day of sale of added units; it identifies the batch if there is no code.",
    )
    reason: StockMovementReason = strawberry.field(
        description="RECEIPT (only adds), DAMAGE (sets aside), WASTE (only removes) or ADJUSTMENT."
    )
    note: str = strawberry.field(
        default="", description="Note for the ledger, at most 200 characters."
    )

    def to_adjustment(self) -> StockAdjustment:
        return StockAdjustment(
            delta=self.delta,
            on_hand=self.on_hand,
            compare_quantity=self.compare_quantity,
            expected_version=self.expected_version,
            batch_code=self.batch_code,
            sell_by_date=self.sell_by_date,
        )


@strawberry.input(description="Total units of a product.")
class StockSetLineInput:
    product_id: strawberry.ID = strawberry.field(description="The product.")
    quantity: int = strawberry.field(description="Units on hand, from 0 to 1,000,000.")
    compare_quantity: int | None = strawberry.field(
        default=None,
        description="The units on hand that the caller has read; VersionConflict if they have"
        " changed since.",
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that the caller has read; VersionConflict if the stock level"
        " has changed since.",
    )

    def to_line(self) -> BulkLine:
        """The line for the service; `product_id` is None when it is not the id of a product."""
        key = decode_id(Product, self.product_id)
        return BulkLine(key, self.quantity, self.compare_quantity, self.expected_version)


@strawberry.input(description="Input of `stockBulkSet`: stock levels of a store as totals.")
class StockBulkSetInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    lines: list[StockSetLineInput] = strawberry.field(
        description="From 1 to 250 lines, each product once."
    )
    reason: StockMovementReason = strawberry.field(
        default=StockMovementReason.ADJUSTMENT, description="ADJUSTMENT or COUNT."
    )
    note: str = strawberry.field(
        default="", description="Note for the ledger, at most 200 characters."
    )
    error_policy: ErrorPolicy = strawberry.field(
        default=ErrorPolicy.ALL_OR_NOTHING, description="Effect of invalid lines on valid ones."
    )

    def to_lines(self) -> Sequence[BulkLine]:
        """The lines for the service; raises InvalidInput for too many before any is decoded."""
        if len(self.lines) > MAX_LINES:
            message = f"A request has from 1 to {MAX_LINES} lines."
            raise DomainError(InvalidInput(path=["input", "lines"], message=message))
        return [line.to_line() for line in self.lines]


@strawberry.input(one_of=True, description="The units of a batch, or of a product.")
class StockWriteOffSourceInput:
    batch_id: strawberry.ID | None = alternative("The batch.")
    product_id: strawberry.ID | None = alternative(
        "The product: units of the batch that expires first, or of no known batch."
    )

    def to_keys(self) -> dict[str, Any]:
        """The ids for the service. Raises DomainError: NotFound."""
        batch_id, product_id = given(self.batch_id), given(self.product_id)
        return {
            "batch_id": parse_optional_id(StockBatch, batch_id, "goods", "batchId"),
            "product_id": parse_optional_id(Product, product_id, "goods", "productId"),
        }


@strawberry.input(description="Input of `stockWriteOff`.")
class StockWriteOffInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    goods: StockWriteOffSourceInput = strawberry.field(description="What is written off.")
    quantity: int = strawberry.field(description="Number of units, from 1 to 100000.")
    source: WriteOffSource = strawberry.field(
        default=WriteOffSource.SELLABLE, description="Whether they were for sale or set aside."
    )
    note: str = strawberry.field(
        default="", description="Note for the ledger, at most 200 characters."
    )


@strawberry.input(description="Input of `batchRecallCreate`.")
class BatchRecallCreateInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    product_id: strawberry.ID = strawberry.field(description="The product.")
    batch_code: str = strawberry.field(description="The code of the batch, at most 64 characters.")
    reason: str = strawberry.field(default="", description="The reason, at most 200 characters.")
