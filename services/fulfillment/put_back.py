"""Puts picked units of an ended task back: a person counts them, and only then the stock changes.

An order that is canceled, brought back or moved to another store leaves picked units in the store.
They stay sold in the ledger until the store's staff record for each product and batch how many
are on the shelf again, how many are waste, and how many are missing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentStatus,
    PutBackLine,
    PutBackReason,
    PutBackWasteReason,
)
from models.identity import Actor
from models.message_text import count_text
from models.stock import PickedBatch, StockMovementReason
from models.support import TicketCategory
from services.core.problems import DomainError, InvalidInput, Problem
from services.fulfillment import substitution_totals
from services.fulfillment.fulfillment_states import (
    MACHINE,
    PUT_BACK,
    SUBSTITUTE_STATUSES,
    PickingTask,
    begin,
)
from services.orders.support_cases import close_case
from services.stock import movements, put_back_units
from services.stock.put_back_units import PutBackUnits

FIRST_REMINDER_SECONDS = 900
IS_OPEN = (Fulfillment.put_back_opened_at.is_not(None), Fulfillment.put_back_at.is_(None))
LINES_TO_PUT_BACK = prepared(
    select(PutBackLine)
    .where(PutBackLine.fulfillment_id == bindparam("fulfillment"))
    .order_by(PutBackLine.position)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class PutBackCount:
    """Where the units of one line of a put-back went; `waste_reason` only for wasted units."""

    line_id: UUID
    returned: int
    wasted: int = 0
    missing: int = 0
    waste_reason: PutBackWasteReason | None = None


@dataclass(frozen=True, slots=True)
class _PickedUnits:
    """Units in the bags: of a line's own product, or of its substitute."""

    line_id: UUID
    product_id: UUID
    name: str
    quantity: int


async def release_units(
    session: AsyncSession, task: PickingTask, reason: PutBackReason, actor_id: UUID | None
) -> None:
    """Release the units of a task that ended before its bags left the store.

    Units that nobody has picked go on sale at once, those that were not found are written off, and
    a put-back opens for the others.
    """
    unpicked: Counter[UUID] = Counter()
    lost: Counter[UUID] = Counter()
    for line in task.lines:
        unpicked[line.product_id] += line.units.remaining
        if task.fulfillment.packed_at is None:  # packing has written the lost ones off
            lost[line.product_id] += line.units.lost
    await open_put_back(session, task, reason)
    await movements.restock_and_write_off(
        session, task.order, unpicked, lost, StockMovementReason.RESTOCK, actor_id
    )


async def open_put_back(session: AsyncSession, task: PickingTask, reason: PutBackReason) -> bool:
    """Open the put-back of all picked units of a locked order's ended task.

    Open substitutes are marked as returned. Returns False when nothing was picked.
    """
    fulfillment, order = task.fulfillment, task.order
    picked = await _picked_units(session, task)
    if not picked:
        return False
    picks = await put_back_units.picked_batches_of_order(session, order.id, fulfillment.store_id)
    session.add_all(_lines_by_batch(fulfillment, picked, picks))
    fulfillment.put_back_reason, fulfillment.put_back_opened_at = reason, task.now
    fulfillment.next_step_due_at = task.now + timedelta(seconds=FIRST_REMINDER_SECONDS)
    units = sum(unit.quantity for unit in picked)
    task.record_change(
        session, OrderEventKind.FULFILLMENT_PUT_BACK_OPENED, reason=reason, units=units
    )
    await session.flush()
    return True


