from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import purchasing as load_purchasing
from models.catalog import Product
from models.purchasing import ReorderProposal, ReorderRun
from resolvers.purchasing import purchase_orders
from resolvers.purchasing import replenishment as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from schema.purchasing.purchase_orders import NotSuppliedType, PurchaseOrderType
from schema.purchasing.suppliers import SupplierArchivedType, SupplierType
from services.purchasing import replenishment

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(
    ReorderProposal,
    "A replenishment proposal with its figures: packs = (demand + safety -"
    " available - incoming - drafted) / packUnits, rounded up.",
)
class ReorderProposalType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    supplier: SupplierType | None = related(
        load_purchasing.supplier_by_id,
        "The preferred supplier, or else the cheapest.",
        by="supplier_id",
    )
    packs: int = column("Packs to order.")
    pack_units: int = column("Units per pack.")
    units: int = column("Units to order.")
    level: float = column("Units sold on an average day.")
    weekday_factors: list[float] = column(
        "Sales of each weekday relative to an average day, from Monday."
    )
    deviation: float = column("Root mean square error of the daily forecast, in units.")
    demand: float = column("Forecast of units sold in leadDays + reviewDays.")
    safety: float = column("Safety stock: 1.645 x deviation x square root of leadDays.")
    lead_days: int = column("Days until an order is delivered.")
    review_days: int = column("Days until the next order.")
    available: int = column("Units available for sale, at that time.")
    incoming: int = column("Units in transit to the store, at that time.")
    drafted: int = column("Units in drafts of purchase orders, at that time.")
    cover_days: float = column("Days for which these units last, at most 9999.")
    computed_at: datetime = column("Time of the calculation.")


@backed_by(ReorderRun, "The last calculation of a store's proposals.")
class ReorderRunType:
    computed_at: datetime | None = column("Time of the calculation; null before the first.")
    products: int = column("Number of products that were examined: those that a supplier sells.")
    proposals: int = column("Number of products with a proposal.")


@backed_by(replenishment.NothingProposed, "There is no proposal for this product, or not any more.")
class NothingProposedType(ProblemType):
    product_id: strawberry.ID | None = id_field(
        Product, "The product; null if there are no proposals at all.", by="product_id"
    )


ReorderRefreshError = Annotated[
    NotFoundType | RateLimitedType,
    strawberry.union(
        "ReorderRefreshError", description="Problems that `reorderRefresh` can return."
    ),
]
PurchaseOrderCreateFromProposalsError = Annotated[
    NotFoundType | InvalidInputType | NotSuppliedType | SupplierArchivedType | NothingProposedType,
    strawberry.union(
        "PurchaseOrderCreateFromProposalsError",
        description="Problems that `purchaseOrderCreateFromProposals` can return.",
    ),
]


@backed_by(resolve.ReplenishmentOutcome, "Result of `reorderRefresh`.")
class ReorderRefreshPayload:
    run: ReorderRunType | None = field(
        resolve.run_of_store, "The calculation; null if the mutation was rejected."
    )
    errors: list[ReorderRefreshError] = column("The problems; empty if the mutation succeeded.")


@backed_by(purchase_orders.PurchaseOrderOutcome, "Result of `purchaseOrderCreateFromProposals`.")
class PurchaseOrderCreateFromProposalsPayload:
    purchase_order: PurchaseOrderType | None = column("The draft; null when there is none.")
    errors: list[PurchaseOrderCreateFromProposalsError] = column(
        "The problems; empty if the mutation succeeded."
    )
