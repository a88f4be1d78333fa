from datetime import datetime
from typing import Annotated

import strawberry

import models
from resolvers.stock import bulk_adjustments as resolve
from schema.backing import backed_by, column
from schema.fields import key
from schema.nodes import Node
from schema.problems import InvalidInput, NotFound, VersionConflict
from schema.stock.stock import BelowHeld


@backed_by(models.StockSet, "Many shelves of a store that were set at once.")
class StockSet(Node):
    id: strawberry.ID = key(models.StockSet)
    store_id: strawberry.ID = key(models.Store, "The store.", by="store_id")
    on_error: models.ErrorPolicy = column("What bad lines did to the good ones.")
    applied: int = column("Lines that changed their shelf.")
    unchanged: int = column("Lines whose shelf had that many units already.")
    at: datetime = column("When.")


StockSetManyError = Annotated[
    NotFound | InvalidInput | VersionConflict | BelowHeld,
    strawberry.union(
        "StockSetManyError", description="Why nothing was set, or a line was left out: see path."
    ),
]


@backed_by(resolve.StockSetOutcome, "What stockSetMany did.")
class StockSetManyPayload:
    stock_set: StockSet | None = column("What was set; null when nothing was done.")
    errors: list[StockSetManyError] = column(
        "Every reason why nothing was done; with SKIP_BAD, one for each line that was left out."
    )
