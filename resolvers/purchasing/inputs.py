from datetime import date

import strawberry

from models.catalog import Product
from resolvers.shared_inputs import ProductReferenceInput, SafeInt
from services.core.problems import parse_id
from services.purchasing.purchase_order_lines import PurchaseOrderItem
from services.purchasing.receipt_scans import ReceiptScan
from services.purchasing.supplier_products import SupplierProductTerms
from services.purchasing.suppliers import SupplierDetails

SUPPLIER_VERSION = (
    "The version that the caller has read; VersionConflict if the supplier has changed since."
)


LEAD_TIME = "Days from an order to its delivery, 0 to 365."
REVIEW_PERIOD = "Days between two orders, 1 to 90, which determine the quantity to order."
OVER_TOLERANCE = "Percentage by which a delivery may exceed the order, 0 to 100."


@strawberry.input(description="Input of `supplierCreate`.")
class SupplierCreateInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    code: str = strawberry.field(description="A short code, unique in the company.")
    name: str = strawberry.field(description="Its name.")
    email: str = strawberry.field(default="", description="E-mail address for orders.")
    phone: str = strawberry.field(
        default="", description="A phone with its country code; empty for none."
    )
    lead_time_days: int = strawberry.field(default=1, description=LEAD_TIME)
    review_period_days: int = strawberry.field(default=1, description=REVIEW_PERIOD)
    minimum_order_minor: SafeInt = strawberry.field(
        default=SafeInt(0), description="Minimum value of an order, in minor units."
    )
    over_tolerance_percent: int = strawberry.field(default=0, description=OVER_TOLERANCE)

    def to_details(self) -> SupplierDetails:
        names = SupplierDetails.__dataclass_fields__
        return SupplierDetails(**{name: getattr(self, name) for name in names})


@strawberry.input(
    description="Input of `supplierUpdate`. Fields that are left out are not changed."
)
class SupplierUpdateInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    code: str | None = strawberry.field(
        default=None, description="A short code, unique in the company."
    )
    name: str | None = strawberry.field(default=None, description="Its name.")
    email: str | None = strawberry.field(
        default=None, description="E-mail address for orders; empty for none."
    )
    phone: str | None = strawberry.field(
        default=None, description="A phone with its country code; empty for none."
    )
    lead_time_days: int | None = strawberry.field(default=None, description=LEAD_TIME)
    review_period_days: int | None = strawberry.field(default=None, description=REVIEW_PERIOD)
    minimum_order_minor: SafeInt | None = strawberry.field(
        default=None, description="Minimum value of an order, in minor units."
    )
    over_tolerance_percent: int | None = strawberry.field(default=None, description=OVER_TOLERANCE)
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)

    def to_changes(self) -> dict[str, str | int]:
        """The given details."""
        values = {name: getattr(self, name) for name in SupplierDetails.__dataclass_fields__}
        return {name: value for name, value in values.items() if value is not None}


@strawberry.input(description="Input of `supplierArchive`.")
class SupplierArchiveInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)


@strawberry.input(description="Input of `supplierRestore`.")
class SupplierRestoreInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)


@strawberry.input(description="Terms of a product.")
class SupplierProductInput:
    product_id: strawberry.ID = strawberry.field(description="The product.")
    supplier_sku: str = strawberry.field(default="", description="The supplier's article number.")
    pack_cost_minor: SafeInt = strawberry.field(
        description="Cost of a pack, in minor units of the supplier's currency."
    )
    units_per_pack: int = strawberry.field(default=1, description="Units per pack, 1 to 10000.")
    lead_time_days: int | None = strawberry.field(
        default=None, description="Lead time in days; that of the supplier if left out."
    )
    preferred: bool = strawberry.field(
        default=False, description="Whether this supplier is preferred for the product."
    )

    def to_terms(self, index: str) -> SupplierProductTerms:
        return SupplierProductTerms(
            product_id=parse_id(Product, self.product_id, "products", index, "productId"),
            sku=self.supplier_sku,
            pack_cost_minor=self.pack_cost_minor,
            units_per_pack=self.units_per_pack,
            lead_time_days=self.lead_time_days,
            preferred=self.preferred,
        )


