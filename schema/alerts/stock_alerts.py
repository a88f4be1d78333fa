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


@backed_by(StockAlert, "Something about a product in a store that its staff should see to.")
class StockAlertType(NodeType):
    id: strawberry.ID = id_field(StockAlert)
    kind: AlertKind = column("What is wrong.")
    priority: AlertPriority = column("How soon somebody should look.")
    status: AlertStatus = column("Whether somebody sees to it.")
    available_actions: list[AlertAction] = field(
        resolve.available_actions, "What you can do with it now."
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
        "Units available; when EXPIRING those that expire; in a trend those sold in seven days.",
        allow=STORE,
    )
    threshold: int | None = column(
        "The reorder point; when EXPIRING days left; in a trend units sold in a usual week.",
        allow=STORE,
    )
    raised_at: datetime = column("When it was raised.")
    acknowledged_at: datetime | None = column("When somebody took it on, if somebody did.")
    acknowledged_by_id: strawberry.ID | None = id_field(
        Person, "Who took it on.", by="acknowledged_by_id"
    )
    snoozed_until: datetime | None = column("Until when it is put off.")
    resolved_at: datetime | None = column("When its cause was gone.")
    version: int = column("Grows with each change of it.")


@backed_by(stock_alerts.ReorderPoint, "From how few units on a product is low.")
class ReorderPointType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID | None = id_field(
        Product, "The product; null when it is the store's own point.", by="product_id"
    )
    units: int = column("As many units, or fewer, are LOW.")


AlertAcknowledgeError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("AlertAcknowledgeError", description="Why nobody took it on."),
]
AlertSnoozeError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("AlertSnoozeError", description="Why it was not put off."),
]
StockReorderPointSetError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("StockReorderPointSetError", description="Why the point stays as it is."),
]
NOW = "The alert as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.AlertOutcome, "What alertAcknowledge did.")
class AlertAcknowledgePayload:
    alert: StockAlertType | None = column(NOW)
    errors: list[AlertAcknowledgeError] = column(ERRORS)


@backed_by(resolve.AlertOutcome, "What alertSnooze did.")
class AlertSnoozePayload:
    alert: StockAlertType | None = column(NOW)
    errors: list[AlertSnoozeError] = column(ERRORS)


@backed_by(resolve.ReorderPointOutcome, "What stockReorderPointSet did.")
class StockReorderPointSetPayload:
    reorder_point: ReorderPointType | None = column("The point as it is now.")
    errors: list[StockReorderPointSetError] = column(ERRORS)
