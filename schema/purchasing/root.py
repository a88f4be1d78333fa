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
    ReorderProposalType,
    ReorderRefreshPayload,
)
from schema.purchasing.suppliers import (
    SupplierArchivePayload,
    SupplierProductsSetPayload,
    SupplierProductType,
    SupplierSavePayload,
    SupplierType,
)


@strawberry.type
class SupplierQuery:
    supplier: SupplierType | None = field(
        supplier_resolvers.get_supplier, "A supplier by its id.", allow=MANAGER
    )
    suppliers: ConnectionType[SupplierType] | None = field(
        supplier_resolvers.list_of_company,
        "Your company's suppliers, by their codes.",
        allow=MANAGER,
    )
    supplier_products: ConnectionType[SupplierProductType] | None = field(
        supplier_resolvers.list_products,
        "What a supplier sells, product by product.",
        allow=MANAGER,
    )


@strawberry.type
class SupplierMutation:
    supplier_save: SupplierSavePayload | None = mutation(
        supplier_resolvers.save, "Add a supplier, or change one.", allow=MANAGER
    )
    supplier_archive: SupplierArchivePayload | None = mutation(
        supplier_resolvers.archive,
        "Order nothing more from a supplier, or take it up again.",
        allow=MANAGER,
    )
    supplier_products_set: SupplierProductsSetPayload | None = mutation(
        supplier_resolvers.set_products,
        "Say what a supplier sells, and on which terms.",
        allow=MANAGER,
    )


@strawberry.type
class PurchaseOrderQuery:
    purchase_order: PurchaseOrderType | None = field(
        purchase_order_resolvers.get_purchase_order,
        "An order to a supplier by its id.",
        allow=STORE,
    )
    purchase_orders: ConnectionType[PurchaseOrderType] | None = field(
        purchase_order_resolvers.list_of_store,
        "Your store's orders to suppliers, the newest first.",
        allow=STORE,
    )


@strawberry.type
class PurchaseOrderMutation:
    purchase_order_create: PurchaseOrderCreatePayload | None = mutation(
        purchase_order_resolvers.create, "Draft an order to a supplier.", allow=MANAGER
    )
    purchase_order_lines_set: PurchaseOrderLinesSetPayload | None = mutation(
        purchase_order_resolvers.set_lines, "Replace the lines of a draft.", allow=MANAGER
    )
    purchase_order_approve: PurchaseOrderApprovePayload | None = mutation(
        purchase_order_resolvers.approve, "Order what a draft says.", allow=COMPANY
    )
    purchase_order_cancel: PurchaseOrderCancelPayload | None = mutation(
        purchase_order_resolvers.cancel,
        "Drop a draft, or call off an order of which nothing came.",
        allow=MANAGER,
    )
    purchase_order_receive: PurchaseOrderReceivePayload | None = mutation(
        purchase_order_resolvers.receive, "Take in what a supplier brought.", allow=STORE
    )
    purchase_order_close: PurchaseOrderClosePayload | None = mutation(
        purchase_order_resolvers.close, "Wait no longer for the rest of an order.", allow=MANAGER
    )


@strawberry.type
class ReplenishmentQuery:
    reorder_proposals: ConnectionType[ReorderProposalType] | None = field(
        replenishment_resolvers.list_proposals,
        "What your store should order, what lasts the shortest first.",
        allow=MANAGER,
    )


@strawberry.type
class ReplenishmentMutation:
    reorder_refresh: ReorderRefreshPayload | None = mutation(
        replenishment_resolvers.refresh,
        "Work out anew what your store should order.",
        allow=MANAGER,
    )
    purchase_order_create_from_proposals: PurchaseOrderCreateFromProposalsPayload | None = mutation(
        replenishment_resolvers.create_purchase_order,
        "Draft an order out of what is proposed.",
        allow=MANAGER,
    )
