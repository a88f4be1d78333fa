"""Picking and packing: line by line what is on the shelf, then the bag and what it is worth."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.catalog import Product
from models.companies import Company
from models.events import EventType
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.orders import CancelReason, Order, OrderLine
from services.carts.totals import included_tax
from services.catalog import weights
from services.core.problems import IllegalStep, InvalidInput, Problem, Refused, not_found
from services.core.text import line as one_line
from services.delivery import deliveries
from services.fulfillment import substitution_totals
from services.fulfillment.picking_states import MADE_UP_FOR, PACK, PICK_LINE, Task, enter
from services.fulfillment.stalled_tasks import stalls_at
from services.orders import orders
from services.payments import payments
from services.stock import damaged_units, movements, picked_batches

BAGS_MOST = 20
CODE_LENGTH = 64
ORDERED = kept(select(OrderLine).where(OrderLine.order_id == bindparam("order")))
SCANNED = kept(
    select(Product.id)
    .where(Product.company_id == bindparam("company"))
    .where(or_(Product.barcode == bindparam("code"), Product.code == bindparam("code")))
)
TAX_RATE = kept(select(Company.tax_rate_bp).where(Company.id == bindparam("company")))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongProduct(Problem):
    """The scanned code is of something else; `expected` is the code to look for."""

    expected: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A line by its key, by the code or barcode of its product, or by both, and units found.

    `damaged` units were found unfit besides, beyond those said before. `batch_code` says that all
    of them are of that batch. `grams` is what the units found weigh, where it matters.
    """

    quantity: int
    line_id: UUID | None = None
    code: str | None = None
    batch_code: str | None = None
    damaged: int = 0
    grams: int | None = None


async def pick_line(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    pick: Pick,
    expected_version: int | None = None,
) -> Fulfillment:
    """Say how many units of a line were found: all make it FOUND, fewer make it SHORT.

    May be said again until the bag is packed; what was damaged stays so. Refused: NotFound,
    IllegalStep, VersionConflict, InvalidInput, WrongProduct when the code is not of the line's
    product, BatchFrozen when they could only be of a batch that must not be sold,
    InsufficientStock when units for damaged ones could only be taken of what others were promised,
    TooLight when what is sold by weight can't weigh so little, TooHeavy when it costs more than is
    held for it.
    """
    task = await enter(session, actor, fulfillment_id, PICK_LINE, expected_version)
    line = await _line(session, task, pick)
    _undecided(line)
    if not 0 <= pick.quantity <= line.quantity:
        message = f"Between 0 and {line.quantity} units of this line can be found."
        raise Refused(InvalidInput(path=["input", "quantity"], message=message))
    damaged_units.check(pick.damaged)
    line.picked_grams = await _weighed(session, line, pick)
    await _book(session, task, line, pick, actor.person_id)
    _said(session, task, line)
    await session.flush()
    return task.fulfillment


async def _weighed(session: AsyncSession, line: FulfillmentLine, pick: Pick) -> int | None:
    """What the units found weigh, of what is sold by weight."""
    most = None
    if line.unit_grams is not None:
        ordered = await session.get_one(OrderLine, line.order_line_id)
        most = weights.most_grams(ordered, pick.quantity)
    return weights.on_scale(line.unit_grams, pick.quantity, pick.grams, "grams", most=most)


def _said(session: AsyncSession, task: Task, line: FulfillmentLine) -> None:
    """Decide a line by what was found, and tell of it."""
    row = task.fulfillment
    if row.status is FulfillmentStatus.ACCEPTED:
        row.status = FulfillmentStatus.PICKING
        task.tell(session, EventType.PICKING_STARTED)
    found = line.picked_quantity == line.quantity
    line.status = FulfillmentLineStatus.FOUND if found else FulfillmentLineStatus.SHORT
    row.due_at = stalls_at(task)
    row.version += 1
    task.tell(
        session,
        EventType.LINE_PICKED if found else EventType.LINE_SHORT,
        line_id=line.id,
        product_id=line.product_id,
        quantity=line.quantity,
        picked_quantity=line.picked_quantity,
        damaged_quantity=line.damaged_quantity,
        picked_grams=line.picked_grams,
    )


def _undecided(line: FulfillmentLine) -> None:
    """Refused with IllegalStep when something else lies in the bag for the line."""
    if line.status in MADE_UP_FOR:
        message = f"The line is {line.status}: what lies in the bag for it stays."
        path = ["input", "lineId"]
        raise Refused(IllegalStep(path=path, message=message, state=line.status, legal=[]))


async def pack(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    bags: int,
    expected_version: int | None = None,
) -> Fulfillment:
    """Close the bag: the money for what is in it is captured, what was short is written off.

    With nothing in it the order is canceled as OUT_OF_STOCK and its money let go.
    Refused: NotFound, IllegalStep (also while a line is undecided), VersionConflict, InvalidInput.
    """
    task = await enter(session, actor, fulfillment_id, PACK, expected_version)
    if not 1 <= bags <= BAGS_MOST:
        message = f"An order fills 1 to {BAGS_MOST} bags."
        raise Refused(InvalidInput(path=["input", "bags"], message=message))
    lines = await _packed(session, task)
    lost = Counter({line.product_id: line.lost_quantity for line in task.lines})
    instead = await substitution_totals.worth(session, task.order)
    if instead or any(line.packed_quantity for line in lines):
        await _close(session, task, bags, worth(task.order, lines, instead))
    else:
        await _give_up(session, task)
    await movements.write_off(session, task.order, +lost, actor.person_id)
    return task.fulfillment


