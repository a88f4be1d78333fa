"""GraphQL types of bulk adjustments."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.imports import ErrorPolicy, StockBulkUpdate
from models.stores import Store
from resolvers.stock import bulk_adjustments as resolve
from schema.backing import backed_by, column
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, VersionConflictType
from schema.stock.stock import BelowHeldType


@backed_by(StockBulkUpdate, "Stock levels of a store that were set at once.")
class StockBulkUpdateType(NodeType):
    id: strawberry.ID = id_field(StockBulkUpdate)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    error_policy: ErrorPolicy = column("Effect of invalid lines on valid ones.")
    applied_count: int = column("Lines that changed a stock level.")
    unchanged_count: int = column("Lines without a change.")
    applied_at: datetime = column("When.")


StockBulkSetError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | BelowHeldType,
    strawberry.union("StockBulkSetError", description="Problems that `stockBulkSet` can return."),
]


@backed_by(resolve.StockSetOutcome, "Result of `stockBulkSet`.")
class StockBulkSetPayload:
    stock_bulk_update: StockBulkUpdateType | None = column(
        "The result of the lines; null if the mutation was rejected."
    )
    errors: list[StockBulkSetError] = column(
        "The problems; with SKIP_INVALID one for each line that was skipped."
    )
