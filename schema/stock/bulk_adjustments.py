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


@backed_by(StockSet, "Stock levels of a store that were set at once.")
class StockSetType(NodeType):
    id: strawberry.ID = id_field(StockSet)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    on_error: ErrorPolicy = column("Effect of invalid lines on valid ones.")
    applied: int = column("Lines that changed a stock level.")
    unchanged: int = column("Lines without a change.")
    at: datetime = column("When.")


StockSetManyError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | BelowHeldType,
    strawberry.union("StockSetManyError", description="Problems that `stockSetMany` can return."),
]


@backed_by(resolve.StockSetOutcome, "Result of `stockSetMany`.")
class StockSetManyPayload:
    stock_set: StockSetType | None = column(
        "The result of the lines; null if the mutation was rejected."
    )
    errors: list[StockSetManyError] = column(
        "The problems; with SKIP_BAD one for each line that was skipped."
    )
