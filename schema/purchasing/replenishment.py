from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import purchasing as load_purchasing
from models.catalog import Product
from models.purchasing import ReplenishmentProposal, ReplenishmentRun
from resolvers.purchasing import purchase_orders
from resolvers.purchasing import replenishment as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from schema.purchasing.purchase_orders import ProductNotSuppliedType, PurchaseOrderType
from schema.purchasing.suppliers import SupplierArchivedType, SupplierType
from services.purchasing import replenishment

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(
    ReplenishmentProposal,
    "A replenishment proposal with its figures: packs = (demand + safety -"
    " available - incoming - drafted) / unitsPerPack, rounded up.",
)
class ReplenishmentProposalType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    supplier: SupplierType | None = related(
        load_purchasing.supplier_by_id,
        "The preferred supplier, or else the cheapest.",
        by="supplier_id",
    )
    pack_quantity: int = column("Packs to order.")
    units_per_pack: int = column("Units per pack.")
    units: int = column("Units to order.")
    average_daily_demand: float = column("Units sold on an average day.")
    weekday_factors: list[float] = column(
        "Sales of each weekday relative to an average day, from Monday."
    )
    forecast_error: float = column("Root mean square error of the daily forecast, in units.")
    forecast_demand: float = column("Forecast of units sold in leadTimeDays + reviewPeriodDays.")
    safety_stock: float = column("Safety stock: 1.645 x deviation x square root of leadTimeDays.")
    lead_time_days: int = column("Days until an order is delivered.")
    review_period_days: int = column("Days until the next order.")
    available: int = column("Units available for sale, at that time.")
    incoming: int = column("Units in transit to the store, at that time.")
    on_draft_orders: int = column("Units in drafts of purchase orders, at that time.")
    days_of_cover: float = column("Days for which these units last, at most 9999.")
    computed_at: datetime = column("Time of the calculation.")


@backed_by(ReplenishmentRun, "The last calculation of a store's proposals.")
class ReplenishmentRunType:
    computed_at: datetime | None = column("Time of the calculation; null before the first.")
    product_count: int = column(
        "Number of products that were examined: those that a supplier sells."
    )
    proposal_count: int = column("Number of products with a proposal.")


@backed_by(
    replenishment.NoReplenishmentProposal, "There is no proposal for this product, or not any more."
)
class NoReplenishmentProposalType(ProblemType):
    product_id: strawberry.ID | None = id_field(
        Product, "The product; null if there are no proposals at all.", by="product_id"
    )


ReplenishmentRefreshError = Annotated[
    NotFoundType | RateLimitedType,
    strawberry.union(
        "ReplenishmentRefreshError", description="Problems that `replenishmentRefresh` can return."
    ),
]
PurchaseOrderCreateFromProposalsError = Annotated[
    NotFoundType
    | InvalidInputType
    | ProductNotSuppliedType
    | SupplierArchivedType
    | NoReplenishmentProposalType,
    strawberry.union(
        "PurchaseOrderCreateFromProposalsError",
        description="Problems that `purchaseOrderCreateFromProposals` can return.",
    ),
]


@backed_by(resolve.ReplenishmentOutcome, "Result of `replenishmentRefresh`.")
class ReplenishmentRefreshPayload:
    replenishment_run: ReplenishmentRunType | None = field(
        resolve.run_of_store, "The calculation; null if the mutation was rejected."
    )
    errors: list[ReplenishmentRefreshError] = column(
        "The problems; empty if the mutation succeeded."
    )


@backed_by(purchase_orders.PurchaseOrderOutcome, "Result of `purchaseOrderCreateFromProposals`.")
class PurchaseOrderCreateFromProposalsPayload:
    purchase_order: PurchaseOrderType | None = column("The draft; null when there is none.")
    errors: list[PurchaseOrderCreateFromProposalsError] = column(
        "The problems; empty if the mutation succeeded."
    )
