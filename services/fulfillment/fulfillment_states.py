"""The fulfillment's state machine: the actions of the store's staff, and the lock.

The order's row is locked first by every change of its fulfillments, deliveries and payments, so no
row here needs a lock of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.orders import Order
from services.core.access import MANAGER_ROLES, STORE_ROLES, may_operate_store, roles_text
from services.core.clock import current_time
from services.core.problems import not_found
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    has_role_in_store,
)
from services.events.event_log import record_order_event
from services.orders import age_checks, order_locks

ACCEPT, REJECT = FulfillmentAction.ACCEPT, FulfillmentAction.REJECT
GIVE_BACK, PUT_BACK = FulfillmentAction.GIVE_BACK, FulfillmentAction.PUT_BACK
CHECK_AGE, COLLECT = FulfillmentAction.CHECK_AGE, FulfillmentAction.COLLECT
PICK_LINE, PACK = FulfillmentAction.PICK_LINE, FulfillmentAction.PACK
STAGE = FulfillmentAction.STAGE

MAX_PICKUP_ATTEMPTS = 5
TOO_MANY_CODES = f"Too many wrong codes: only {roles_text(MANAGER_ROLES)} hand over now."
SUBSTITUTE_STATUSES = frozenset(
    {FulfillmentLineStatus.SUBSTITUTION_PROPOSED, FulfillmentLineStatus.SUBSTITUTED}
)
UNDECIDED_STATUSES = frozenset(
    {FulfillmentLineStatus.PENDING, FulfillmentLineStatus.SUBSTITUTION_PROPOSED}
)
ENDED_STATUSES = frozenset(
    FulfillmentStatus[name]
    for name in ("REJECTED", "TIMED_OUT", "CANCELED", "PUT_BACK", "NOT_COLLECTED")
)
WITH_CUSTOMER = frozenset({FulfillmentStatus.HANDED_OVER, FulfillmentStatus.COLLECTED})
QUEUE_STATUSES = frozenset(FulfillmentStatus) - ENDED_STATUSES - WITH_CUSTOMER
READY_FOR_PICKUP = frozenset({FulfillmentStatus.READY_FOR_PICKUP})
COLLECTED = frozenset({FulfillmentStatus.COLLECTED})
IN_PROGRESS = frozenset({FulfillmentStatus.ACCEPTED, FulfillmentStatus.PICKING})
PICKING_STATUSES = frozenset({FulfillmentStatus.PICKING, FulfillmentStatus.AWAITING_SUBSTITUTION})
# Ended tasks of which picked units may still be in the store.
WITH_PUT_BACK = ENDED_STATUSES - {FulfillmentStatus.PUT_BACK}
PACKED_STATUSES = frozenset({FulfillmentStatus.PACKED, FulfillmentStatus.STAGED})
FULFILLMENT_WITH_LINES = prepared(
    select(Fulfillment, FulfillmentLine)
    .outerjoin(FulfillmentLine, FulfillmentLine.fulfillment_id == Fulfillment.id)
    .where(Fulfillment.id == bindparam("fulfillment"))
    .order_by(FulfillmentLine.position)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class PickingTask:
    """A fulfillment whose order is locked, with its lines and the time of locking."""

    order: Order
    fulfillment: Fulfillment
    lines: Sequence[FulfillmentLine]
    now: datetime

    def record_change(self, session: AsyncSession, type: OrderEventKind, **facts: object) -> None:
        """Append an event to the streams of the order and of the store's queue."""
        record_order_event(
            session,
            self.order,
            type,
            queue_store_id=self.fulfillment.store_id,
            fulfillment_id=self.fulfillment.id,
            fulfillment_status=self.fulfillment.status,
            **facts,
        )


def may_be_collected(fulfillment: Fulfillment) -> bool:
    has_attempts = fulfillment.pickup_attempts < MAX_PICKUP_ATTEMPTS
    return has_attempts and age_checks.is_cleared(fulfillment)


