from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from models.catalog import Product
from models.companies import Company
from models.purchasing import Supplier, SupplierProduct
from resolvers.purchasing import suppliers as resolve
from schema.backing import backed_by, column, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from schema.scalars import MoneyType
from services.purchasing import suppliers

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(Supplier, "A firm that a company buys from.")
class SupplierType(NodeType):
    id: strawberry.ID = id_field(Supplier)
    company_id: strawberry.ID = id_field(Company, "The company that buys.", by="company_id")
    code: str = column("Its short code, unique in the company.")
    name: str = column("What people call it.")
    email: str = column("Where orders are sent to; empty when nobody said.")
    phone: str = column("Its phone; empty when nobody said.")
    currency: str = column("The ISO 4217 code of what it asks.")
    lead_days: int = column("Days from an order to its delivery.")
    review_days: int = column("Days between two orders.")
    minimum_order: MoneyType = money_field("minimum_order_minor", "The least worth of an order.")
    over_tolerance_percent: int = column("How much more than ordered may come unasked.")
    active: bool = column("False when nothing more is ordered from it.")
    version: int = column("Grows with each change: pass it as expectedVersion.")


@backed_by(SupplierProduct, "On which terms a supplier sells a product.")
class SupplierProductType:
    supplier_id: strawberry.ID = id_field(Supplier, "The supplier.", by="supplier_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    sku: str = column("The supplier's own number for it; empty when nobody said.")
    pack_cost: MoneyType = money_field("pack_cost_minor", "What a pack costs.")
    pack_units: int = column("Units in a pack.")
    lead_days: int | None = column("Days until it comes; null for the supplier's own.")
    preferred: bool = column("Whether it is bought here rather than elsewhere.")


@backed_by(suppliers.SupplierCodeTaken, "Another supplier of the company has this code.")
class SupplierCodeTakenType(ProblemType):
    code: str = column("The code.")


@backed_by(suppliers.SupplierArchived, "Nothing more is ordered from this supplier.")
class SupplierArchivedType(ProblemType):
    pass


SupplierSaveError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | SupplierCodeTakenType,
    strawberry.union("SupplierSaveError", description="Why nothing was saved."),
]
SupplierArchiveError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union("SupplierArchiveError", description="Why the supplier stays as it is."),
]
SupplierProductsSetError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union("SupplierProductsSetError", description="Why the terms stay as they are."),
]
NOW = "The supplier as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.SupplierOutcome, "What supplierSave did.")
class SupplierSavePayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierSaveError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "What supplierArchive did.")
class SupplierArchivePayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierArchiveError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "What supplierProductsSet did.")
class SupplierProductsSetPayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierProductsSetError] = column(ERRORS)
