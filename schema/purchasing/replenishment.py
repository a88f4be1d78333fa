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
    "What a store should order of a product, and every figure that led to it: packs are"
    " (demand + safety - available - incoming - drafted) / packUnits, rounded up.",
)
class ReorderProposalType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    supplier: SupplierType | None = related(
        load_purchasing.supplier_by_id,
        "Who should deliver: the preferred supplier, or else the cheapest.",
        by="supplier_id",
    )
    packs: int = column("Packs to order.")
    pack_units: int = column("Units in a pack.")
    units: int = column("Units to order.")
    level: float = column("Units that an average day sells.")
    weekday_factors: list[float] = column(
        "How much of an average day each weekday sells, from Monday on."
    )
    deviation: float = column("How far a day's sales are from their forecast, in units (RMS).")
    demand: float = column("Units that will be sold in leadDays + reviewDays.")
    safety: float = column("Units kept against surprises: 1.645 x deviation x root of leadDays.")
    lead_days: int = column("Days until what is ordered comes.")
    review_days: int = column("Days until the next order.")
    available: int = column("Units on the shelf that nobody was promised, at that time.")
    incoming: int = column("Units on their way to the store, at that time.")
    drafted: int = column("Units in drafts for the store, at that time.")
    cover_days: float = column("Days that all of these will last; 9999 at most.")
    computed_at: datetime = column("When it was worked out.")


@backed_by(ReorderRun, "When a store's proposals were worked out.")
class ReorderRunType:
    computed_at: datetime | None = column("When; null before the first time.")
    products: int = column("Products that were looked at: those that some supplier sells.")
    proposals: int = column("Products of which something should be ordered.")


@backed_by(replenishment.NothingProposed, "It is not proposed to order this (any more).")
class NothingProposedType(ProblemType):
    product_id: strawberry.ID | None = id_field(
        Product, "The product; null when nothing at all is proposed.", by="product_id"
    )


ReorderRefreshError = Annotated[
    NotFoundType | RateLimitedType,
    strawberry.union("ReorderRefreshError", description="Why the proposals stay as they are."),
]
PurchaseOrderCreateFromProposalsError = Annotated[
    NotFoundType | InvalidInputType | NotSuppliedType | SupplierArchivedType | NothingProposedType,
    strawberry.union(
        "PurchaseOrderCreateFromProposalsError", description="Why nothing was drafted."
    ),
]


@backed_by(resolve.ReplenishmentOutcome, "What reorderRefresh did.")
class ReorderRefreshPayload:
    run: ReorderRunType | None = field(
        resolve.run_of_store, "What was worked out; null when nothing was."
    )
    errors: list[ReorderRefreshError] = column("Every reason why nothing was done.")


@backed_by(purchase_orders.PurchaseOrderOutcome, "What purchaseOrderCreateFromProposals did.")
class PurchaseOrderCreateFromProposalsPayload:
    purchase_order: PurchaseOrderType | None = column("The draft; null when there is none.")
    errors: list[PurchaseOrderCreateFromProposalsError] = column(
        "Every reason why nothing was done."
    )
