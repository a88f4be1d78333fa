from datetime import date

import strawberry

from models import Product
from resolvers.inputs.scalars import BigInt
from services.goods_receipt import Arrived
from services.purchase_lines import Wanted
from services.refusal import key_of

VERSION = "The version you saw: VersionConflict when somebody changed the order since."
NOTE = "A line for those who read it later, at most 200 characters."


@strawberry.input(description="Packs of a product.")
class PurchaseOrderLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product that the supplier sells.")
    packs: int = strawberry.field(description="How many packs, from 1 to 10000.")
    pack_cost_minor: BigInt | None = strawberry.field(
        default=None, description="What a pack costs here; the usual cost when left out."
    )


def wanted(lines: list[PurchaseOrderLineInput]) -> list[Wanted]:
    return [
        Wanted(
            key_of(Product, one.product_id, "lines", str(n), "productId"),
            one.packs,
            one.pack_cost_minor,
        )
        for n, one in enumerate(lines)
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
    expected_version: int = strawberry.field(description=VERSION)


@strawberry.input(description="A draft to order as it stands.")
class PurchaseOrderApproveInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The draft.")
    expected_version: int = strawberry.field(description=VERSION)


@strawberry.input(description="An order to drop.")
class PurchaseOrderCancelInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An order to wait for no longer.")
class PurchaseOrderCloseInput:
    purchase_order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(default="", description=NOTE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


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
    expected_version: int = strawberry.field(description=VERSION)

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(
                product_id=key_of(Product, one.product_id, "lines", str(n), "productId"),
                quantity=one.quantity,
                damaged=one.damaged,
                batch_code=one.batch_code,
                expires_on=one.expires_on,
            )
            for n, one in enumerate(self.lines)
        ]
