"""Root fields of orders to suppliers."""

import strawberry

from resolvers import purchase_order as resolve
from resolvers.rules import COMPANY, MANAGER, STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.purchase_order import (
    PurchaseOrder,
    PurchaseOrderApprovePayload,
    PurchaseOrderCancelPayload,
    PurchaseOrderClosePayload,
    PurchaseOrderCreatePayload,
    PurchaseOrderLinesSetPayload,
    PurchaseOrderReceivePayload,
)


@strawberry.type
class Query:
    purchase_order: PurchaseOrder | None = field(
        resolve.one, "An order to a supplier by its id.", allow=STORE
    )
    purchase_orders: Connection[PurchaseOrder] | None = field(
        resolve.of_store, "Your store's orders to suppliers, the newest first.", allow=STORE
    )


@strawberry.type
class Mutation:
    purchase_order_create: PurchaseOrderCreatePayload = mutation(
        resolve.create, "Draft an order to a supplier.", allow=MANAGER
    )
    purchase_order_lines_set: PurchaseOrderLinesSetPayload = mutation(
        resolve.set_lines, "Replace the lines of a draft.", allow=MANAGER
    )
    purchase_order_approve: PurchaseOrderApprovePayload = mutation(
        resolve.approve, "Order what a draft says.", allow=COMPANY
    )
    purchase_order_cancel: PurchaseOrderCancelPayload = mutation(
        resolve.cancel, "Drop a draft, or call off an order of which nothing came.", allow=MANAGER
    )
    purchase_order_receive: PurchaseOrderReceivePayload = mutation(
        resolve.receive, "Take in what a supplier brought.", allow=STORE
    )
    purchase_order_close: PurchaseOrderClosePayload = mutation(
        resolve.close, "Wait no longer for the rest of an order.", allow=MANAGER
    )
