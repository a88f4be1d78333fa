from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import catalog as load_catalog
from resolvers.purchasing import suppliers as resolve
from schema.backing import backed_by, column, related
from schema.fields import key, money
from schema.nodes import Node
from schema.problems import InvalidInput, NotFound, Problem, VersionConflict
from schema.scalars import Money
from services.purchasing import suppliers

if TYPE_CHECKING:
    from schema.catalog.products import Product


@backed_by(models.Supplier, "A firm that a company buys from.")
class Supplier(Node):
    id: strawberry.ID = key(models.Supplier)
    company_id: strawberry.ID = key(models.Company, "The company that buys.", by="company_id")
    code: str = column("Its short code, unique in the company.")
    name: str = column("What people call it.")
    email: str = column("Where orders are sent to; empty when nobody said.")
    phone: str = column("Its phone; empty when nobody said.")
    currency: str = column("The ISO 4217 code of what it asks.")
    lead_days: int = column("Days from an order to its delivery.")
    review_days: int = column("Days between two orders.")
    minimum_order: Money = money("minimum_order_minor", "The least worth of an order.")
    over_tolerance_percent: int = column("How much more than ordered may come unasked.")
    active: bool = column("False when nothing more is ordered from it.")
    version: int = column("Grows with each change: pass it as expectedVersion.")


@backed_by(models.SupplierProduct, "On which terms a supplier sells a product.")
class SupplierProduct:
    supplier_id: strawberry.ID = key(models.Supplier, "The supplier.", by="supplier_id")
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    sku: str = column("The supplier's own number for it; empty when nobody said.")
    pack_cost: Money = money("pack_cost_minor", "What a pack costs.")
    pack_units: int = column("Units in a pack.")
    lead_days: int | None = column("Days until it comes; null for the supplier's own.")
    preferred: bool = column("Whether it is bought here rather than elsewhere.")


@backed_by(suppliers.SupplierCodeTaken, "Another supplier of the company has this code.")
class SupplierCodeTaken(Problem):
    code: str = column("The code.")


@backed_by(suppliers.SupplierArchived, "Nothing more is ordered from this supplier.")
class SupplierArchived(Problem):
    pass


SupplierSaveError = Annotated[
    NotFound | InvalidInput | VersionConflict | SupplierCodeTaken,
    strawberry.union("SupplierSaveError", description="Why nothing was saved."),
]
SupplierArchiveError = Annotated[
    NotFound | VersionConflict,
    strawberry.union("SupplierArchiveError", description="Why the supplier stays as it is."),
]
SupplierProductsSetError = Annotated[
    NotFound | InvalidInput | VersionConflict,
    strawberry.union("SupplierProductsSetError", description="Why the terms stay as they are."),
]
NOW = "The supplier as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.SupplierOutcome, "What supplierSave did.")
class SupplierSavePayload:
    supplier: Supplier | None = column(NOW)
    errors: list[SupplierSaveError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "What supplierArchive did.")
class SupplierArchivePayload:
    supplier: Supplier | None = column(NOW)
    errors: list[SupplierArchiveError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "What supplierProductsSet did.")
class SupplierProductsSetPayload:
    supplier: Supplier | None = column(NOW)
    errors: list[SupplierProductsSetError] = column(ERRORS)