def worth(order: Order, lines: Iterable[OrderLine], instead_minor: int = 0) -> int:
    """Minor units to take for a bag: packed goods, the fees and tip as promised, less the discount.

    What is sold by weight costs by the scale. The discount shrinks with the goods, rounded up in
    the customer's favor: ceil(discount * packed / items). A full bag of what is not weighed is
    worth exactly the order's total. Substitutes in the bag cost `instead_minor`.
    """
    packed = sum(
        weights.charge(line, line.packed_quantity or 0, line.packed_grams) for line in lines
    )
    packed += instead_minor
    discount = -(-order.discount_minor * packed // order.items_minor) if packed else 0
    discount = min(discount, order.discount_minor)
    fees = order.delivery_fee_minor + order.small_order_fee_minor
    return packed + fees + order.tip_minor - discount


async def _line(session: AsyncSession, task: Task, pick: Pick) -> FulfillmentLine:
    """The line that a picker means."""
    if pick.line_id is None and pick.code is None:
        message = "Say which line: its id, or the code of its product."
        raise Refused(InvalidInput(path=["input", "lineId"], message=message))
    lines = {line.id: line for line in task.lines}
    line = lines.get(pick.line_id) if pick.line_id else None
    if pick.line_id and line is None:
        raise not_found(FulfillmentLine, "lineId")
    if pick.code is None:
        return line or task.lines[0]
    code = one_line(pick.code, "input", "code", most=CODE_LENGTH, least=1)
    scanned = await _scanned(session, task.fulfillment.company_id, code)
    candidates = [line] if line else _undecided_first(task.lines)
    for candidate in candidates:
        if candidate.product_id in scanned:
            return candidate
    expected = await session.get_one(Product, candidates[0].product_id)
    message = f"{code} is not {'this line' if line else 'on the list'}: look for {expected.name}."
    code = expected.barcode or expected.code
    raise Refused(WrongProduct(path=["input", "code"], message=message, expected=code))


async def _book(
    session: AsyncSession, task: Task, line: FulfillmentLine, pick: Pick, actor_id: UUID | None
) -> None:
    """Note what was found, and of which batches it is."""
    code = pick.batch_code
    if code is not None:
        code = one_line(code, "input", "batchCode", most=CODE_LENGTH, least=1)
    found = damaged_units.Found(pick.quantity, pick.damaged, code)
    await picked_batches.book(session, line, task.order.id, found.picked, actor_id, code)
    await damaged_units.note(session, line, task.order.id, found, actor_id)


async def _scanned(session: AsyncSession, company_id: UUID, code: str) -> set[UUID]:
    return set(await session.scalars(SCANNED, {"company": company_id, "code": code}))


def _undecided_first(lines: Sequence[FulfillmentLine]) -> list[FulfillmentLine]:
    return sorted(lines, key=lambda line: line.status is not FulfillmentLineStatus.PENDING)


async def _packed(session: AsyncSession, task: Task) -> list[OrderLine]:
    """The order's lines, each with how much of it is in the bag and what that costs."""
    rows = await session.scalars(ORDERED, {"order": task.order.id})
    picked = {line.order_line_id: line for line in task.lines}
    lines = list(rows)
    for line in lines:
        found = picked[line.id]
        line.packed_quantity, line.packed_grams = found.picked_quantity, found.picked_grams
        line.charged_minor = weights.charge(line, line.packed_quantity, line.packed_grams)
    return lines


async def _close(session: AsyncSession, task: Task, bags: int, amount_minor: int) -> None:
    await payments.want_capture(session, task.order, amount_minor)
    await _charge(session, task.order, amount_minor)
    row = task.fulfillment
    row.status, row.due_at = FulfillmentStatus.PACKED, None
    row.bags, row.packed_at = bags, task.now
    row.version += 1
    short = sum(line.status is FulfillmentLineStatus.SHORT for line in task.lines)
    task.tell(session, EventType.FULFILLMENT_PACKED, bags=bags, short_lines=short)
    await session.flush()


async def _charge(session: AsyncSession, order: Order, amount_minor: int) -> None:
    """Note what the bags cost, and the tax inside: of all but the tip, as at placing."""
    rate = await session.scalar(TAX_RATE, {"company": order.company_id})
    taxed = max(0, amount_minor - order.tip_minor)
    order.charged_minor = amount_minor
    order.charged_tax_minor = included_tax(taxed, rate or 0)
    order.version += 1


async def _give_up(session: AsyncSession, task: Task) -> None:
    """Nothing was found: there is nothing to bring and nothing to pay."""
    await payments.want_void(session, task.order)
    row = task.fulfillment
    row.status, row.due_at = FulfillmentStatus.CANCELED, None
    row.version += 1
    task.tell(session, EventType.FULFILLMENT_CANCELED)
    await deliveries.cancel_for(session, task.order)
    await orders.mark_canceled(session, task.order, CancelReason.OUT_OF_STOCK)
    await session.flush()