def put_back_is_open(fulfillment: Fulfillment) -> bool:
    return fulfillment.put_back_is_open


def _may_operate(row: Fulfillment, actor: Actor) -> bool:
    return may_operate_store(actor, row.company_id, row.store_id)


def _permits(
    row: Fulfillment, actor: Actor, transition: Transition[FulfillmentAction, FulfillmentStatus]
) -> bool:
    is_check, failed_by = transition.action is CHECK_AGE, row.age_failed_by or ()
    failed_it = is_check and str(actor.person_id) in failed_by
    return not failed_it and has_role_in_store(row, actor, transition)


def _refusal(row: Fulfillment, action: FulfillmentAction) -> str | None:
    if action is COLLECT and row.status in READY_FOR_PICKUP:
        is_cleared = age_checks.is_cleared(row)
        return TOO_MANY_CODES if is_cleared else "Check the customer's age first."
    if action is CHECK_AGE and row.status in READY_FOR_PICKUP and age_checks.has_failed(row):
        return "Your check failed: only somebody else of the staff can make another one."
    needs_decisions = action is PACK and row.status is FulfillmentStatus.PICKING
    return "Every line has to be found or short first." if needs_decisions else None


PICK_MUTATION = "fulfillmentLinePick"
MACHINE: StateMachine[Fulfillment, FulfillmentAction, FulfillmentStatus] = StateMachine(
    name="Fulfillment",
    model=Fulfillment,
    status=FulfillmentStatus,
    noun="fulfillment",
    id_path="fulfillmentId",
    initial={FulfillmentStatus.QUEUED},
    transitions=(
        Transition(
            ACCEPT,
            {FulfillmentStatus.QUEUED},
            IN_PROGRESS,
            STORE_ROLES,
            note="PICKING if lines were picked before the task was given back",
        ),
        Transition(REJECT, {FulfillmentStatus.QUEUED}, {FulfillmentStatus.REJECTED}, STORE_ROLES),
        Transition(
            PICK_LINE, {FulfillmentStatus.ACCEPTED}, {FulfillmentStatus.PICKING}, STORE_ROLES
        ),
        Transition(PICK_LINE, PICKING_STATUSES, roles=STORE_ROLES),
        Transition(
            PICK_LINE,
            PICKING_STATUSES,
            {FulfillmentStatus.AWAITING_SUBSTITUTION},
            STORE_ROLES,
            note="by proposing a substitute",
        ),
        Transition(
            PACK,
            {FulfillmentStatus.PICKING},
            {FulfillmentStatus.PACKED, FulfillmentStatus.CANCELED},
            STORE_ROLES,
            note="once all lines are decided; CANCELED if nothing was found",
        ),
        Transition(STAGE, {FulfillmentStatus.PACKED}, {FulfillmentStatus.STAGED}, STORE_ROLES),
        Transition(COLLECT, READY_FOR_PICKUP, COLLECTED, STORE_ROLES, condition=may_be_collected),
        Transition(
            COLLECT,
            READY_FOR_PICKUP,
            COLLECTED,
            MANAGER_ROLES,
            condition=age_checks.is_cleared,
            note="also without the code, and only so after too many wrong codes",
        ),
        Transition(
            CHECK_AGE,
            READY_FOR_PICKUP,
            roles=STORE_ROLES,
            condition=age_checks.needs_check,
            note="not by who made one that failed",
        ),
        Transition(GIVE_BACK, IN_PROGRESS, {FulfillmentStatus.QUEUED}, STORE_ROLES),
        Transition(
            PUT_BACK,
            WITH_PUT_BACK,
            {FulfillmentStatus.PUT_BACK},
            STORE_ROLES,
            condition=put_back_is_open,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: idle, or its picker no longer works in the store",
            IN_PROGRESS,
            {FulfillmentStatus.QUEUED},
            job="fulfillment.tell_stalled",
        ),
        AutomaticTransition(
            "job: not accepted in time",
            {FulfillmentStatus.QUEUED},
            {FulfillmentStatus.TIMED_OUT},
            job="fulfillment.time_out",
        ),
        AutomaticTransition(
            "substitutes: all are answered, or their time is over",
            {FulfillmentStatus.AWAITING_SUBSTITUTION},
            {FulfillmentStatus.PICKING},
            job="substitute.time_out",
        ),
        AutomaticTransition(
            "at once when the customer collects the order",
            {FulfillmentStatus.STAGED},
            READY_FOR_PICKUP,
            mutation="fulfillmentStage",
        ),
        AutomaticTransition(
            "job: not collected in time",
            READY_FOR_PICKUP,
            {FulfillmentStatus.NOT_COLLECTED},
            job="fulfillment.end_pickup",
        ),
        AutomaticTransition(
            "order: canceled",
            QUEUE_STATUSES,
            {FulfillmentStatus.CANCELED},
            mutation="orderCancel",
        ),
        AutomaticTransition(
            "delivery: picked up",
            {FulfillmentStatus.STAGED},
            {FulfillmentStatus.HANDED_OVER},
            mutation="deliveryPickUp",
        ),
        AutomaticTransition(
            "order: reopened",
            {FulfillmentStatus.COLLECTED},
            READY_FOR_PICKUP,
            mutation="orderReopen",
        ),
        AutomaticTransition(
            "delivery: returned",
            {FulfillmentStatus.HANDED_OVER},
            {FulfillmentStatus.CANCELED},
            mutation="deliveryReturn",
        ),
    ),
    mutations={PICK_LINE: PICK_MUTATION},
    is_visible=_may_operate,
    permits=_permits,
    refusal=_refusal,
)


