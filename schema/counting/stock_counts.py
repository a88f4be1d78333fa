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
from schema.catalog.product_codes import AmbiguousProductCodeType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from services.counting import count_opening, count_queries, stock_counts

if TYPE_CHECKING:
    from schema.accounts.people import UserType
    from schema.catalog.products import ProductType


@backed_by(StockCountEntry, "One count of a line by one person.", name="StockCountEntry")
class StockCountEntryType:
    count_round: int = column(
        "Number of the round: 1 for the first count, 2 for the first recount."
    )
    counted: int = column("Counted units.")
    user: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id, "Who counted.", by="person_id"
    )
    counted_at: datetime = column("When.")


@backed_by(
    count_queries.VisibleCountLine,
    "A product of a count. Expected quantities are hidden during the count.",
)
class StockCountLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    counted: int | None = column("Counted units; null before the count.")
    counted_at: datetime | None = column("Time of the count.")
    expected: int | None = column(
        "Expected units at that time, including sold units that were not picked;"
        " null until the count is submitted."
    )
    variance: int | None = column("counted - expected; null until the count is submitted.")
    variance_value: MoneyType | None = money_field(
        "variance_value_minor",
        "Value of the variance at the selling price of that time; null without a price.",
    )
    history: list[StockCountEntryType] = related(
        load.entries_by_line, "All counts of this product, oldest first.", by="id"
    )


@backed_by(count_queries.CountVariance, "The variance of a count.")
class StockCountVarianceType:
    line_count: int = column("Number of products with a variance.")
    units_over: int = column("Units found beyond what was expected.")
    units_short: int = column("Units missing.")
    overage_value: MoneyType = money_field(
        "overage_value_minor", "Value of the surplus units at selling prices."
    )
    shortage_value: MoneyType = money_field(
        "shortage_value_minor", "Value of the missing units at selling prices."
    )
    net_value: MoneyType = money_field(
        "net_value_minor", "Value of the surplus minus value of the missing units."
    )


@backed_by(count_queries.CountProgress, "Progress and results of a count.")
class StockCountProgressType:
    line_count: int = column("Number of products to count.")
    counted_line_count: int = column("Number of counted products.")
    variance: StockCountVarianceType | None = column("Variance; null until the count is submitted.")


@backed_by(StockCount, "A stock count: products of a store that are counted blind.")
class StockCountType(NodeType):
    id: strawberry.ID = id_field(StockCount)
    status: StockCountStatus = column("Its status.")
    available_actions: list[StockCountAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    note: str = column("Note for the people who count.")
    count_round: int = column("Number of the round: 1, plus 1 for each requested recount.")
    progress: StockCountProgressType = related(load.progress_by_count, "Its progress and results.")
    started_at: datetime = column("Time when it started.")
    submitted_at: datetime | None = column("Time when it was submitted.")
    decided_at: datetime | None = column("Time when it was approved or canceled.")


@backed_by(count_opening.StockCountInProgress, "A product is part of another active count.")
class StockCountInProgressType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    stock_count_id: strawberry.ID = id_field(StockCount, "The other count.", by="stock_count_id")


@backed_by(stock_counts.UncountedLines, "Some products have not been counted yet.")
class UncountedLinesType(ProblemType):
    remaining_line_count: int = column("The number.")


@backed_by(stock_counts.BelowPromised, "Fewer units would be left than are reserved for orders.")
class BelowPromisedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    reserved: int = column("Reserved units.")
    on_hand: int = column("Units that would be left.")


StockCountStartError = Annotated[
    NotFoundType | InvalidInputType | StockCountInProgressType,
    strawberry.union(
        "StockCountStartError", description="Problems that `stockCountStart` can return."
    ),
]
StockCountLineSetError = Annotated[
    NotFoundType | InvalidInputType | AmbiguousProductCodeType | InvalidTransitionType,
    strawberry.union(
        "StockCountLineSetError", description="Problems that `stockCountLineSet` can return."
    ),
]
StockCountSubmitError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | UncountedLinesType,
    strawberry.union(
        "StockCountSubmitError", description="Problems that `stockCountSubmit` can return."
    ),
]
StockCountApproveError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | BelowPromisedType,
    strawberry.union(
        "StockCountApproveError", description="Problems that `stockCountApprove` can return."
    ),
]
StockCountRejectError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "StockCountRejectError", description="Problems that `stockCountReject` can return."
    ),
]
StockCountCancelError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "StockCountCancelError", description="Problems that `stockCountCancel` can return."
    ),
]
NOW = "The count as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.StockCountOutcome, "Result of `stockCountStart`.")
class StockCountStartPayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountStartError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "Result of `stockCountLineSet`.")
class StockCountLineSetPayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountLineSetError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "Result of `stockCountSubmit`.")
class StockCountSubmitPayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountSubmitError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "Result of `stockCountApprove`.")
class StockCountApprovePayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountApproveError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "Result of `stockCountReject`.")
class StockCountRejectPayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountRejectError] = column(ERRORS)


@backed_by(resolve.StockCountOutcome, "Result of `stockCountCancel`.")
class StockCountCancelPayload:
    stock_count: StockCountType | None = column(NOW)
    errors: list[StockCountCancelError] = column(ERRORS)
