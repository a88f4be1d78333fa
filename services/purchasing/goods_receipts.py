"""Goods receipts: deliveries of a supplier, checked line by line against the purchase order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.message_text import count_text, number_text
from models.purchasing import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
    Supplier,
)
from models.stock import StockMovementReason
from services.core.access import MANAGER_ROLES
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, NotFound, Problem, range_problem
from services.core.text import code_form, parse_code, parse_line
from services.purchasing.purchase_order_lines import MAX_LINES_PER_ORDER
from services.purchasing.purchase_order_states import MACHINE, read_lines, record_change
from services.stock import movements, receiving
from services.stock.receiving import MAX_BATCH_CODE_LENGTH, MAX_RECEIPT_UNITS

MAX_NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OverReceipt(Problem):
    """More units would be received of a product (`arrived`) than are allowed (`most`)."""

    product_id: UUID
    ordered: int
    received: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReceiptItem:
    """Units received of one batch: `quantity` undamaged ones, and `damaged` ones beside them."""

    product_id: UUID
    quantity: int
    damaged: int = 0
    batch_code: str | None = None
    sell_by_date: date | None = None


async def receive(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    lines: Sequence[GoodsReceiptItem],
    note: str = "",
    allow_over_receipt: bool = False,
    expected_version: int,
) -> GoodsReceipt:
    """Receive a delivery, complete or in part; its units are on hand at once.

    More than ordered, beyond the supplier's tolerance, needs a manager and `allow_over_receipt`.
    Raises DomainError: NotFound, InvalidInput, OverReceipt, InvalidTransition if nothing is
    outstanding, VersionConflict if something was received since the order was read.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    items = _validated(lines)
    action = PurchaseOrderAction.RECEIVE
    order = await MACHINE.begin(session, actor, purchase_order_id, action, expected_version)
    ordered = {line.product_id: line for line in await read_lines(session, order)}
    _require_ordered(items, ordered)
    is_manager = actor.has_store_role(order.company_id, order.store_id, MANAGER_ROLES)
    if not (allow_over_receipt and is_manager):
        supplier = await session.get_one(Supplier, order.supplier_id)
        _require_within_tolerance(items, ordered, supplier.over_tolerance_percent)
    no_longer_open = _add_received_units(items, ordered)
    receipt = await _store_receipt(session, actor, order, items, note)
    _update_status(order, ordered)
    if order.status is PurchaseOrderStatus.RECEIVED:
        order.closed_at = await current_time(session)
    await record_change(session, order, "PURCHASE_ORDER_RECEIVED", receipt_id=receipt.id)
    await _change_stock(session, actor, order, items, no_longer_open)
    return receipt


def _validated(items: Sequence[GoodsReceiptItem]) -> list[GoodsReceiptItem]:
    """The items with batch codes in their stored form.

    Raises DomainError: InvalidInput for each problem.
    """
    if not 1 <= len(items) <= MAX_LINES_PER_ORDER:
        message = f"A receipt has from 1 to {MAX_LINES_PER_ORDER} lines."
        raise DomainError(_invalid(["lines"], message))
    problems = [problem for n, item in enumerate(items) for problem in _problems(item, str(n))]
    items = [
        replace(item, batch_code=item.batch_code and code_form(item.batch_code)) for item in items
    ]
    batches = Counter((item.product_id, item.batch_code, item.sell_by_date) for item in items)
    if any(count > 1 for count in batches.values()):
        message = "A batch of a product stands in one line only."
        problems.append(_invalid(["lines"], message))
    if problems:
        raise DomainError(*problems)
    return items


def _problems(item: GoodsReceiptItem, index: str) -> list[Problem]:
    path = ["lines", index]
    problems: list[Problem] = [
        range_problem(["input", *path, field], 0, MAX_RECEIPT_UNITS)
        for field, units in (("quantity", item.quantity), ("damaged", item.damaged))
        if not 0 <= units <= MAX_RECEIPT_UNITS
    ]
    if item.quantity == item.damaged == 0:
        problems.append(_invalid([*path, "quantity"], "A line has one unit at least."))
    if item.batch_code is not None:
        code_path = ("input", *path, "batchCode")
        try:
            parse_code(item.batch_code, *code_path, max_length=MAX_BATCH_CODE_LENGTH)
        except DomainError as error:
            problems += error.problems
    return problems


