from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import catalog as load_catalog
from dataloaders import purchasing as load
from models.catalog import Product
from models.purchasing import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from models.stores import Store
from resolvers.purchasing import purchase_orders as resolve
from resolvers.rules import MANAGER
from schema.backing import backed_by, column, field, related
from schema.catalog.product_codes import AmbiguousProductCodeType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.purchasing.suppliers import SupplierArchivedType, SupplierType
from schema.scalars import MoneyType
from services.purchasing import goods_receipts, purchase_order_lines, purchase_orders

if TYPE_CHECKING:
    from schema.accounts.people import UserType
    from schema.catalog.products import ProductType


@backed_by(
    PurchaseOrderLine,
    "A line of a purchase order: ordered packs of a product, and what was received.",
)
class PurchaseOrderLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    supplier_sku: str = column("The supplier's article number; empty if unknown.")
    pack_quantity: int = column("Ordered packs.")
    units_per_pack: int = column("Units per pack.")
    units: int = column("Ordered units.")
    received_units: int = column("Received intact units.")
    damaged_units: int = column("Received damaged units.")
    outstanding_units: int = column("Outstanding units.")
    pack_cost: MoneyType | None = money_field("pack_cost_minor", "Cost of a pack.", allow=MANAGER)
    cost: MoneyType | None = money_field("cost_minor", "Cost of the line.", allow=MANAGER)


@backed_by(GoodsReceiptLine, "Received units of one batch.")
class GoodsReceiptLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    quantity: int = column("Intact units.")
    damaged: int = column("Damaged units, in addition to the intact ones.")
    batch_code: str | None = column("Code of the batch, if known.")
    sell_by_date: date | None = column("Last day of sale of the batch, if known.")


@backed_by(GoodsReceipt, "Goods received for a purchase order.")
class GoodsReceiptType(NodeType):
    id: strawberry.ID = id_field(GoodsReceipt)
    received_by: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "Who received it; null for people of other companies.",
        by="received_by_id",
    )
    note: str = column("Note, such as the number of the delivery note.")
    received_at: datetime = column("Time when it was received.")
    lines: list[GoodsReceiptLineType] = related(
        load.lines_by_receipt, "Received units by batch, at most 500 lines.", cost=10
    )


@backed_by(PurchaseOrder, "A purchase order: goods that a store orders from a supplier.")
class PurchaseOrderType(NodeType):
    id: strawberry.ID = id_field(PurchaseOrder)
    code: str = column("Its name.")
    status: PurchaseOrderStatus = column("Its status.")
    available_actions: list[PurchaseOrderAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")
    store_id: strawberry.ID = id_field(Store, "The store that it is for.", by="store_id")
    supplier: SupplierType | None = related(load.supplier_by_id, "The supplier.", by="supplier_id")
    lines: list[PurchaseOrderLineType] = related(
        load.lines_by_purchase_order, "The ordered products, at most 500 lines.", cost=10
    )
    receipts: list[GoodsReceiptType] = related(
        load.receipts_by_purchase_order, "Its goods receipts, oldest first.", cost=5
    )
    total: MoneyType | None = money_field("total_minor", "Total cost of its lines.", allow=MANAGER)
    note: str = column("Note of the author.")
    closing_note: str = column("Why it was canceled or closed; empty before that.")
    created_at: datetime = column("Time when it was drafted.")
    created_by: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "Who drafted it; null for people of other companies.",
        by="created_by_id",
    )
    approved_at: datetime | None = column("Time when it was approved.")
    approved_by: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "Who approved it; null for people of other companies.",
        by="approved_by_id",
    )
    expected_date: date | None = column("Expected time of the last delivery, by the lead times.")
    closed_at: datetime | None = column("Time when it was fully received, closed or canceled.")


@backed_by(purchase_order_lines.ProductNotSupplied, "The supplier does not sell this product.")
class ProductNotSuppliedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")


@backed_by(purchase_orders.BelowSupplierMinimum, "The order is below the supplier's minimum.")
class BelowSupplierMinimumType(ProblemType):
    minimum: MoneyType = money_field("minimum_minor", "The minimum value of an order.")
    total: MoneyType = money_field("total_minor", "The value of this order.")


@backed_by(goods_receipts.OverReceipt, "More units of a product were received than ordered.")
class OverReceiptType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    ordered: int = column("Units that were ordered.")
    received: int = column("Total units that would be received.")
    limit: int = column("Units that can be received without a manager's approval.")


PurchaseOrderCreateError = Annotated[
    NotFoundType | InvalidInputType | ProductNotSuppliedType | SupplierArchivedType,
    strawberry.union(
        "PurchaseOrderCreateError", description="Problems that `purchaseOrderCreate` can return."
    ),
]
PurchaseOrderLinesSetError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | VersionConflictType
    | ProductNotSuppliedType,
    strawberry.union(
        "PurchaseOrderLinesSetError",
        description="Problems that `purchaseOrderLinesSet` can return.",
    ),
]
PurchaseOrderApproveError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | VersionConflictType
    | SupplierArchivedType
    | BelowSupplierMinimumType
    | InvalidInputType,
    strawberry.union(
        "PurchaseOrderApproveError", description="Problems that `purchaseOrderApprove` can return."
    ),
]
PurchaseOrderEndProblem = (
    NotFoundType | InvalidInputType | InvalidTransitionType | VersionConflictType
)
PurchaseOrderCancelError = Annotated[
    PurchaseOrderEndProblem,
    strawberry.union(
        "PurchaseOrderCancelError", description="Problems that `purchaseOrderCancel` can return."
    ),
]
PurchaseOrderCloseError = Annotated[
    PurchaseOrderEndProblem,
    strawberry.union(
        "PurchaseOrderCloseError", description="Problems that `purchaseOrderClose` can return."
    ),
]
PurchaseOrderReceiveError = Annotated[
    NotFoundType
    | InvalidInputType
    | AmbiguousProductCodeType
    | InvalidTransitionType
    | VersionConflictType
    | OverReceiptType,
    strawberry.union(
        "PurchaseOrderReceiveError", description="Problems that `purchaseOrderReceive` can return."
    ),
]
NOW = "The order as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.PurchaseOrderOutcome, "Result of `purchaseOrderCreate`.")
class PurchaseOrderCreatePayload:
    purchase_order: PurchaseOrderType | None = column("The draft; null when there is none.")
    errors: list[PurchaseOrderCreateError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "Result of `purchaseOrderLinesSet`.")
class PurchaseOrderLinesSetPayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderLinesSetError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "Result of `purchaseOrderApprove`.")
class PurchaseOrderApprovePayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderApproveError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "Result of `purchaseOrderCancel`.")
class PurchaseOrderCancelPayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderCancelError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "Result of `purchaseOrderClose`.")
class PurchaseOrderClosePayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderCloseError] = column(ERRORS)


@backed_by(resolve.GoodsReceiptOutcome, "Result of `purchaseOrderReceive`.")
class PurchaseOrderReceivePayload:
    goods_receipt: GoodsReceiptType | None = column(
        "The goods receipt; null if nothing was received."
    )
    purchase_order: PurchaseOrderType | None = field(resolve.purchase_order_of_receipt, NOW)
    errors: list[PurchaseOrderReceiveError] = column(ERRORS)
