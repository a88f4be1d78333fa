"""Purchase orders of stores and their goods receipts."""

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
from resolvers.mutations import company_of, run_mutation
from resolvers.purchasing.inputs import (
    PurchaseOrderApproveInput,
    PurchaseOrderCancelInput,
    PurchaseOrderCloseInput,
    PurchaseOrderCreateInput,
    PurchaseOrderLinesSetInput,
    PurchaseOrderReceiveInput,
    to_order_items,
)
from services.core.pages import Page
from services.core.problems import parse_id
from services.purchasing import (
    goods_receipts,
    purchase_order_states,
    purchase_orders,
    receipt_scans,
)

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
PurchaseOrderId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Statuses = Annotated[
    list[PurchaseOrderStatus] | None,
    strawberry.argument(description="Only these statuses; all if left out."),
]


@dataclass
class PurchaseOrderOutcome:
    """Result of a purchase order mutation: the order, or the problems."""

    purchase_order: PurchaseOrder | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class GoodsReceiptOutcome:
    """Result of `purchaseOrderReceive`: the receipt, or the problems."""

    goods_receipt: GoodsReceipt | None = None
    errors: list[Any] = field(default_factory=list)


async def get_purchase_order(info: Info, id: PurchaseOrderId) -> PurchaseOrder:
    actor, key = info.context.actor, parse_id(PurchaseOrder, id, "id")
    async with info.context.read() as session:
        return await purchase_order_states.visible_purchase_order(
            session, actor=actor, purchase_order_id=key
        )


async def list_of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, statuses: Statuses = None
) -> Page[PurchaseOrder]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await purchase_orders.list_of_store(
            session, actor=actor, store_id=store, first=first, cursor=after, statuses=statuses
        )


async def create(info: Info, input: PurchaseOrderCreateInput) -> PurchaseOrderOutcome:
    return await run_mutation(
        info,
        PurchaseOrderOutcome,
        lambda session: purchase_orders.create(session, **_create_arguments(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


async def set_lines(info: Info, input: PurchaseOrderLinesSetInput) -> PurchaseOrderOutcome:
    async def operation(session: Any) -> PurchaseOrder:
        return await purchase_orders.set_lines(
            session, lines=to_order_items(input.lines), **_step_arguments(info, input)
        )

    return await _run_step(info, operation, input)


async def approve(info: Info, input: PurchaseOrderApproveInput) -> PurchaseOrderOutcome:
    async def operation(session: Any) -> PurchaseOrder:
        return await purchase_orders.approve(session, **_step_arguments(info, input))

    return await _run_step(info, operation, input)


async def cancel(info: Info, input: PurchaseOrderCancelInput) -> PurchaseOrderOutcome:
    async def operation(session: Any) -> PurchaseOrder:
        return await purchase_orders.cancel(
            session, note=input.note, **_step_arguments(info, input)
        )

    return await _run_step(info, operation, input)


async def close(info: Info, input: PurchaseOrderCloseInput) -> PurchaseOrderOutcome:
    async def operation(session: Any) -> PurchaseOrder:
        return await purchase_orders.close(session, note=input.note, **_step_arguments(info, input))

    return await _run_step(info, operation, input)


async def receive(info: Info, input: PurchaseOrderReceiveInput) -> GoodsReceiptOutcome:
    return await run_mutation(
        info,
        GoodsReceiptOutcome,
        lambda session: _receive(session, info, input),
        input=input,
        company_id=company_of(info, PurchaseOrder, input.purchase_order_id, "purchaseOrderId"),
    )


async def _run_step(info: Info, operation: Any, input: Any) -> PurchaseOrderOutcome:
    company = company_of(info, PurchaseOrder, input.purchase_order_id, "purchaseOrderId")
    return await run_mutation(
        info, PurchaseOrderOutcome, operation, input=input, company_id=company
    )


def _step_arguments(info: Info, input: Any) -> dict[str, Any]:
    """Arguments that every step of a purchase order takes."""
    return {
        "actor": info.context.actor,
        "purchase_order_id": parse_id(PurchaseOrder, input.purchase_order_id, "purchaseOrderId"),
        "expected_version": input.expected_version,
    }


def _create_arguments(info: Info, input: PurchaseOrderCreateInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "supplier_id": parse_id(Supplier, input.supplier_id, "supplierId"),
        "lines": to_order_items(input.lines),
        "note": input.note,
    }


async def _receive(session: Any, info: Info, input: PurchaseOrderReceiveInput) -> GoodsReceipt:
    step = _step_arguments(info, input)
    scans = input.to_receipt_scans()
    lines = await receipt_scans.identify(session, step["purchase_order_id"], scans)
    options: Any = {"note": input.note, "allow_over_receipt": input.allow_over_receipt}
    return await goods_receipts.receive(session, lines=lines, **step, **options)


async def purchase_order_of_receipt(
    parent: strawberry.Parent[GoodsReceiptOutcome], info: Info
) -> PurchaseOrder | None:
    """The receipt's purchase order as it is now."""
    if parent.goods_receipt is None:
        return None
    order_id = parent.goods_receipt.purchase_order_id
    return await info.context.loaders.load(load.purchase_order_by_id, order_id)


def available_actions(
    parent: strawberry.Parent[PurchaseOrder], info: Info
) -> list[PurchaseOrderAction]:
    return purchase_order_states.MACHINE.available_actions(parent, info.context.actor)