def _require_ordered(
    items: Sequence[GoodsReceiptItem], ordered: dict[UUID, PurchaseOrderLine]
) -> None:
    """Raise DomainError: NotFound for each product that is not in the order."""
    unknown = [str(n) for n, item in enumerate(items) if item.product_id not in ordered]
    if unknown:
        message = "That product is not in this order."
        paths = (["input", "lines", index, "product", "productId"] for index in unknown)
        raise DomainError(*(NotFound(path=path, message=message) for path in paths))


def _require_within_tolerance(
    items: Sequence[GoodsReceiptItem],
    ordered: dict[UUID, PurchaseOrderLine],
    tolerance_percent: int,
) -> None:
    """Raise DomainError: OverReceipt for each product with too many units."""
    problems: list[Problem] = []
    units_in_receipt: Counter[UUID] = Counter()
    for index, item in enumerate(items):
        line = ordered[item.product_id]
        units_in_receipt[item.product_id] += item.quantity + item.damaged
        total_units = line.arrived_units + units_in_receipt[item.product_id]
        max_units = line.units * (100 + tolerance_percent) // 100
        if total_units > max_units:
            problems.append(
                OverReceipt(
                    path=["input", "lines", str(index), "quantity"],
                    message=f"Ordered: {count_text(line.units, 'unit')}. With this receipt"
                    f" {number_text(total_units)} would have come.",
                    product_id=item.product_id,
                    ordered=line.units,
                    received=total_units,
                    limit=max_units,
                )
            )
    if problems:
        raise DomainError(*problems)


def _add_received_units(
    items: Sequence[GoodsReceiptItem], ordered: dict[UUID, PurchaseOrderLine]
) -> dict[UUID, int]:
    """Add the units to the order's lines; returns by how many each product's open units fell."""
    before = {item.product_id: ordered[item.product_id].outstanding_units for item in items}
    for item in items:
        line = ordered[item.product_id]
        line.received_units += item.quantity
        line.damaged_units += item.damaged
    return {key: units - ordered[key].outstanding_units for key, units in before.items()}


def _update_status(order: PurchaseOrder, ordered: dict[UUID, PurchaseOrderLine]) -> None:
    """Move to RECEIVED once no unit is outstanding, PARTIALLY_RECEIVED before that."""
    has_open_units = any(line.outstanding_units for line in ordered.values())
    status = PurchaseOrderStatus
    MACHINE.move(order, status.PARTIALLY_RECEIVED if has_open_units else status.RECEIVED)


async def _store_receipt(
    session: AsyncSession,
    actor: Actor,
    order: PurchaseOrder,
    items: Sequence[GoodsReceiptItem],
    note: str,
) -> GoodsReceipt:
    receipt = GoodsReceipt(
        purchase_order_id=order.id,
        company_id=order.company_id,
        store_id=order.store_id,
        received_by_id=actor.person_id,
        note=note,
        received_at=await current_time(session),
    )
    session.add(receipt)
    await session.flush()
    session.add_all(
        GoodsReceiptLine(
            receipt_id=receipt.id,
            position=index,
            product_id=item.product_id,
            company_id=order.company_id,
            quantity=item.quantity,
            damaged=item.damaged,
            batch_code=item.batch_code,
            sell_by_date=item.sell_by_date,
        )
        for index, item in enumerate(items)
    )
    return receipt


async def _change_stock(
    session: AsyncSession,
    actor: Actor,
    order: PurchaseOrder,
    items: Sequence[GoodsReceiptItem],
    no_longer_open: dict[UUID, int],
) -> None:
    """Add the units to the stock on hand and subtract them from the incoming units."""
    receipt_lines = [
        receiving.StockReceiptLine(
            product_id=item.product_id,
            quantity=item.quantity,
            batch_code=item.batch_code,
            sell_by_date=item.sell_by_date,
            damaged=item.damaged,
        )
        for item in items
    ]
    await receiving.receive(
        session, company_id=order.company_id, store_id=order.store_id, lines=receipt_lines,
        reason=StockMovementReason.RECEIPT, reference=order.code, actor_id=actor.person_id,
    )  # fmt: skip
    incoming_delta = {product_id: -units for product_id, units in no_longer_open.items()}
    await movements.change_incoming(
        session, company_id=order.company_id, store_id=order.store_id, lines=incoming_delta,
        reference=order.code, actor_id=actor.person_id,
    )  # fmt: skip


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
