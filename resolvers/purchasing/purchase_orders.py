"""Orders of stores to their suppliers, and what came of them."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import purchasing as load
from models.purchasing import (
    GoodsReceipt,
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderStatus,
    Supplier,
)
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.purchasing.inputs import (
    PurchaseOrderApproveInput,
    PurchaseOrderCancelInput,
    PurchaseOrderCloseInput,
    PurchaseOrderCreateInput,
    PurchaseOrderLinesSetInput,
    PurchaseOrderReceiveInput,
    wanted,
)
from services.core.pages import Page
from services.core.problems import key_of
from services.purchasing import goods_receipts, purchase_order_states, purchase_orders

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Statuses = Annotated[
    list[PurchaseOrderStatus] | None,
    strawberry.argument(description="Only orders in these states; all when left out."),
]


@dataclass
class PurchaseOrderOutcome:
    """What a step of an order to a supplier answers."""

    purchase_order: PurchaseOrder | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class GoodsReceiptOutcome:
    """What taking in a delivery answers."""

    receipt: GoodsReceipt | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: Id) -> PurchaseOrder:
    actor, key = info.context.actor, key_of(PurchaseOrder, id, "id")
    async with info.context.read() as session:
        return await purchase_order_states.visible(session, actor=actor, purchase_order_id=key)


async def of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, statuses: Statuses = None
) -> Page[PurchaseOrder]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await purchase_orders.of_store(
            session, actor=actor, store_id=store, first=first, cursor=after, statuses=statuses
        )


async def create(info: Info, input: PurchaseOrderCreateInput) -> PurchaseOrderOutcome:
    return await attempt(
        info,
        PurchaseOrderOutcome,
        lambda session: purchase_orders.create(session, **_created(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


async def set_lines(info: Info, input: PurchaseOrderLinesSetInput) -> PurchaseOrderOutcome:
    async def verb(session: Any) -> PurchaseOrder:
        return await purchase_orders.set_lines(
            session, lines=wanted(input.lines), **_aim(info, input)
        )

    return await _step(info, verb, input)


async def approve(info: Info, input: PurchaseOrderApproveInput) -> PurchaseOrderOutcome:
    async def verb(session: Any) -> PurchaseOrder:
        return await purchase_orders.approve(session, **_aim(info, input))

    return await _step(info, verb, input)


async def cancel(info: Info, input: PurchaseOrderCancelInput) -> PurchaseOrderOutcome:
    async def verb(session: Any) -> PurchaseOrder:
        return await purchase_orders.cancel(session, note=input.note, **_aim(info, input))

    return await _step(info, verb, input)


async def close(info: Info, input: PurchaseOrderCloseInput) -> PurchaseOrderOutcome:
    async def verb(session: Any) -> PurchaseOrder:
        return await purchase_orders.close(session, note=input.note, **_aim(info, input))

    return await _step(info, verb, input)


async def receive(info: Info, input: PurchaseOrderReceiveInput) -> GoodsReceiptOutcome:
    return await attempt(
        info,
        GoodsReceiptOutcome,
        lambda session: goods_receipts.receive(session, **_received(info, input)),
        input=input,
        company_id=of(info, PurchaseOrder, input.purchase_order_id, "purchaseOrderId"),
    )


async def _step(info: Info, verb: Any, input: Any) -> PurchaseOrderOutcome:
    company = of(info, PurchaseOrder, input.purchase_order_id, "purchaseOrderId")
    return await attempt(info, PurchaseOrderOutcome, verb, input=input, company_id=company)


def _aim(info: Info, input: Any) -> dict[str, Any]:
    """Who takes the step, on which order, as it was seen."""
    return {
        "actor": info.context.actor,
        "purchase_order_id": key_of(PurchaseOrder, input.purchase_order_id, "purchaseOrderId"),
        "expected_version": input.expected_version,
    }


def _created(info: Info, input: PurchaseOrderCreateInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "supplier_id": key_of(Supplier, input.supplier_id, "supplierId"),
        "lines": wanted(input.lines),
        "note": input.note,
    }


def _received(info: Info, input: PurchaseOrderReceiveInput) -> dict[str, Any]:
    more = {"note": input.note, "over_allowed": input.over_allowed}
    return {**_aim(info, input), "lines": input.arrived(), **more}


async def of_receipt(
    parent: strawberry.Parent[GoodsReceiptOutcome], info: Info
) -> PurchaseOrder | None:
    """The order that a delivery was for, as it is now."""
    if parent.receipt is None:
        return None
    key = parent.receipt.purchase_order_id
    return await info.context.loaders.load(load.purchase_order_by_id, key)


def available_actions(
    parent: strawberry.Parent[PurchaseOrder], info: Info
) -> list[PurchaseOrderAction]:
    return purchase_order_states.available_actions(parent, info.context.actor)
