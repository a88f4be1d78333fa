"""GraphQL types of stock counts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import catalog as load_catalog
from dataloaders import counting as load
from models.catalog import Product
from models.counting import StockCount, StockCountAction, StockCountEntry, StockCountStatus
from models.stores import Store
from resolvers.counting import stock_counts as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from services.counting import count_opening, count_queries, stock_counts

if TYPE_CHECKING:
    from schema.accounts.people import PersonType
    from schema.catalog.products import ProductType


@backed_by(StockCountEntry, "What one person counted of a line, once.", name="StockCounted")
class StockCountedType:
    round: int = column("1 for the first counting, 2 after the first recount was asked for.")
    counted: int = column("Units that were found.")
    person: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id, "Who counted.", by="person_id"
    )
    at: datetime = column("When.")


@backed_by(
    count_queries.VisibleCountLine,
    "One product of a count. While people count, the books stay hidden.",
)
class StockCountLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    counted: int | None = column("Units that were found; null until somebody counts.")
    counted_at: datetime | None = column("When they were.")
    expected: int | None = column(
        "Units that should have been there at that moment, sold but unpicked ones among them;"
        " null until the count is submitted."
    )
    variance: int | None = column("counted - expected; null until the count is submitted.")
    value: MoneyType | None = money_field(
        "value_minor",
        "The variance at the store's selling price of that moment; null where it has none.",
    )
    history: list[StockCountedType] = related(
        load.entries_by_line, "Everything that was counted of it, the first word first.", by="id"
    )


@backed_by(count_queries.CountVariance, "What a count found beside what was expected.")
class StockCountVarianceType:
    off: int = column("Products that differ.")
    units_over: int = column("Units found beyond what was expected.")
    units_short: int = column("Units missing.")
    over: MoneyType = money_field(
        "over_minor", "What the units beyond are worth, at selling prices."
    )
    short: MoneyType = money_field(
        "short_minor", "What the missing units are worth, at selling prices."
    )
    net: MoneyType = money_field("net_minor", "The first less the second.")


@backed_by(count_queries.CountProgress, "How far a count is.")
class StockCountTallyType:
    lines: int = column("Products to count.")
    counted: int = column("Products that are counted.")
    variance: StockCountVarianceType | None = column("What differs; null until it is submitted.")


@backed_by(StockCount, "A cycle count: some products of a store, counted blind.")
class StockCountType(NodeType):
    id: strawberry.ID = id_field(StockCount)
    status: StockCountStatus = column("Where the count stands.")
    available_actions: list[StockCountAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    note: str = column("What those who count should know.")
    round: int = column("1, and one more for each recount that was asked for.")
    tally: StockCountTallyType = related(
        load.progress_by_count, "How far it is, and what it found."
    )
    started_at: datetime = column("When it began.")
    submitted_at: datetime | None = column("When it was handed in.")
    decided_at: datetime | None = column("When it was approved or given up.")


@backed_by(count_opening.BeingCounted, "A product is in another count that is not over yet.")
class BeingCountedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    count_id: strawberry.ID = id_field(StockCount, "The other count.", by="count_id")


@backed_by(stock_counts.Uncounted, "Some products have not been counted yet.")
class UncountedType(ProblemType):
    remaining: int = column("How many.")


@backed_by(stock_counts.BelowPromised, "Units that are promised to customers would be missing.")
class BelowPromisedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    held: int = column("Units that are promised.")
    on_hand: int = column("Units that would be left.")


StockCountStartError = Annotated[
    NotFoundType | InvalidInputType | BeingCountedType,
    strawberry.union("StockCountStartError", description="Why no count began."),
]
StockCountLineSetError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("StockCountLineSetError", description="Why the line stays as it was."),
]
StockCountSubmitError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | UncountedType,
    strawberry.union("StockCountSubmitError", description="Why the count goes on."),
]
StockCountApproveError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | BelowPromisedType,
    strawberry.union("StockCountApproveError", description="Why the books stay as they are."),
]
StockCountRejectError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType,
    strawberry.union("StockCountRejectError", description="Why nobody counts again."),
]
StockCountCancelError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType,
    strawberry.union("StockCountCancelError", description="Why the count was not given up."),
]
NOW = "The count as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.StockCountOutcome, "What stockCountStart did.")
class StockCountStartPayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountStartError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "What stockCountLineSet did.")
class StockCountLineSetPayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountLineSetError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "What stockCountSubmit did.")
class StockCountSubmitPayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountSubmitError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "What stockCountApprove did.")
class StockCountApprovePayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountApproveError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "What stockCountReject did.")
class StockCountRejectPayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountRejectError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "What stockCountCancel did.")
class StockCountCancelPayload:
    count: StockCountType | None = column(NOW)
    errors: list[StockCountCancelError] = column(ERRORS)
