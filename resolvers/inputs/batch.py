import strawberry

from models import WasteSource


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
