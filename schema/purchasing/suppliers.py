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


@backed_by(Supplier, "A supplier of a company.")
class SupplierType(NodeType):
    id: strawberry.ID = id_field(Supplier)
    company_id: strawberry.ID = id_field(Company, "The company.", by="company_id")
    code: str = column("Its short code, unique in the company.")
    name: str = column("Its name.")
    email: str = column("E-mail address for orders; empty if unknown.")
    phone: str = column("Its phone; empty if unknown.")
    currency: str = column("The ISO 4217 code of its prices.")
    lead_time_days: int = column("Days from an order to its delivery.")
    review_period_days: int = column("Days between two orders.")
    minimum_order: MoneyType = money_field("minimum_order_minor", "The minimum value of an order.")
    over_tolerance_percent: int = column("Percentage by which a delivery may exceed the order.")
    active: bool = column("False if nothing is ordered from it any more.")
    version: int = column("Increases with each change; pass it as expectedVersion.")


@backed_by(SupplierProduct, "Terms on which a supplier sells a product.")
class SupplierProductType:
    supplier_id: strawberry.ID = id_field(Supplier, "The supplier.", by="supplier_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    supplier_sku: str = column("The supplier's article number; empty if unknown.")
    pack_cost: MoneyType = money_field("pack_cost_minor", "Cost of a pack.")
    units_per_pack: int = column("Units per pack.")
    lead_time_days: int | None = column("Lead time in days; null for that of the supplier.")
    preferred: bool = column("Whether this supplier is preferred for the product.")


@backed_by(suppliers.SupplierCodeTaken, "Another supplier of the company has this code.")
class SupplierCodeTakenType(ProblemType):
    code: str = column("The code.")


@backed_by(suppliers.SupplierArchived, "Nothing more is ordered from this supplier.")
class SupplierArchivedType(ProblemType):
    pass


SupplierCreateError = Annotated[
    NotFoundType | InvalidInputType | SupplierCodeTakenType,
    strawberry.union(
        "SupplierCreateError", description="Problems that `supplierCreate` can return."
    ),
]
SupplierUpdateError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | SupplierCodeTakenType,
    strawberry.union(
        "SupplierUpdateError", description="Problems that `supplierUpdate` can return."
    ),
]
SupplierArchiveError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union(
        "SupplierArchiveError", description="Problems that `supplierArchive` can return."
    ),
]
SupplierRestoreError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union(
        "SupplierRestoreError", description="Problems that `supplierRestore` can return."
    ),
]
SupplierProductsSetError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union(
        "SupplierProductsSetError", description="Problems that `supplierProductsSet` can return."
    ),
]
NOW = "The supplier as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.SupplierOutcome, "Result of `supplierCreate`.")
class SupplierCreatePayload:
    supplier: SupplierType | None = column("The new supplier; null when nothing was done.")
    errors: list[SupplierCreateError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "Result of `supplierUpdate`.")
class SupplierUpdatePayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierUpdateError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "Result of `supplierArchive`.")
class SupplierArchivePayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierArchiveError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "Result of `supplierRestore`.")
class SupplierRestorePayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierRestoreError] = column(ERRORS)


@backed_by(resolve.SupplierOutcome, "Result of `supplierProductsSet`.")
class SupplierProductsSetPayload:
    supplier: SupplierType | None = column(NOW)
    errors: list[SupplierProductsSetError] = column(ERRORS)
