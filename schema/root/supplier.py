"""Root fields of suppliers."""

import strawberry

from resolvers import supplier as resolve
from resolvers.rules import MANAGER
from schema.backing import field, mutation
from schema.page import Connection
from schema.supplier import (
    Supplier,
    SupplierArchivePayload,
    SupplierProduct,
    SupplierProductsSetPayload,
    SupplierSavePayload,
)


@strawberry.type
class Query:
    supplier: Supplier | None = field(resolve.one, "A supplier by its id.", allow=MANAGER)
    suppliers: Connection[Supplier] | None = field(
        resolve.listed, "Your company's suppliers, by their codes.", allow=MANAGER
    )
    supplier_products: Connection[SupplierProduct] | None = field(
        resolve.products, "What a supplier sells, product by product.", allow=MANAGER
    )


@strawberry.type
class Mutation:
    supplier_save: SupplierSavePayload = mutation(
        resolve.save, "Add a supplier, or change one.", allow=MANAGER
    )
    supplier_archive: SupplierArchivePayload = mutation(
        resolve.archive, "Order nothing more from a supplier, or take it up again.", allow=MANAGER
    )
    supplier_products_set: SupplierProductsSetPayload = mutation(
        resolve.set_products, "Say what a supplier sells, and on which terms.", allow=MANAGER
    )