def available_actions(
    fulfillment: Fulfillment,
    lines: Sequence[FulfillmentLine],
    actor: Actor,
    blocked: frozenset[FulfillmentAction] = frozenset(),
) -> list[FulfillmentAction]:
    """The actions that `actor` can take now: none for people of other stores."""
    return MACHINE.available_actions(fulfillment, actor, blocked | _blocked_actions(lines))


def _blocked_actions(lines: Sequence[FulfillmentLine]) -> frozenset[FulfillmentAction]:
    undecided = any(line.status in UNDECIDED_STATUSES for line in lines)
    return frozenset({PACK}) if undecided else frozenset()


async def begin(
    session: AsyncSession,
    actor: Actor,
    fulfillment_id: UUID,
    action: FulfillmentAction,
    expected_version: int | None = None,
) -> PickingTask:
    """Lock a fulfillment for one action of its store's staff.

    Raises DomainError: NotFound (also of other stores), VersionConflict, InvalidTransition.
    """
    task = await lock(session, fulfillment_id)
    fulfillment = task.fulfillment
    MACHINE.require_visible(fulfillment, actor)
    MACHINE.check_version(fulfillment, expected_version)  # first: it says more to a slow picker
    MACHINE.check(fulfillment, actor, action, blocked=_blocked_actions(task.lines))
    return task


async def lock(session: AsyncSession, fulfillment_id: UUID) -> PickingTask:
    """Lock the order of a fulfillment and load the fulfillment. Raises DomainError: NotFound."""
    order = await order_locks.lock_by_child(session, Fulfillment, fulfillment_id, "fulfillmentId")
    return await load_task(session, order, fulfillment_id)


async def load_task(session: AsyncSession, order: Order, fulfillment_id: UUID) -> PickingTask:
    """Load a fulfillment whose order is locked already. Raises DomainError: NotFound."""
    rows: Sequence[Any] = (
        await session.execute(FULFILLMENT_WITH_LINES, {"fulfillment": fulfillment_id})
    ).all()
    if not rows:
        raise not_found(Fulfillment, "fulfillmentId")
    lines = [line for _, line in rows if line is not None]
    return PickingTask(order, rows[0][0], lines, await current_time(session))