async def confirm(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    counts: Sequence[PutBackCount],
    expected_version: int | None = None,
) -> Fulfillment:
    """Record where the units of every line went, and change the stock accordingly.

    Raises DomainError: NotFound, InvalidTransition, VersionConflict, InvalidInput.
    """
    task = await begin(session, actor, fulfillment_id, PUT_BACK, expected_version)
    fulfillment = task.fulfillment
    rows = await session.scalars(LINES_TO_PUT_BACK, {"fulfillment": fulfillment.id})
    lines = {line.id: line for line in rows}
    _check_counts(lines, counts)
    for count in counts:
        line = lines[count.line_id]
        line.returned_quantity, line.wasted_quantity = count.returned, count.wasted
        line.missing_quantity, line.waste_reason = count.missing, count.waste_reason
    MACHINE.move(fulfillment, FulfillmentStatus.PUT_BACK)
    fulfillment.put_back_at, fulfillment.put_back_by_id = task.now, actor.person_id
    fulfillment.next_step_due_at = None
    task.record_change(
        session,
        OrderEventKind.FULFILLMENT_PUT_BACK,
        returned=sum(count.returned for count in counts),
        wasted=sum(count.wasted for count in counts),
        missing=sum(count.missing for count in counts),
    )
    units = [_to_units(lines[count.line_id], count) for count in counts]
    await session.flush()
    store_id = fulfillment.store_id
    await put_back_units.record_put_back(session, task.order.id, store_id, units, actor.person_id)
    if fulfillment.put_back_reminders:
        await close_case(
            session, task.order, TicketCategory.PUT_BACK_OVERDUE, "The units are put back."
        )
    return fulfillment


async def _picked_units(session: AsyncSession, task: PickingTask) -> list[_PickedUnits]:
    """What is in the bags: the picked units of the lines, and their open substitutes."""
    picked = [
        _PickedUnits(line.id, line.product_id, line.name, line.picked_quantity)
        for line in task.lines
        if line.picked_quantity
    ]
    if any(line.status in SUBSTITUTE_STATUSES for line in task.lines):
        rows = await substitution_totals.return_substitutes(session, task.order)
        picked += [_PickedUnits(*row) for row in rows]
    return picked


def _lines_by_batch(
    fulfillment: Fulfillment, picked: Sequence[_PickedUnits], picks: Sequence[PickedBatch]
) -> list[PutBackLine]:
    """A line for each batch that units were picked from, and one for units of no known batch."""
    shares: list[tuple[_PickedUnits, UUID | None, int]] = []
    for units in picked:
        rest = units.quantity
        for pick in picks:
            if (pick.fulfillment_line_id, pick.product_id) == (units.line_id, units.product_id):
                shares.append((units, pick.batch_id, pick.quantity))
                rest -= pick.quantity
        if rest:
            shares.append((units, None, rest))
    return [
        PutBackLine(
            company_id=fulfillment.company_id,
            store_id=fulfillment.store_id,
            fulfillment_id=fulfillment.id,
            fulfillment_line_id=units.line_id,
            product_id=units.product_id,
            batch_id=batch_id,
            position=position,
            name=units.name,
            quantity=quantity,
        )
        for position, (units, batch_id, quantity) in enumerate(shares, 1)
    ]


def _check_counts(lines: Mapping[UUID, PutBackLine], counts: Sequence[PutBackCount]) -> None:
    """Raise DomainError: InvalidInput unless the counts explain every unit of every line once."""
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for index, count in enumerate(counts):
        path = ["input", "lines", str(index)]
        line = lines.get(count.line_id)
        if line is None or count.line_id in seen:
            message = "Name each line of this put-back once."
            problems.append(InvalidInput(path=[*path, "lineId"], message=message))
            continue
        seen.add(count.line_id)
        problems += _count_problems(path, line, count)
    if not problems and len(seen) < len(lines):
        message = f"Count every line. Not counted: {count_text(len(lines) - len(seen), 'line')}."
        problems.append(InvalidInput(path=["input", "lines"], message=message))
    if problems:
        raise DomainError(*problems)


def _count_problems(path: list[str], line: PutBackLine, count: PutBackCount) -> Iterator[Problem]:
    numbers = (count.returned, count.wasted, count.missing)
    if min(numbers) < 0 or sum(numbers) != line.quantity:
        message = f"Returned, wasted and missing units add up to {line.quantity}."
        yield InvalidInput(path=path, message=message)
    elif bool(count.wasted) != (count.waste_reason is not None):
        message = "Wasted units need a reason, and only they have one."
        yield InvalidInput(path=[*path, "wasteReason"], message=message)


def _to_units(line: PutBackLine, count: PutBackCount) -> PutBackUnits:
    return PutBackUnits(
        line.fulfillment_line_id,
        line.product_id,
        line.batch_id,
        count.returned,
        count.wasted,
        count.missing,
    )
