"""GraphQL types of bulk adjustments."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.imports import ErrorPolicy, StockSet
from models.stores import Store
from resolvers.stock import bulk_adjustments as resolve
from schema.backing import backed_by, column
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, VersionConflictType
from schema.stock.stock import BelowHeldType


@backed_by(StockSet, "Many shelves of a store that were set at once.")
class StockSetType(NodeType):
    id: strawberry.ID = id_field(StockSet)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    on_error: ErrorPolicy = column("What bad lines did to the good ones.")
    applied: int = column("Lines that changed their shelf.")
    unchanged: int = column("Lines whose shelf had that many units already.")
    at: datetime = column("When.")


StockSetManyError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | BelowHeldType,
    strawberry.union(
        "StockSetManyError", description="Why nothing was set, or a line was left out: see path."
    ),
]


@backed_by(resolve.StockSetOutcome, "What stockSetMany did.")
class StockSetManyPayload:
    stock_set: StockSetType | None = column("What was set; null when nothing was done.")
    errors: list[StockSetManyError] = column(
        "Every reason why nothing was done; with SKIP_BAD, one for each line that was left out."
    )