@strawberry.input(description="Input of `supplierProductsSet`.")
class SupplierProductsSetInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    products: list[SupplierProductInput] = strawberry.field(
        default_factory=list, description="Terms to set; with the removed ones at most 200."
    )
    removed_product_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Products to remove."
    )
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)

    def to_terms(self) -> list[SupplierProductTerms]:
        return [product.to_terms(str(n)) for n, product in enumerate(self.products)]


ORDER_VERSION = (
    "The version that the caller has read; VersionConflict if the order has changed since."
)
NOTE = "Note, at most 200 characters."


@strawberry.input(description="Packs of a product.")
class PurchaseOrderLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product that the supplier sells.")
    pack_quantity: int = strawberry.field(description="Number of packs, from 1 to 10000.")
    pack_cost_minor: SafeInt | None = strawberry.field(
        default=None, description="Cost of a pack in this order; the usual cost if left out."
    )


def to_order_items(lines: list[PurchaseOrderLineInput]) -> list[PurchaseOrderItem]:
    return [
        PurchaseOrderItem(
            parse_id(Product, line.product_id, "lines", str(n), "productId"),
            line.pack_quantity,
            line.pack_cost_minor,
        )
        for n, line in enumerate(lines)
    ]


@strawberry.input(description="Input of `purchaseOrderCreate`.")
class PurchaseOrderCreateInput:
    store_id: strawberry.ID = strawberry.field(description="The store that it is for.")
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="From 1 to 500 lines.")
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="Input of `purchaseOrderLinesSet`.")
class PurchaseOrderLinesSetInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The draft.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="From 1 to 500 lines.")
    expected_version: int = strawberry.field(description=ORDER_VERSION)


@strawberry.input(description="Input of `purchaseOrderApprove`.")
class PurchaseOrderApproveInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The draft.")
    expected_version: int = strawberry.field(description=ORDER_VERSION)


@strawberry.input(description="Input of `purchaseOrderCancel`.")
class PurchaseOrderCancelInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=ORDER_VERSION)


@strawberry.input(description="Input of `purchaseOrderClose`.")
class PurchaseOrderCloseInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=ORDER_VERSION)


@strawberry.input(description="Received units of one batch.")
class GoodsReceiptLineInput:
    product: ProductReferenceInput = strawberry.field(
        description="A product of the order; the lot and date in its code are those of the batch."
    )
    quantity: int = strawberry.field(description="Intact units, 0 to 100000.")
    damaged: int = strawberry.field(
        default=0, description="Damaged units, in addition to the intact ones."
    )
    batch_code: str | None = strawberry.field(default=None, description="Code of the batch.")
    sell_by_date: date | None = strawberry.field(
        default=None, description="Last day of sale of the batch; today or later."
    )

    def to_scan(self, *path: str) -> ReceiptScan:
        product_id, code = self.product.to_reference(*path, "product")
        return ReceiptScan(
            product_id=product_id,
            code=code,
            quantity=self.quantity,
            damaged=self.damaged,
            batch_code=self.batch_code,
            sell_by_date=self.sell_by_date,
        )


@strawberry.input(description="Input of `purchaseOrderReceive`.")
class PurchaseOrderReceiveInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    lines: list[GoodsReceiptLineInput] = strawberry.field(
        description="From 1 to 500 lines, one for each batch."
    )
    note: str = strawberry.field(default="", description=NOTE)
    allow_over_receipt: bool = strawberry.field(
        default=False, description="Receive more than was ordered; for managers."
    )
    expected_version: int = strawberry.field(description=ORDER_VERSION)

    def to_receipt_scans(self) -> list[ReceiptScan]:
        return [line.to_scan("lines", str(n)) for n, line in enumerate(self.lines)]


@strawberry.input(description="Input of `purchaseOrderCreateFromProposals`.")
class PurchaseOrderCreateFromProposalsInput:
    store_id: strawberry.ID = strawberry.field(description="The store that it is for.")
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Products, at most 500; all proposals if left out."
    )
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="Input of `replenishmentRefresh`.")
class ReplenishmentRefreshInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
