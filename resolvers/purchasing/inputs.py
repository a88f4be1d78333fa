from datetime import date

import strawberry

from models.catalog import Product
from resolvers.shared_inputs import BigInt
from services.core.problems import parse_id
from services.purchasing.goods_receipts import GoodsReceiptItem
from services.purchasing.purchase_order_lines import PurchaseOrderItem
from services.purchasing.supplier_products import SupplierProductTerms
from services.purchasing.suppliers import SupplierDetails

SUPPLIER_VERSION = "The version you saw: VersionConflict when somebody changed the supplier since."


@strawberry.input(description="A supplier as it should be: a new one, or one that is known.")
class SupplierSaveInput:
    company_id: strawberry.ID = strawberry.field(description="The company that buys.")
    supplier_id: strawberry.ID | None = strawberry.field(
        default=None, description="The supplier to change; left out for a new one."
    )
    code: str = strawberry.field(description="A short code, unique in the company.")
    name: str = strawberry.field(description="What people call it.")
    email: str = strawberry.field(default="", description="Where orders are sent to.")
    phone: str = strawberry.field(
        default="", description="A phone with its country code; empty for none."
    )
    lead_days: int = strawberry.field(
        default=1, description="Days from an order to its delivery, 0 to 365."
    )
    review_days: int = strawberry.field(
        default=1, description="Days between two orders, 1 to 90: how far ahead to buy."
    )
    minimum_order_minor: BigInt = strawberry.field(
        default=BigInt(0), description="The least worth of an order, in minor units."
    )
    over_tolerance_percent: int = strawberry.field(
        default=0, description="How much more than ordered may come unasked, 0 to 100."
    )
    expected_version: int | None = strawberry.field(
        default=None, description=f"Needed for a known one. {SUPPLIER_VERSION}"
    )

    def to_details(self) -> SupplierDetails:
        names = SupplierDetails.__dataclass_fields__
        return SupplierDetails(**{name: getattr(self, name) for name in names})


@strawberry.input(description="A supplier to order nothing more from, or to take up again.")
class SupplierArchiveInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    archived: bool = strawberry.field(default=True, description="False takes it up again.")
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)


@strawberry.input(description="On which terms a product is sold.")
class SupplierProductInput:
    product_id: strawberry.ID = strawberry.field(description="The product.")
    sku: str = strawberry.field(default="", description="The supplier's own number for it.")
    pack_cost_minor: BigInt = strawberry.field(
        description="What a pack costs, in minor units of the supplier's currency."
    )
    pack_units: int = strawberry.field(default=1, description="Units in a pack, 1 to 10000.")
    lead_days: int | None = strawberry.field(
        default=None, description="Days until it comes; the supplier's own when left out."
    )
    preferred: bool = strawberry.field(
        default=False, description="Whether to buy it here rather than elsewhere."
    )

    def to_terms(self, index: str) -> SupplierProductTerms:
        return SupplierProductTerms(
            product_id=parse_id(Product, self.product_id, "products", index, "productId"),
            sku=self.sku,
            pack_cost_minor=self.pack_cost_minor,
            pack_units=self.pack_units,
            lead_days=self.lead_days,
            preferred=self.preferred,
        )


@strawberry.input(description="What a supplier sells: products to set, products to take out.")
class SupplierProductsSetInput:
    supplier_id: strawberry.ID = strawberry.field(description="The supplier.")
    products: list[SupplierProductInput] = strawberry.field(
        default_factory=list, description="Terms to set; with the removed ones at most 200."
    )
    removed_product_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Products that it sells no more."
    )
    expected_version: int = strawberry.field(description=SUPPLIER_VERSION)

    def to_terms(self) -> list[SupplierProductTerms]:
        return [product.to_terms(str(n)) for n, product in enumerate(self.products)]


ORDER_VERSION = "The version you saw: VersionConflict when somebody changed the order since."
NOTE = "A line for those who read it later, at most 200 characters."


@strawberry.input(description="Packs of a product.")
class PurchaseOrderLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product that the supplier sells.")
    packs: int = strawberry.field(description="How many packs, from 1 to 10000.")
    pack_cost_minor: BigInt | None = strawberry.field(
        default=None, description="What a pack costs here; the usual cost when left out."
    )


def to_order_items(lines: list[PurchaseOrderLineInput]) -> list[PurchaseOrderItem]:
    return [
        PurchaseOrderItem(
            parse_id(Product, line.product_id, "lines", str(n), "productId"),
            line.packs,
            line.pack_cost_minor,
        )
        for n, line in enumerate(lines)
    ]


@strawberry.input(description="A draft of an order to a supplier.")
class PurchaseOrderCreateInput:
    store_id: strawberry.ID = strawberry.field(description="The store that it is for.")
    supplier_id: strawberry.ID = strawberry.field(description="Who is to deliver.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="From 1 to 500 lines.")
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="A draft's lines, all of them.")
class PurchaseOrderLinesSetInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The draft.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="From 1 to 500 lines.")
    expected_version: int = strawberry.field(description=ORDER_VERSION)


@strawberry.input(description="A draft to order as it stands.")
class PurchaseOrderApproveInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The draft.")
    expected_version: int = strawberry.field(description=ORDER_VERSION)


@strawberry.input(description="An order to drop.")
class PurchaseOrderCancelInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=ORDER_VERSION)


@strawberry.input(description="An order to wait for no longer.")
class PurchaseOrderCloseInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=ORDER_VERSION)


@strawberry.input(description="Units of one batch that came.")
class GoodsReceiptLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the order.")
    quantity: int = strawberry.field(description="Whole units, 0 to 100000.")
    damaged: int = strawberry.field(default=0, description="Damaged units beside them.")
    batch_code: str | None = strawberry.field(default=None, description="The batch's own code.")
    expires_on: date | None = strawberry.field(
        default=None, description="The batch's last day of sale; today or later."
    )


@strawberry.input(description="What a supplier brought.")
class PurchaseOrderReceiveInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    lines: list[GoodsReceiptLineInput] = strawberry.field(
        description="From 1 to 500 lines, one for each batch."
    )
    note: str = strawberry.field(default="", description=NOTE)
    over_allowed: bool = strawberry.field(
        default=False, description="Take in more than was ordered: a manager's word."
    )
    expected_version: int = strawberry.field(description=ORDER_VERSION)

    def to_receipt_items(self) -> list[GoodsReceiptItem]:
        return [
            GoodsReceiptItem(
                product_id=parse_id(Product, line.product_id, "lines", str(n), "productId"),
                quantity=line.quantity,
                damaged=line.damaged,
                batch_code=line.batch_code,
                expires_on=line.expires_on,
            )
            for n, line in enumerate(self.lines)
        ]


@strawberry.input(description="Proposals to draft an order from.")
class PurchaseOrderCreateFromProposalsInput:
    store_id: strawberry.ID = strawberry.field(description="The store that it is for.")
    supplier_id: strawberry.ID = strawberry.field(description="Who is to deliver.")
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these, at most 500; all that is proposed when left out."
    )
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="A store whose proposals are to be worked out.")
class ReorderRefreshInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
