"""What is put back on the shelf: lines, and the payloads of giving back and putting back."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stock as load_stock
from models.fulfillment import PutBackLine, PutBackWasteReason
from resolvers.fulfillment import fulfillments as resolve
from schema.backing import backed_by, column, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    VersionConflictType,
)

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.fulfillment.fulfillments import FulfillmentType
    from schema.stock.batches import StockBatchType


@backed_by(PutBackLine, "Picked units of one product and batch that have to be put back.")
class PutBackLineType(NodeType):
    id: strawberry.ID = id_field(PutBackLine)
    position: int = column("Its position in the list, from 1.")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null if the store does not list it any more.",
        by="place",
    )
    name: str = column("The product's name when it was ordered or proposed.")
    batch: Annotated["StockBatchType", strawberry.lazy("schema.stock.batches")] | None = related(
        load_stock.batch_by_id,
        "The batch that the units were picked from; null when none is known.",
        by="batch_id",
    )
    quantity: int = column("Units in the bags.")
    returned_quantity: int | None = column("Units back on the shelf; null before the count.")
    wasted_quantity: int | None = column("Units written off; null before the count.")
    missing_quantity: int | None = column("Units missing from the bags; null before the count.")
    waste_reason: PutBackWasteReason | None = column("Why units were written off, if any were.")


FulfillmentGiveBackError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "FulfillmentGiveBackError", description="Problems that `fulfillmentGiveBack` can return."
    ),
]
FulfillmentPutBackError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | InvalidInputType,
    strawberry.union(
        "FulfillmentPutBackError", description="Problems that `fulfillmentPutBack` can return."
    ),
]
NOW = "The fulfillment as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentGiveBack`.")
class FulfillmentGiveBackPayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column(NOW)
    errors: list[FulfillmentGiveBackError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentPutBack`.")
class FulfillmentPutBackPayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column(NOW)
    errors: list[FulfillmentPutBackError] = column(ERRORS)
