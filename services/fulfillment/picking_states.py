"""One store's task to pick an order: its writing, its one table of steps, and the way into a step.

An order's lock is taken first by every verb on its fulfillment, delivery and payment, so no row
here needs a lock of its own.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.catalog import WALK, Listing, Product
from models.events import EventType
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.orders import Order, OrderLine
from services.catalog import weights
from services.core.access import works_in
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, VersionConflict, not_found
from services.events.event_log import order_happened
from services.orders import orders

ACCEPT_SECONDS = 45
HANDOVER_DIGITS = 4

ACCEPT, REJECT = FulfillmentAction.ACCEPT, FulfillmentAction.REJECT
PICK_LINE, PACK, STAGE = (
    FulfillmentAction.PICK_LINE,
    FulfillmentAction.PACK,
    FulfillmentAction.STAGE,
)

# From which states each step of the staff may be taken. All else that is said of steps is read
# off this table: what is refused, what is offered, what an error calls legal.
STEPS: dict[FulfillmentAction, frozenset[FulfillmentStatus]] = {
    ACCEPT: frozenset({FulfillmentStatus.QUEUED}),
    REJECT: frozenset({FulfillmentStatus.QUEUED}),
    PICK_LINE: frozenset(
        {
            FulfillmentStatus.ACCEPTED,
            FulfillmentStatus.PICKING,
            FulfillmentStatus.AWAITING_SUBSTITUTION,
        }
    ),
    PACK: frozenset({FulfillmentStatus.PICKING}),
    STAGE: frozenset({FulfillmentStatus.PACKED}),
}
MADE_UP_FOR = frozenset(
    {FulfillmentLineStatus.SUBSTITUTE_PROPOSED, FulfillmentLineStatus.SUBSTITUTED}
)
UNDECIDED = frozenset({FulfillmentLineStatus.PENDING, FulfillmentLineStatus.SUBSTITUTE_PROPOSED})
NEEDS_EVERY_LINE = frozenset({PACK})
OVER = frozenset(
    {
        FulfillmentStatus.REJECTED,
        FulfillmentStatus.TIMED_OUT,
        FulfillmentStatus.CANCELED,
        FulfillmentStatus.RESTOCKED,
    }
)
IN_QUEUE = frozenset(FulfillmentStatus) - OVER - {FulfillmentStatus.HANDED_OVER}
TASK = kept(
    select(Fulfillment, FulfillmentLine)
    .outerjoin(FulfillmentLine, FulfillmentLine.fulfillment_id == Fulfillment.id)
    .where(Fulfillment.id == bindparam("fulfillment"))
    .order_by(FulfillmentLine.position)
    .execution_options(populate_existing=True)
)
_HERE = (Listing.product_id == OrderLine.product_id) & (Listing.store_id == bindparam("store"))
ORDERED = kept(
    select(OrderLine, Listing.aisle, Product.temperature_zone)
    .join(Product, Product.id == OrderLine.product_id)
    .outerjoin(Listing, _HERE)
    .where(OrderLine.order_id == bindparam("order"))
    .order_by(Listing.aisle, OrderLine.position)
)


@dataclass(frozen=True, slots=True)
class Task:
    """A fulfillment under its order's lock, with its lines and the moment of locking."""

    order: Order
    fulfillment: Fulfillment
    lines: Sequence[FulfillmentLine]
    now: datetime

    def tell(self, session: AsyncSession, type: EventType, **facts: object) -> None:
        """Record what happened for the order's watchers and the store's queue."""
        order_happened(
            session,
            self.order,
            type,
            queue=self.fulfillment.store_id,
            fulfillment_id=self.fulfillment.id,
            fulfillment_status=self.fulfillment.status,
            **facts,
        )


def legal(status: FulfillmentStatus, lines: Sequence[FulfillmentLine]) -> list[FulfillmentAction]:
    """The steps that can be taken from here, whoever takes them."""
    decided = all(line.status not in UNDECIDED for line in lines)
    return [
        action
        for action, states in STEPS.items()
        if status in states and (decided or action not in NEEDS_EVERY_LINE)
    ]


