"""Orders that customers collect from the store: ready, collected with a code, or left there.

The customer tells the code of the order. After MAX_PICKUP_ATTEMPTS wrong codes no code counts any
more: the store's managers hand the bags over without it, and give a reason. An order that nobody
collects within the store's waiting time, counted in its opening hours, is canceled and refunded in
full: nothing was delivered and no fee was charged. While a lost payment is renewed nobody can
collect it, so the time does not end then.
"""

import hmac
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.statements import prepared
from models.events import OrderEventKind
from models.fulfillment import Fulfillment, FulfillmentStatus, PutBackReason
from models.identity import Actor
from models.orders import AgeCheckResult, Order, OrderCancelReason
from models.stores import Store
from services.core.access import MANAGER_ROLES, may_manage_store, roles_text
from services.core.problems import CommittedDomainError, DomainError, InvalidInput
from services.core.text import parse_digits
from services.delivery.delivery_codes import InvalidHandoverCode, wrong_code_message
from services.delivery.step_overrides import StepOverride, write_override
from services.fulfillment import put_back
from services.fulfillment.fulfillment_states import (
    CHECK_AGE,
    COLLECT,
    MACHINE,
    MAX_PICKUP_ATTEMPTS,
    PickingTask,
    begin,
    load_task,
)
from services.fulfillment.task_timers import lock_if_free
from services.orders import order_states, restricted_bags
from services.orders.age_checks import ShownDocument, record_age_check
from services.orders.payment_cover import require_secured
from services.orders.proof_codes import CODE_DIGITS
from services.payments import payments
from services.stores.opening_hours import after_open_seconds

_UNPAID = aliased(Order)
_WAITS_FOR_PAYMENT = exists().where(
    _UNPAID.id == Fulfillment.order_id, _UNPAID.payment_due_at.is_not(None)
)
_OVERDUE = (
    Fulfillment.status == FulfillmentStatus.READY_FOR_PICKUP,
    Fulfillment.next_step_due_at <= func.clock_timestamp(),
    # Nobody may hand it over: it ends by the deadline of the payment, or waits again.
    ~_WAITS_FOR_PAYMENT,
)
OVERDUE_PICKUPS = (
    select(Fulfillment.id).where(*_OVERDUE).order_by(Fulfillment.next_step_due_at, Fulfillment.id)
)
"""Fulfillments that nobody collected in time, the longest overdue first."""
TASK_IN_STATUS = prepared(
    select(Fulfillment.id).where(
        Fulfillment.order_id == bindparam("order"), Fulfillment.status == bindparam("status")
    )
)


async def mark_ready(session: AsyncSession, task: PickingTask) -> None:
    """Let the customer collect the staged bags of a locked order until the store's time is over."""
    MACHINE.move(task.fulfillment, FulfillmentStatus.READY_FOR_PICKUP)
    await _begin_wait(session, task)


async def wait_again(session: AsyncSession, order: Order) -> None:
    """Give the customer of a locked order, whose payment was renewed, the time to collect it anew.

    Nobody could collect it while the payment was lost. Nothing happens unless its bags wait.
    """
    keys = {"order": order.id, "status": FulfillmentStatus.READY_FOR_PICKUP}
    fulfillment_id = await session.scalar(TASK_IN_STATUS, keys)
    if fulfillment_id is not None:
        task = await load_task(session, order, fulfillment_id)
        task.fulfillment.version += 1
        await _begin_wait(session, task)


async def _begin_wait(session: AsyncSession, task: PickingTask) -> None:
    fulfillment, order = task.fulfillment, task.order
    store = await session.get_one(Store, fulfillment.store_id)
    due_at = await after_open_seconds(session, store, task.now, store.pickup_wait_seconds)
    fulfillment.next_step_due_at = order.pickup_due_at = due_at
    order.version += 1
    task.record_change(session, OrderEventKind.FULFILLMENT_READY_FOR_PICKUP, due_at=due_at)


async def collect(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    code: str | None = None,
    override: StepOverride | None = None,
    expected_version: int | None = None,
) -> Fulfillment:
    """Hand the bags to the customer who tells the order's code, and complete the order.

    Managers may do so without the code, with an override; after MAX_PICKUP_ATTEMPTS wrong codes
    they have to. Raises DomainError: NotFound, InvalidTransition, VersionConflict, InvalidInput,
    InvalidHandoverCode.
    """
    task = await begin(session, actor, fulfillment_id, COLLECT, expected_version)
    await restricted_bags.require_age(
        session, task.order, task.fulfillment, MACHINE, actor, COLLECT
    )
    await require_secured(session, task.order, "input", "fulfillmentId")
    facts = _check_code(task, actor, code, override)
    fulfillment = task.fulfillment
    facts["wrong_codes"] = fulfillment.pickup_attempts
    MACHINE.move(fulfillment, FulfillmentStatus.COLLECTED)
    fulfillment.next_step_due_at, fulfillment.handed_over_at = None, task.now
    task.record_change(session, OrderEventKind.FULFILLMENT_COLLECTED, **facts)
    await session.flush()
    await order_states.mark_completed(session, task.order)
    await session.flush()
    return fulfillment


