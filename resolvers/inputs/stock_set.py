from collections.abc import Sequence

import strawberry

from models import ErrorPolicy, Product, StockReason
from models.ids import decode
from services.refusal import InvalidInput, Refused
from services.stock_set import LINES, Line


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

    def said(self) -> Line:
        """The line in the services' terms; one whose id is none speaks of no product."""
        key = decode(Product, self.product_id)
        return Line(key, self.quantity, self.compare_quantity, self.expected_version)


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

    def said(self) -> Sequence[Line]:
        """The lines in the services' terms; too many are refused before any is read."""
        if len(self.lines) > LINES:
            message = f"From 1 to {LINES} lines at once."
            raise Refused(InvalidInput(path=["input", "lines"], message=message))
        return [one.said() for one in self.lines]