def available_actions(
    fulfillment: Fulfillment, lines: Sequence[FulfillmentLine], actor: Actor
) -> list[FulfillmentAction]:
    """The steps that `actor` can take now: none for people of other stores."""
    if not works_in(actor, fulfillment.company_id, fulfillment.store_id):
        return []
    return legal(fulfillment.status, lines)


async def enter(
    session: AsyncSession,
    actor: Actor,
    fulfillment_id: UUID,
    action: FulfillmentAction,
    expected_version: int | None = None,
) -> Task:
    """Lock a task for one step of its store's staff.

    Refused: NotFound (also for people of other stores), VersionConflict, IllegalStep.
    """
    task = await locked(session, fulfillment_id)
    row = task.fulfillment
    if not works_in(actor, row.company_id, row.store_id):
        raise not_found(Fulfillment, "fulfillmentId")
    if expected_version is not None and expected_version != row.version:
        message = f"Somebody else was faster: it is {row.status} now."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    steps = legal(row.status, task.lines)
    if action not in steps:
        message = f"{action} can't be done while the fulfillment is {row.status}."
        if action in NEEDS_EVERY_LINE and row.status in STEPS[action]:
            message = "Every line has to be found or short first."
        path = ["input", "fulfillmentId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*steps]))
    return task


async def locked(session: AsyncSession, fulfillment_id: UUID) -> Task:
    """A task under its order's lock, as it is now; refused when there is none to be seen."""
    order = await orders.lock_of(session, Fulfillment, fulfillment_id, "fulfillmentId")
    return await under_lock(session, order, fulfillment_id)


async def under_lock(session: AsyncSession, order: Order, fulfillment_id: UUID) -> Task:
    """A task of an order whose lock is held already."""
    rows: Sequence[Any] = (await session.execute(TASK, {"fulfillment": fulfillment_id})).all()
    if not rows:
        raise not_found(Fulfillment, "fulfillmentId")
    lines = [line for _, line in rows if line is not None]
    return Task(order, rows[0][0], lines, await moment(session))


async def write(
    session: AsyncSession, order: Order, store_id: UUID, attempt: int = 1
) -> Fulfillment:
    """Put an order into a store's queue: to be accepted within 45 seconds, its lines as walked."""
    now = await moment(session)
    fulfillment = Fulfillment(
        order_id=order.id,
        store_id=store_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        attempt=attempt,
        order_code=order.code,
        customer_name=order.customer_name,
        handover_code=_code(),
        status=FulfillmentStatus.QUEUED,
        version=1,
        due_at=now + timedelta(seconds=ACCEPT_SECONDS),
    )
    session.add(fulfillment)
    await session.flush()
    lines = await _lines(session, order, fulfillment)
    session.add_all(lines)
    await session.flush()
    task = Task(order, fulfillment, lines, now)
    task.tell(session, EventType.FULFILLMENT_QUEUED, attempt=attempt, lines=len(lines))
    return fulfillment


async def _lines(
    session: AsyncSession, order: Order, fulfillment: Fulfillment
) -> list[FulfillmentLine]:
    """The order's lines in the order of the picker's walk: by zone, cold things last, and aisle."""
    found = await session.execute(ORDERED, {"order": order.id, "store": fulfillment.store_id})
    walk = sorted(found, key=lambda row: WALK.index(row[2]))
    return [
        FulfillmentLine(
            fulfillment_id=fulfillment.id,
            store_id=fulfillment.store_id,
            order_line_id=line.id,
            product_id=line.product_id,
            company_id=order.company_id,
            customer_id=order.customer_id,
            position=position,
            name=line.name,
            aisle=aisle or "",
            temperature_zone=zone,
            quantity=line.quantity,
            unit_grams=line.unit_grams,
            most_grams=line.unit_grams and weights.most_grams(line, line.quantity),
            picked_quantity=0,
            status=FulfillmentLineStatus.PENDING,
        )
        for position, (line, aisle, zone) in enumerate(walk, 1)
    ]


def _code() -> str:
    return f"{secrets.randbelow(10**HANDOVER_DIGITS):0{HANDOVER_DIGITS}}"
