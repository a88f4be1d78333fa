"""Picking and packing: records the units found of each line, closes the bags, charges them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.message_text import words_text
from models.orders import Order, OrderCancelReason, OrderLine
from services.carts.totals import included_tax
from services.catalog import code_lookup, weights
from services.catalog.product_codes import ReadCode
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import column_values, illegal_step
from services.core.text import parse_code
from services.delivery import deliveries
from services.fulfillment import packed_lines, substitution_totals
from services.fulfillment.fulfillment_states import (
    MACHINE,
    PACK,
    PICK_LINE,
    SUBSTITUTE_STATUSES,
    PickingTask,
    begin,
)
from services.fulfillment.line_states import LINE_MACHINE
from services.fulfillment.missing_units import count_missing
from services.fulfillment.task_timers import idle_deadline
from services.fulfillment.waiting_bags import bags_deadline
from services.orders import order_states
from services.payments import payments, pending_changes
from services.stock import damaged_units, movements

MAX_BAGS = 20
MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductMismatch(Problem):
    """The scanned code is of another product; `expected` is the code to look for."""

    expected: str


@dataclass(frozen=True, slots=True)
class LinePick:
    """The units found of a line, named by its id, by a code of its product, or by both.

    `damaged` is the number of newly found damaged units. With `batch_code` all found units are of
    that batch. `grams` is their weight, for products sold by weight.
    """

    quantity: int
    line_id: UUID | None = None
    code: str | None = None
    batch_code: str | None = None
    damaged: int = 0
    grams: int | None = None

    def with_code(self, read: ReadCode, weighed: bool) -> "LinePick":
        """The pick with the batch in its code and, for one piece, with the weight in it."""
        batch_code = read.batch_code if self.batch_code is None else self.batch_code
        is_label = weighed and self.grams is None and self.quantity == 1
        grams = read.grams if is_label else self.grams
        return replace(self, batch_code=batch_code, grams=grams)


async def pick_line(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    pick: LinePick,
    expected_version: int | None = None,
) -> Fulfillment:
    """Record how many units of a line were found: all make it FOUND, fewer make it SHORT.

    Can be repeated until the order is packed; damaged units stay damaged. A pick that changes
    nothing keeps the version, but its picker is at work. Raises DomainError: NotFound,
    InvalidTransition, VersionConflict, InvalidInput, AmbiguousProductCode, ProductMismatch when the
    code is not of the line's product, BatchNotSellable when the units could only be of a batch that
    must not be sold, InsufficientStock when units in place of damaged ones are all reserved, and
    TooLight or TooHeavy for an impossible weight, or one that costs more than is authorized.
    """
    task = await begin(session, actor, fulfillment_id, PICK_LINE, expected_version)
    line, pick = await _find_line(session, task, pick)
    _check_no_substitute(line)
    if not 0 <= pick.quantity <= line.quantity:
        message = f"quantity is from 0 to {line.quantity} for this line."
        raise DomainError(InvalidInput(path=["input", "quantity"], message=message))
    damaged_units.check_damaged_quantity(pick.damaged)
    # A batch is assigned anew even to the same number of units.
    before = column_values(line) if pick.batch_code is None else None
    line.picked_weight_grams = await _checked_grams(session, line, pick)
    await _record_units(session, task, line, pick, actor.person_id)
    await _decide_line(session, task, line, before)
    await session.flush()
    return task.fulfillment


async def _checked_grams(
    session: AsyncSession, line: FulfillmentLine, pick: LinePick
) -> int | None:
    """The weight of the found units of a product sold by weight."""
    limit = None
    if line.average_weight_grams is not None:
        order_line = await session.get_one(OrderLine, line.order_line_id)
        limit = weights.max_grams(order_line, pick.quantity)
    return weights.validate_grams(
        line.average_weight_grams, pick.quantity, pick.grams, "weightGrams", limit_grams=limit
    )


async def _decide_line(
    session: AsyncSession,
    task: PickingTask,
    line: FulfillmentLine,
    before: Mapping[str, object] | None,
) -> None:
    """Set the status of a line from the units found, and record what differs from `before`."""
    fulfillment = task.fulfillment
    starts = fulfillment.status is FulfillmentStatus.ACCEPTED
    if starts:
        MACHINE.set_status(fulfillment, FulfillmentStatus.PICKING)
        task.record_change(session, OrderEventKind.PICKING_STARTED)
    complete = line.picked_quantity == line.quantity
    line_status = FulfillmentLineStatus.FOUND if complete else FulfillmentLineStatus.SHORT
    LINE_MACHINE.set_status(line, line_status)
    fulfillment.next_step_due_at = await idle_deadline(session, task)
    if not starts and column_values(line) == before:
        return
    fulfillment.version += 1
    task.record_change(
        session,
        OrderEventKind.LINE_PICKED if complete else OrderEventKind.LINE_SHORT,
        line_id=line.id,
        product_id=line.product_id,
        quantity=line.quantity,
        picked_quantity=line.picked_quantity,
        damaged_quantity=line.damaged_quantity,
        picked_weight_grams=line.picked_weight_grams,
    )


def _check_no_substitute(line: FulfillmentLine) -> None:
    """Raise DomainError: InvalidTransition when a substitute is in the bag for the line."""
    if line.status in SUBSTITUTE_STATUSES:
        message = f"The line is {words_text(line.status)}: what lies in the bag for it stays."
        raise illegal_step("input", "lineId", message=message, state=line.status)


async def pack(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    bags: int,
    expected_version: int | None = None,
) -> Fulfillment:
    """Close the bags: capture the payment of what is in them, write off and count what is missing.

    A product that became one that is not sold to minors takes a check of the age at the hand-over.
    With nothing picked the order is canceled as OUT_OF_STOCK and its payment voided. Raises
    DomainError: NotFound, InvalidTransition (also while a line is undecided), VersionConflict,
    InvalidInput.
    """
    task = await begin(session, actor, fulfillment_id, PACK, expected_version)
    if not 1 <= bags <= MAX_BAGS:
        message = f"An order fills 1 to {MAX_BAGS} bags."
        raise DomainError(InvalidInput(path=["input", "bagCount"], message=message))
    await count_missing(session, task)
    await pending_changes.end_pending_change(session, task.order)
    lines, restricted = await packed_lines.record_packed(session, task)
    lost = Counter({line.product_id: line.units.lost for line in task.lines})
    substitutes_minor, more = await substitution_totals.accepted_totals(session, task.order)
    if restricted or more:
        await packed_lines.require_age(session, task)
    if substitutes_minor or any(line.packed_quantity for line in lines):
        await _close_bags(
            session, task, bags, bag_total_minor(task.order, lines, substitutes_minor)
        )
    else:
        await _cancel_empty(session, task)
    await movements.record_pick_shortage(session, task.order, +lost, actor.person_id)
    return task.fulfillment


def bag_total_minor(order: Order, lines: Iterable[OrderLine], substitutes_minor: int = 0) -> int:
    """The amount to capture in minor units: packed goods, fees and tip, less the discount.

    Products sold by weight cost by their picked weight. The discount shrinks with the goods,
    rounded up in the customer's favor: ceil(discount * packed / items). A complete bag without
    weighed products costs exactly the order's total. Substitutes in the bag cost
    `substitutes_minor`.
    """
    packed_minor = sum(
        weights.line_charge(line, line.packed_quantity or 0, line.packed_weight_grams)
        for line in lines
    )
    packed_minor += substitutes_minor
    discount = (
        -(-order.discount_minor * packed_minor // order.subtotal_minor) if packed_minor else 0
    )
    discount = min(discount, order.discount_minor)
    fees = order.delivery_fee_minor + order.small_order_fee_minor
    return packed_minor + fees + order.tip_minor - discount


async def _find_line(
    session: AsyncSession, task: PickingTask, pick: LinePick
) -> tuple[FulfillmentLine, LinePick]:
    """The line that a pick names, and the pick with what its code says.

    Raises DomainError: InvalidInput, NotFound, AmbiguousProductCode, ProductMismatch.
    """
    if pick.line_id is None and pick.code is None:
        message = "Say which line: its id, or the code of its product."
        raise DomainError(InvalidInput(path=["input", "lineId"], message=message))
    lines = {line.id: line for line in task.lines}
    line = lines.get(pick.line_id) if pick.line_id else None
    if pick.line_id and line is None:
        raise not_found(FulfillmentLine, "lineId")
    if pick.code is None:
        return line or task.lines[0], pick
    company = task.fulfillment.company_id
    found = await code_lookup.find_product(session, company, pick.code, "input", "scannedCode")
    pending = FulfillmentLineStatus.PENDING
    candidates = [line] if line else sorted(task.lines, key=lambda one: one.status is not pending)
    for candidate in candidates:
        if candidate.product_id == found.product_id:
            return candidate, pick.with_code(found.read, candidate.average_weight_grams is not None)
    expected = await session.get_one(Product, candidates[0].product_id)
    code = pick.code.strip()[:MAX_CODE_LENGTH]
    message = f"{code} is not {'this line' if line else 'on the list'}: look for {expected.name}."
    code = expected.barcode or expected.code
    raise DomainError(
        ProductMismatch(path=["input", "scannedCode"], message=message, expected=code)
    )


async def _record_units(
    session: AsyncSession,
    task: PickingTask,
    line: FulfillmentLine,
    pick: LinePick,
    actor_id: UUID | None,
) -> None:
    code = pick.batch_code
    if code is not None:
        code = parse_code(code, "input", "batchCode", max_length=MAX_CODE_LENGTH)
    result = damaged_units.PickResult(pick.quantity, pick.damaged, code)
    await damaged_units.record_pick_result(session, line, task.order.id, result, actor_id)


async def _close_bags(
    session: AsyncSession, task: PickingTask, bags: int, amount_minor: int
) -> None:
    await payments.request_capture(session, task.order, amount_minor)
    _set_final_total(task.order, amount_minor)
    fulfillment = task.fulfillment
    MACHINE.move(fulfillment, FulfillmentStatus.PACKED)
    fulfillment.bag_count, fulfillment.packed_at = bags, task.now
    fulfillment.next_step_due_at = await bags_deadline(session, task)
    short_lines = sum(line.status is FulfillmentLineStatus.SHORT for line in task.lines)
    task.record_change(
        session, OrderEventKind.FULFILLMENT_PACKED, bags=bags, short_lines=short_lines
    )
    await session.flush()


def _set_final_total(order: Order, amount_minor: int) -> None:
    """Store the final total and the tax in it: on all but the tip, as when the order was placed."""
    taxed_minor = max(0, amount_minor - order.tip_minor)
    order.final_total_minor = amount_minor
    order.final_tax_minor = included_tax(taxed_minor, order.tax_rate_basis_points)
    order.version += 1


async def _cancel_empty(session: AsyncSession, task: PickingTask) -> None:
    """Cancel an order of which no unit was found, and void its payment."""
    await payments.request_void(session, task.order)
    MACHINE.move(task.fulfillment, FulfillmentStatus.CANCELED)
    task.fulfillment.next_step_due_at = None
    task.record_change(session, OrderEventKind.FULFILLMENT_CANCELED)
    await deliveries.cancel_for_order(session, task.order)
    await order_states.mark_canceled(session, task.order, OrderCancelReason.OUT_OF_STOCK)
    await session.flush()
