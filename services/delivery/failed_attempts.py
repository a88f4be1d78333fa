"""Failed attempts to hand over the bags: their proofs, the next attempt, and the way back."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryFailureReason,
    DeliveryOverrideReason,
    DeliveryProof,
    DeliveryStatus,
)
from models.events import OrderEventKind
from models.identity import Actor
from models.message_text import duration_text, words_text
from models.orders import AgeCheckResult, Order
from services import companies
from services.core.problems import DomainError, InvalidInput, Problem, range_problem
from services.core.text import parse_line
from services.delivery.delivery_records import LockedDelivery, record_change
from services.delivery.delivery_states import another_attempt_is_left, begin, change_status
from services.delivery.ride_settings import FAILURE_RULES
from services.delivery.rider_distance import ProofMissing, require_at_customer
from services.delivery.step_overrides import StepOverride, store_override
from services.orders.payment_cover import is_secured
from services.orders.proof_codes import new_code_of_order

MAX_CALL_ATTEMPTS = 100
MAX_NOTE_LENGTH = 500
# The input field and the message of a proof that the rider did not give.
MISSING_PROOFS = {
    DeliveryProof.AGE_CHECK: (
        "reason",
        "Record the check of the customer's age first: only one that failed is a reason.",
    ),
    DeliveryProof.CALL: ("callAttemptCount", "Call the customer first."),
    DeliveryProof.NOTE: ("note", "Write what happened."),
    DeliveryProof.PAYMENT: ("reason", "The order is paid: give another reason."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoShowWaitRequired(Problem):
    """The customer may still come to the door: possible in `retry_after_seconds`."""

    retry_after_seconds: int


async def fail_attempt(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    reason: DeliveryFailureReason,
    call_attempt_count: int = 0,
    note: str = "",
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Record that the bags could not be handed over, by the rule of the reason (FAILURE_RULES).

    A rider may try once more where that can help; otherwise the way back begins at once. Support
    needs an override instead of proofs, and waits all the same (see `_require_wait`); nobody says
    PAYMENT_LOST of an order that is paid. Raises DomainError: NotFound, InvalidTransition,
    InvalidInput, NoShowWaitRequired, ProofMissing, TooFar.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.FAIL)
    delivery, rule = locked.delivery, FAILURE_RULES[reason]
    facts = store_override(locked, override)
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    await _check_proofs(session, locked, reason, call_attempt_count, note)
    wait_seconds = (await companies.read_timers(session, delivery.store_id)).no_show_wait_seconds
    if rule.waits:
        _require_wait(locked, wait_seconds, override)
    delivery.failure_reason, delivery.failure_note = reason, note
    has_shown_wait = _seconds_since(delivery.at_door_since, locked.now) >= wait_seconds
    delivery.fee_kept = rule.fee_after_wait and has_shown_wait
    delivery.failed_attempt_count += 1
    change_status(delivery, DeliveryStatus.ATTEMPT_FAILED, locked.now)
    facts |= {"reason": reason, "call_attempt_count": call_attempt_count}
    event_type = OrderEventKind.DELIVERY_ATTEMPT_FAILED
    locked.record_change(session, event_type, device_time=device_time, **facts)
    may_try_again = rule.second_attempt and another_attempt_is_left(delivery)
    if not (locked.by_rider and may_try_again):
        await turn_back(session, locked.order, delivery, locked.now)
    await session.flush()
    return delivery


async def attempt_again(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Begin another attempt, which has its own wait at the door and its own check of the age.

    Support may do so on the way back too, as long as the store has not taken the bags. Raises
    DomainError: NotFound, InvalidTransition (for riders also after the last attempt), InvalidInput.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.ATTEMPT_AGAIN)
    facts = store_override(locked, override)
    clear_failure(locked.delivery)
    change_status(locked.delivery, DeliveryStatus.EN_ROUTE_TO_CUSTOMER, locked.now)
    event_type = OrderEventKind.DELIVERY_EN_ROUTE_TO_CUSTOMER
    attempt = locked.delivery.failed_attempt_count + 1
    locked.record_change(session, event_type, device_time=device_time, attempt=attempt, **facts)
    await session.flush()
    return locked.delivery


async def start_return(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Begin the way back after a failed attempt.

    Raises DomainError: NotFound, InvalidTransition, InvalidInput.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.START_RETURN)
    facts = store_override(locked, override)
    await turn_back(
        session, locked.order, locked.delivery, locked.now, device_time=device_time, **facts
    )
    await session.flush()
    return locked.delivery


async def turn_back(
    session: AsyncSession, order: Order, delivery: Delivery, now: datetime, **facts: object
) -> None:
    """Send a locked delivery back to its store, with a new code for the store to show.

    The code of the pickup is known to the rider, so it proves nothing any more.
    """
    delivery.return_code = await new_code_of_order(session, order)
    delivery.return_tries = 0
    change_status(delivery, DeliveryStatus.RETURNING, now)
    record_change(session, order, delivery, OrderEventKind.DELIVERY_RETURNING, **facts)


def clear_wait(delivery: Delivery) -> None:
    delivery.arrived_at = delivery.at_door_since = None


def clear_attempt(delivery: Delivery) -> None:
    """Clear what belongs to one attempt: the wait, and the check of the age of who was there."""
    clear_wait(delivery)
    delivery.age_check_result = None


def clear_failure(delivery: Delivery) -> None:
    """Clear a failed attempt with what followed from it, before another one begins."""
    clear_attempt(delivery)
    delivery.failure_reason = delivery.return_code = None
    delivery.failure_note, delivery.fee_kept = "", False


async def _check_proofs(
    session: AsyncSession,
    locked: LockedDelivery,
    reason: DeliveryFailureReason,
    call_attempt_count: int,
    note: str,
) -> None:
    """Check the state of the payment, and for riders all that the reason takes.

    Raises DomainError: InvalidInput, TooFar, ProofMissing.
    """
    rule = FAILURE_RULES[reason]
    if DeliveryProof.PAYMENT in rule.proofs and await is_secured(session, locked.order):
        raise _missing(DeliveryProof.PAYMENT)
    if not locked.by_rider:
        return
    if not rule.by_rider:
        message = f'Only support says "{words_text(reason)}": call support.'
        raise DomainError(InvalidInput(path=["input", "reason"], message=message))
    if not 0 <= call_attempt_count <= MAX_CALL_ATTEMPTS:
        raise DomainError(range_problem(["input", "callAttemptCount"], 0, MAX_CALL_ATTEMPTS))
    strict = DeliveryProof.POSITION in rule.proofs
    await require_at_customer(session, locked, strict=strict)
    given = {
        DeliveryProof.AGE_CHECK: locked.delivery.age_check_result is AgeCheckResult.FAILED,
        DeliveryProof.CALL: call_attempt_count > 0,
        DeliveryProof.NOTE: bool(note),
    }
    for proof, is_given in given.items():
        if proof in rule.proofs and not is_given:
            raise _missing(proof)


def _missing(proof: DeliveryProof) -> DomainError:
    field, message = MISSING_PROOFS[proof]
    return DomainError(ProofMissing(path=["input", field], message=message, missing=[proof]))


def _seconds_since(begin: datetime | None, now: datetime) -> float:
    return 0.0 if begin is None else (now - begin).total_seconds()


def _require_wait(locked: LockedDelivery, wait_seconds: int, override: StepOverride | None) -> None:
    """Raise DomainError: NoShowWaitRequired while the customer has time left to come to the door.

    InvalidInput when no rider is at the door: nobody waits, so no time makes the reason a true one.
    The wait counts from the first position at the door, as for the fee; without one ProofMissing is
    raised. A phone that has no usable position must not keep the rider there: support, whom the
    rider calls, says POSITION_WRONG, and the wait counts from the reported arrival. The customer
    pays for no wait that only this shows.
    """
    delivery = locked.delivery
    position_wrong = DeliveryOverrideReason.POSITION_WRONG
    begin_of_wait = delivery.at_door_since
    if delivery.at_door_since is None and delivery.arrived_at is None:
        message = "No rider waits at the door, so no attempt took place: give another reason."
        raise DomainError(InvalidInput(path=["input", "reason"], message=message))
    if override is not None and override.reason is position_wrong:
        begin_of_wait = delivery.arrived_at or begin_of_wait
    elif begin_of_wait is None:
        said = words_text(position_wrong)
        message = f'No position shows the rider at the door: support can say "{said}".'
        missing = [DeliveryProof.POSITION]
        raise DomainError(ProofMissing(path=["input", "reason"], message=message, missing=missing))
    seconds_left = ceil(wait_seconds - _seconds_since(begin_of_wait, locked.now))
    if seconds_left > 0:
        message = f"Wait {duration_text(seconds_left)} more before you give up."
        raise DomainError(
            NoShowWaitRequired(
                path=["input", "reason"], message=message, retry_after_seconds=seconds_left
            )
        )
