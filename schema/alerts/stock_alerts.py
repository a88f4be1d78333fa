"""GraphQL types of stock alerts and reorder points."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stores as load_stores
from models.accounts import User
from models.alerts import (
    StockAlert,
    StockAlertAction,
    StockAlertKind,
    StockAlertPriority,
    StockAlertStatus,
)
from models.catalog import Product
from models.stores import Store
from resolvers.alerts import stock_alerts as resolve
from resolvers.rules import STORE
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, InvalidTransitionType, NotFoundType
from services.alerts import stock_alerts

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(StockAlert, "A stock alert about a product in a store.")
class StockAlertType(NodeType):
    id: strawberry.ID = id_field(StockAlert)
    type: StockAlertKind = column("The kind of alert.")
    priority: StockAlertPriority = column("Its urgency.")
    status: StockAlertStatus = column("Its status.")
    available_actions: list[StockAlertAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store.", by="store_id"
    )
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    units: int | None = column(
        "Available units; for EXPIRING the units that expire, for a sales trend the"
        " units sold in seven days.",
        allow=STORE,
    )
    threshold: int | None = column(
        "The reorder point; for EXPIRING the days left, for a sales trend the units"
        " sold in a usual week.",
        allow=STORE,
    )
    raised_at: datetime = column("Time when it was opened.")
    acknowledged_at: datetime | None = column("Time when it was acknowledged.")
    acknowledged_by_id: strawberry.ID | None = id_field(
        User, "Who acknowledged it.", by="acknowledged_by_id"
    )
    snoozed_until: datetime | None = column("End of the snooze.")
    resolved_at: datetime | None = column("Time when it was resolved.")
    version: int = column("Increases with each change.")


@backed_by(stock_alerts.ReorderPoint, "The reorder point of a product or of a store.")
class ReorderPointType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID | None = id_field(
        Product, "The product; null for the reorder point of the store.", by="product_id"
    )
    units: int = column("A product with at most this number of units is LOW.")


StockAlertAcknowledgeError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "StockAlertAcknowledgeError",
        description="Problems that `stockAlertAcknowledge` can return.",
    ),
]
StockAlertSnoozeError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union(
        "StockAlertSnoozeError", description="Problems that `stockAlertSnooze` can return."
    ),
]
StockReorderPointSetError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union(
        "StockReorderPointSetError", description="Problems that `stockReorderPointSet` can return."
    ),
]
NOW = "The alert as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.AlertOutcome, "Result of `stockAlertAcknowledge`.")
class StockAlertAcknowledgePayload:
    stock_alert: StockAlertType | None = column(NOW)
    errors: list[StockAlertAcknowledgeError] = column(ERRORS)


@backed_by(resolve.AlertOutcome, "Result of `stockAlertSnooze`.")
class StockAlertSnoozePayload:
    stock_alert: StockAlertType | None = column(NOW)
    errors: list[StockAlertSnoozeError] = column(ERRORS)


@backed_by(resolve.ReorderPointOutcome, "Result of `stockReorderPointSet`.")
class StockReorderPointSetPayload:
    reorder_point: ReorderPointType | None = column("The reorder point after the mutation.")
    errors: list[StockReorderPointSetError] = column(ERRORS)
