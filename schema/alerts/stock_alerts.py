"""GraphQL types of stock alerts and reorder points."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stores as load_stores
from models.accounts import Person
from models.alerts import AlertAction, AlertKind, AlertPriority, AlertStatus, StockAlert
from models.catalog import Product
from models.stores import Store
from resolvers.alerts import stock_alerts as resolve
from resolvers.rules import STORE
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType
from services.alerts import stock_alerts

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(StockAlert, "A stock alert about a product in a store.")
class StockAlertType(NodeType):
    id: strawberry.ID = id_field(StockAlert)
    kind: AlertKind = column("The kind of alert.")
    priority: AlertPriority = column("Its urgency.")
    status: AlertStatus = column("Its status.")
    available_actions: list[AlertAction] = field(
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
        Person, "Who acknowledged it.", by="acknowledged_by_id"
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


AlertAcknowledgeError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union(
        "AlertAcknowledgeError", description="Problems that `alertAcknowledge` can return."
    ),
]
AlertSnoozeError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("AlertSnoozeError", description="Problems that `alertSnooze` can return."),
]
StockReorderPointSetError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union(
        "StockReorderPointSetError", description="Problems that `stockReorderPointSet` can return."
    ),
]
NOW = "The alert as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.AlertOutcome, "Result of `alertAcknowledge`.")
class AlertAcknowledgePayload:
    alert: StockAlertType | None = column(NOW)
    errors: list[AlertAcknowledgeError] = column(ERRORS)


@backed_by(resolve.AlertOutcome, "Result of `alertSnooze`.")
class AlertSnoozePayload:
    alert: StockAlertType | None = column(NOW)
    errors: list[AlertSnoozeError] = column(ERRORS)


@backed_by(resolve.ReorderPointOutcome, "Result of `stockReorderPointSet`.")
class StockReorderPointSetPayload:
    reorder_point: ReorderPointType | None = column("The reorder point after the mutation.")
    errors: list[StockReorderPointSetError] = column(ERRORS)