async def reopen_pickup(session: AsyncSession, order: Order) -> None:
    """Let the customer collect the bags of a reopened, locked order; all attempts count anew.

    A check of the age that was made for the first hand-over does not count.
    """
    keys = {"order": order.id, "status": FulfillmentStatus.COLLECTED}
    task = await load_task(session, order, (await session.scalars(TASK_IN_STATUS, keys)).one())
    fulfillment = task.fulfillment
    fulfillment.handed_over_at = fulfillment.age_check_result = None
    fulfillment.age_failed_by, fulfillment.pickup_attempts = [], 0
    fulfillment.override_reason, fulfillment.override_note = None, ""
    await mark_ready(session, task)
    await session.flush()


async def check_age(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    shown: ShownDocument,
    expected_version: int | None = None,
) -> Fulfillment:
    """Record what the customer showed as a proof of age; the newest check counts.

    Whose check failed makes no other one: a customer who comes back with a document, and a mistake
    of typing, take another member of the staff. Raises DomainError: NotFound, InvalidTransition,
    VersionConflict, InvalidInput.
    """
    task = await begin(session, actor, fulfillment_id, CHECK_AGE, expected_version)
    fulfillment = task.fulfillment
    check = await record_age_check(session, task.order, fulfillment, actor, shown, task.now)
    if check.result is AgeCheckResult.FAILED:
        fulfillment.age_failed_by = [*fulfillment.age_failed_by, str(check.checked_by_id)]
        await session.flush()
    return fulfillment


def _check_code(
    task: PickingTask, actor: Actor, code: str | None, override: StepOverride | None
) -> dict[str, object]:
    """Check the code, or store why a manager goes without it; returns facts of the event.

    Raises CommittedDomainError: InvalidHandoverCode, so that the wrong attempt is counted, and
    DomainError: InvalidInput for a manager without a reason, a reason beside a code, or any code
    after MAX_PICKUP_ATTEMPTS wrong ones: otherwise a manager could try all of them.
    """
    fulfillment = task.fulfillment
    is_manager = may_manage_store(actor, fulfillment.company_id, fulfillment.store_id)
    if code is None and is_manager:
        if override is None:
            raise _invalid_override("Say why the bags are handed over without the code.")
        return write_override(fulfillment, override)
    if override is not None:
        raise _invalid_override(
            f"Only {roles_text(MANAGER_ROLES)} hand over without the code, and say why."
        )
    if fulfillment.pickup_attempts >= MAX_PICKUP_ATTEMPTS:
        raise _invalid_override("Too many wrong codes: leave the code out, and say why.")
    digits = parse_digits(code or "", CODE_DIGITS)
    if digits is not None:
        if hmac.compare_digest(digits, task.order.delivery_pin):
            return {}
        fulfillment.pickup_attempts += 1
    left = max(0, MAX_PICKUP_ATTEMPTS - fulfillment.pickup_attempts)
    message = wrong_code_message(code, digits, left)
    path = ["input", "pickupCode"]
    raise CommittedDomainError(
        InvalidHandoverCode(path=path, message=message, attempts_remaining=left)
    )


def _invalid_override(message: str) -> DomainError:
    return DomainError(InvalidInput(path=["input", "override"], message=message))


async def end_uncollected(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Cancel an order that nobody collected, refund it, and open the put-back of its units.

    False when it has changed, or when the order is locked by another transaction.
    """
    task = await lock_if_free(session, fulfillment_id, *_OVERDUE)
    if task is None:
        return False
    fulfillment = task.fulfillment
    MACHINE.move(fulfillment, FulfillmentStatus.NOT_COLLECTED)
    fulfillment.next_step_due_at = None
    task.record_change(session, OrderEventKind.FULFILLMENT_NOT_COLLECTED)
    await session.flush()
    await payments.request_void(session, task.order)
    await put_back.open_put_back(session, task, PutBackReason.NOT_COLLECTED)
    await order_states.mark_canceled(session, task.order, OrderCancelReason.NOT_COLLECTED)
    await session.flush()
    return True
