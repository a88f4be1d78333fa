"""Root fields of suppliers, purchase orders and replenishment."""

import strawberry

from resolvers.purchasing import purchase_orders as purchase_order_resolvers
from resolvers.purchasing import replenishment as replenishment_resolvers
from resolvers.purchasing import suppliers as supplier_resolvers
from resolvers.rules import COMPANY, MANAGER, STORE
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.purchasing.purchase_orders import (
    PurchaseOrderApprovePayload,
    PurchaseOrderCancelPayload,
    PurchaseOrderClosePayload,
    PurchaseOrderCreatePayload,
    PurchaseOrderLinesSetPayload,
    PurchaseOrderReceivePayload,
    PurchaseOrderType,
)
from schema.purchasing.replenishment import (
    PurchaseOrderCreateFromProposalsPayload,
    ReplenishmentProposalType,
    ReplenishmentRefreshPayload,
)
from schema.purchasing.suppliers import (
    SupplierArchivePayload,
    SupplierCreatePayload,
    SupplierProductsSetPayload,
    SupplierProductType,
    SupplierRestorePayload,
    SupplierType,
    SupplierUpdatePayload,
)


@strawberry.type
class SupplierQuery:
    supplier: SupplierType | None = field(
        supplier_resolvers.get_supplier, "A supplier by its id.", allow=MANAGER
    )
    suppliers: ConnectionType[SupplierType] | None = field(
        supplier_resolvers.list_of_company,
        "The suppliers of a company, by code.",
        allow=MANAGER,
    )
    supplier_products: ConnectionType[SupplierProductType] | None = field(
        supplier_resolvers.list_products,
        "The products of a supplier.",
        allow=MANAGER,
    )


@strawberry.type
class SupplierMutation:
    supplier_create: SupplierCreatePayload | None = mutation(
        supplier_resolvers.create, "Creates a supplier of a company.", allow=MANAGER
    )
    supplier_update: SupplierUpdatePayload | None = mutation(
        supplier_resolvers.update, "Changes the given details of a supplier.", allow=MANAGER
    )
    supplier_archive: SupplierArchivePayload | None = mutation(
        supplier_resolvers.archive,
        "Archives a supplier: nothing more is ordered from it.",
        allow=MANAGER,
    )
    supplier_restore: SupplierRestorePayload | None = mutation(
        supplier_resolvers.restore, "Restores an archived supplier.", allow=MANAGER
    )
    supplier_products_set: SupplierProductsSetPayload | None = mutation(
        supplier_resolvers.set_products,
        "Sets the products of a supplier and their terms.",
        allow=MANAGER,
    )


@strawberry.type
class PurchaseOrderQuery:
    purchase_order: PurchaseOrderType | None = field(
        purchase_order_resolvers.get_purchase_order,
        "A purchase order by its id.",
        allow=STORE,
    )
    purchase_orders: ConnectionType[PurchaseOrderType] | None = field(
        purchase_order_resolvers.list_of_store,
        "The purchase orders of a store, newest first.",
        allow=STORE,
    )


@strawberry.type
class PurchaseOrderMutation:
    purchase_order_create: PurchaseOrderCreatePayload | None = mutation(
        purchase_order_resolvers.create, "Drafts a purchase order.", allow=MANAGER
    )
    purchase_order_lines_set: PurchaseOrderLinesSetPayload | None = mutation(
        purchase_order_resolvers.set_lines, "Replaces the lines of a draft.", allow=MANAGER
    )
    purchase_order_approve: PurchaseOrderApprovePayload | None = mutation(
        purchase_order_resolvers.approve, "Approves a draft and orders it.", allow=COMPANY
    )
    purchase_order_cancel: PurchaseOrderCancelPayload | None = mutation(
        purchase_order_resolvers.cancel,
        "Cancels a draft, or an order of which nothing was received.",
        allow=MANAGER,
    )
    purchase_order_receive: PurchaseOrderReceivePayload | None = mutation(
        purchase_order_resolvers.receive, "Records goods received from a supplier.", allow=STORE
    )
    purchase_order_close: PurchaseOrderClosePayload | None = mutation(
        purchase_order_resolvers.close,
        "Closes a purchase order without its outstanding units.",
        allow=MANAGER,
    )


@strawberry.type
class ReplenishmentQuery:
    replenishment_proposals: ConnectionType[ReplenishmentProposalType] | None = field(
        replenishment_resolvers.list_proposals,
        "Replenishment proposals of a store, shortest supply first.",
        allow=MANAGER,
    )


@strawberry.type
class ReplenishmentMutation:
    replenishment_refresh: ReplenishmentRefreshPayload | None = mutation(
        replenishment_resolvers.refresh,
        "Recalculates the replenishment proposals of a store.",
        allow=MANAGER,
    )
    purchase_order_create_from_proposals: PurchaseOrderCreateFromProposalsPayload | None = mutation(
        replenishment_resolvers.create_purchase_order,
        "Drafts a purchase order from proposals.",
        allow=MANAGER,
    )
