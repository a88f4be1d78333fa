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
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.purchasing.suppliers import SupplierArchivedType, SupplierType
from schema.scalars import MoneyType
from services.purchasing import goods_receipts, purchase_order_lines, purchase_orders

if TYPE_CHECKING:
    from schema.accounts.people import PersonType
    from schema.catalog.products import ProductType


@backed_by(PurchaseOrderLine, "Packs of a product in an order, and what came of them.")
class PurchaseOrderLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    sku: str = column("The supplier's own number for it; empty when nobody said.")
    packs: int = column("Packs that are ordered.")
    pack_units: int = column("Units in a pack.")
    units: int = column("Units that are ordered.")
    received_units: int = column("Whole units that came.")
    damaged_units: int = column("Damaged units that came.")
    open_units: int = column("Units that have not come.")
    pack_cost: MoneyType | None = money_field(
        "pack_cost_minor", "What a pack costs.", allow=MANAGER
    )
    cost: MoneyType | None = money_field("cost_minor", "What all its packs cost.", allow=MANAGER)


@backed_by(GoodsReceiptLine, "Units of one batch that came.")
class GoodsReceiptLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    quantity: int = column("Whole units.")
    damaged: int = column("Damaged units beside them.")
    batch_code: str | None = column("The batch's own code, where it is known.")
    expires_on: date | None = column("The batch's last day of sale, where it is known.")


@backed_by(GoodsReceipt, "One delivery against an order.")
class GoodsReceiptType(NodeType):
    id: strawberry.ID = id_field(GoodsReceipt)
    received_by: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = (
        related(
            load_accounts.person_by_id,
            "Who took it in; null for one who is not of your company.",
            by="received_by_id",
        )
    )
    note: str = column("What was noted, such as the delivery note's number.")
    at: datetime = column("When it was taken in.")
    lines: list[GoodsReceiptLineType] = related(
        load.lines_by_receipt, "What came, batch by batch; at most 500.", cost=10
    )


@backed_by(PurchaseOrder, "Goods that a store wants of a supplier.")
class PurchaseOrderType(NodeType):
    id: strawberry.ID = id_field(PurchaseOrder)
    code: str = column("What people call it.")
    status: PurchaseOrderStatus = column("How far it is.")
    available_actions: list[PurchaseOrderAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")
    store_id: strawberry.ID = id_field(Store, "The store that it is for.", by="store_id")
    supplier: SupplierType | None = related(load.supplier_by_id, "Who delivers.", by="supplier_id")
    lines: list[PurchaseOrderLineType] = related(
        load.lines_by_purchase_order, "What is ordered; at most 500 lines.", cost=10
    )
    receipts: list[GoodsReceiptType] = related(
        load.receipts_by_purchase_order, "What came of it, the first delivery first.", cost=5
    )
    total: MoneyType | None = money_field("total_minor", "What all its lines cost.", allow=MANAGER)
    note: str = column("What was noted when it was drafted.")
    end_note: str = column("Why it was canceled or closed; empty before that.")
    created_at: datetime = column("When it was drafted.")
    created_by: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "Who drafted it; null for one who is not of your company.",
        by="created_by_id",
    )
    approved_at: datetime | None = column("When it was ordered.")
    approved_by: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = (
        related(
            load_accounts.person_by_id,
            "Who approved it; null for one who is not of your company.",
            by="approved_by_id",
        )
    )
    expected_on: date | None = column("When the last of it should come, by the lead times.")
    ended_at: datetime | None = column("When all had come, or it was closed or canceled.")


@backed_by(purchase_order_lines.NotSupplied, "The supplier does not sell this product.")
class NotSuppliedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")


@backed_by(purchase_orders.BelowSupplierMinimum, "The supplier delivers nothing for so little.")
class BelowSupplierMinimumType(ProblemType):
    minimum: MoneyType = money_field("minimum_minor", "The least worth of an order.")
    total: MoneyType = money_field("total_minor", "What this order is worth.")


@backed_by(goods_receipts.OverReceipt, "More came of a product than was ordered.")
class OverReceiptType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    ordered: int = column("Units that were ordered.")
    arrived: int = column("Units that would have come in all.")
    most: int = column("Units that may come without a manager's word.")


PurchaseOrderCreateError = Annotated[
    NotFoundType | InvalidInputType | NotSuppliedType | SupplierArchivedType,
    strawberry.union("PurchaseOrderCreateError", description="Why nothing was drafted."),
]
PurchaseOrderLinesSetError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType | NotSuppliedType,
    strawberry.union("PurchaseOrderLinesSetError", description="Why the lines stay."),
]
PurchaseOrderApproveError = Annotated[
    NotFoundType
    | IllegalStepType
    | VersionConflictType
    | SupplierArchivedType
    | BelowSupplierMinimumType
    | InvalidInputType,
    strawberry.union("PurchaseOrderApproveError", description="Why it was not ordered."),
]
PurchaseOrderEndError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType,
    strawberry.union("PurchaseOrderEndError", description="Why the order goes on."),
]
PurchaseOrderReceiveError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType | OverReceiptType,
    strawberry.union("PurchaseOrderReceiveError", description="Why nothing was taken in."),
]
NOW = "The order as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.PurchaseOrderOutcome, "What purchaseOrderCreate did.")
class PurchaseOrderCreatePayload:
    purchase_order: PurchaseOrderType | None = column("The draft; null when there is none.")
    errors: list[PurchaseOrderCreateError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "What purchaseOrderLinesSet did.")
class PurchaseOrderLinesSetPayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderLinesSetError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "What purchaseOrderApprove did.")
class PurchaseOrderApprovePayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderApproveError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "What purchaseOrderCancel did.")
class PurchaseOrderCancelPayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderEndError] = column(ERRORS)


@backed_by(resolve.PurchaseOrderOutcome, "What purchaseOrderClose did.")
class PurchaseOrderClosePayload:
    purchase_order: PurchaseOrderType | None = column(NOW)
    errors: list[PurchaseOrderEndError] = column(ERRORS)


@backed_by(resolve.GoodsReceiptOutcome, "What purchaseOrderReceive did.")
class PurchaseOrderReceivePayload:
    receipt: GoodsReceiptType | None = column("What was taken in; null when nothing was.")
    purchase_order: PurchaseOrderType | None = field(resolve.purchase_order_of_receipt, NOW)
    errors: list[PurchaseOrderReceiveError] = column(ERRORS)
