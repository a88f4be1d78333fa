"""The delivery's state machine: the actions of its parties, and the lock.

The order's row is locked first by every change of its deliveries, so that all changes of one order
are serial.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery, DeliveryAction, DeliveryStatus
from models.identity import Actor, Role
from models.orders import Order
from models.riders import Rider
from services.core.access import STORE_ROLES, SUPPORT_ROLES, roles_text
from services.core.clock import current_time
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    has_role_in_store,
    illegal_step,
)
from services.delivery import delivery_parties as parties
from services.delivery.delivery_codes import (
    MAX_CODE_ATTEMPTS,
    handover_attempts_are_left,
    pin_attempts_are_left,
    return_attempts_are_left,
)
from services.delivery.delivery_parties import RIDER, STORE_AND_SUPPORT_ROLES
from services.delivery.delivery_records import LockedDelivery
from services.delivery.ride_settings import SETTINGS, STATE_TIMERS
from services.orders import age_checks, order_locks, restricted_bags

RELEASE_RIDER = prepared(
    update(Rider)
    .where(Rider.id == bindparam("rider"), Rider.live_delivery_id == bindparam("delivery"))
    .values(live_delivery_id=None, version=Rider.version + 1)
    .execution_options(synchronize_session="fetch")
)

BEFORE_PICKUP = frozenset(
    {
        DeliveryStatus.SEARCHING,
        DeliveryStatus.OFFERED,
        DeliveryStatus.ASSIGNED,
        DeliveryStatus.EN_ROUTE_TO_STORE,
        DeliveryStatus.AT_STORE,
    }
)
ASSIGNED_BEFORE_PICKUP = BEFORE_PICKUP - {DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED}
BEFORE_ARRIVAL = frozenset(
    {DeliveryStatus.PICKED_UP, DeliveryStatus.EN_ROUTE_TO_CUSTOMER, DeliveryStatus.ARRIVING}
)
BEFORE_ATTEMPT = BEFORE_ARRIVAL | {DeliveryStatus.AT_CUSTOMER}
# The rider has the bags: only people, not the dispatch, may take the delivery from them.
CARRYING_STATUSES = BEFORE_ATTEMPT | {DeliveryStatus.ATTEMPT_FAILED, DeliveryStatus.RETURNING}


def another_attempt_is_left(delivery: Delivery) -> bool:
    """After a failed check of the age only support begins another attempt."""
    is_left = delivery.failed_attempt_count < SETTINGS.max_attempts
    return is_left and not age_checks.has_failed(delivery)


def _permits(
    row: Delivery, actor: Actor, transition: Transition[DeliveryAction, DeliveryStatus]
) -> bool:
    if transition.party == RIDER:
        return parties.is_rider(row, actor)
    if transition.action in TAKEN_BY_TWO and parties.has_carried(row, actor):
        return False
    return has_role_in_store(row, actor, transition)


def rider_may_complete(delivery: Delivery) -> bool:
    return age_checks.is_cleared(delivery) and pin_attempts_are_left(delivery)


def _refusal(row: Delivery, action: DeliveryAction) -> str | None:
    if action is Action.CHECK_AGE and not age_checks.needs_check(row):
        return "Nothing in these bags takes a check of the customer's age."
    if action in (Action.CHECK_AGE, Action.COMPLETE) and age_checks.has_failed(row):
        return "The check of the age failed: only support can begin another attempt."
    if action is Action.COMPLETE and not age_checks.is_cleared(row):
        at_the_door = Action.CHECK_AGE in MACHINE.legal_actions(row.status)
        return f"Check first that the customer is at least {row.minimum_age} years old." + (
            "" if at_the_door else " That is done at the door: begin another attempt, or return it."
        )
    tries = {Action.PICK_UP: row.handover_tries, Action.RETURN: row.return_tries}
    tries[Action.COMPLETE] = row.pin_tries
    if action in MACHINE.legal_actions(row.status) and tries.get(action, 0) >= MAX_CODE_ATTEMPTS:
        return f"Too many wrong codes: only {roles_text(_roles_of(row, action))} may do this now."
    if action in (Action.COMPLETE, Action.FAIL) and row.status in BEFORE_ARRIVAL:
        return "Before the rider reports the arrival at the customer, only support does this."
    return None


def _roles_of(row: Delivery, action: DeliveryAction) -> frozenset[Role]:
    """The roles that take the action in this state without a code."""
    open_now = (t for t in MACHINE.transitions if t.action is action and row.status in t.sources)
    return frozenset().union(*(t.roles for t in open_now))


AT_STORE, AT_CUSTOMER = {DeliveryStatus.AT_STORE}, {DeliveryStatus.AT_CUSTOMER}
SEARCHING, OFFERED = {DeliveryStatus.SEARCHING}, {DeliveryStatus.OFFERED}
PICKED_UP, RETURNING = {DeliveryStatus.PICKED_UP}, {DeliveryStatus.RETURNING}
DELIVERED, RETURNED = {DeliveryStatus.DELIVERED}, {DeliveryStatus.RETURNED}
FAILED, CANCELED = {DeliveryStatus.ATTEMPT_FAILED}, {DeliveryStatus.CANCELED}
ASSIGNED, EN_ROUTE_TO_STORE = {DeliveryStatus.ASSIGNED}, {DeliveryStatus.EN_ROUTE_TO_STORE}
EN_ROUTE_TO_CUSTOMER, ARRIVING = {DeliveryStatus.EN_ROUTE_TO_CUSTOMER}, {DeliveryStatus.ARRIVING}
Action = DeliveryAction
# Who has or had the bags takes these as their rider alone, however many roles they hold.
TAKEN_BY_TWO = frozenset(
    {Action.PICK_UP, Action.RETURN, Action.COMPLETE, Action.REASSIGN, Action.ATTEMPT_AGAIN}
)
REPORT, OTHERS = "riderLocationReport", "not by who has or had the bags"
# Staff and support need no code: they see the rider, or ask the customer.
MACHINE: StateMachine[Delivery, DeliveryAction, DeliveryStatus] = StateMachine(
    name="Delivery",
    model=Delivery,
    status=DeliveryStatus,
    noun="delivery",
    id_path="deliveryId",
    initial=SEARCHING,
    transitions=(
        Transition(Action.ARRIVE_AT_STORE, ASSIGNED | EN_ROUTE_TO_STORE, AT_STORE, party=RIDER),
        Transition(
            Action.PICK_UP, AT_STORE, PICKED_UP, party=RIDER, condition=handover_attempts_are_left
        ),
        Transition(Action.PICK_UP, AT_STORE, PICKED_UP, STORE_ROLES, note=OTHERS),
        Transition(Action.ARRIVE_AT_CUSTOMER, BEFORE_ARRIVAL, AT_CUSTOMER, party=RIDER),
        Transition(
            Action.COMPLETE, AT_CUSTOMER, DELIVERED, party=RIDER, condition=rider_may_complete
        ),
        *(
            Transition(
                Action.COMPLETE,
                sources,
                DELIVERED,
                roles,
                condition=age_checks.is_cleared,
                note=OTHERS,
            )
            for sources, roles in ((CARRYING_STATUSES, SUPPORT_ROLES), (RETURNING, STORE_ROLES))
        ),
        Transition(Action.CHECK_AGE, AT_CUSTOMER, party=RIDER, condition=age_checks.is_open),
        Transition(
            Action.CHECK_AGE,
            BEFORE_ATTEMPT,
            roles=STORE_AND_SUPPORT_ROLES,
            condition=age_checks.is_open,
        ),
        Transition(Action.FAIL, AT_CUSTOMER, FAILED, party=RIDER),
        Transition(Action.FAIL, BEFORE_ATTEMPT, FAILED, SUPPORT_ROLES),
        Transition(
            Action.ATTEMPT_AGAIN,
            FAILED,
            EN_ROUTE_TO_CUSTOMER,
            party=RIDER,
            condition=another_attempt_is_left,
        ),
        Transition(
            Action.ATTEMPT_AGAIN,
            FAILED | RETURNING,
            EN_ROUTE_TO_CUSTOMER,
            SUPPORT_ROLES,
            note=OTHERS,
        ),
        Transition(Action.START_RETURN, FAILED, RETURNING, party=RIDER),
        Transition(Action.START_RETURN, FAILED, RETURNING, SUPPORT_ROLES),
        Transition(
            Action.RETURN, RETURNING, RETURNED, party=RIDER, condition=return_attempts_are_left
        ),
        Transition(Action.RETURN, RETURNING, RETURNED, STORE_AND_SUPPORT_ROLES, note=OTHERS),
        Transition(
            Action.REASSIGN, CARRYING_STATUSES - RETURNING, PICKED_UP, SUPPORT_ROLES, note=OTHERS
        ),
        Transition(Action.REASSIGN, RETURNING, RETURNING, STORE_AND_SUPPORT_ROLES, note=OTHERS),
        Transition(Action.UNASSIGN, ASSIGNED_BEFORE_PICKUP, SEARCHING, STORE_AND_SUPPORT_ROLES),
    ),
    automatic=(
        AutomaticTransition(
            "dispatch: offered to a rider", SEARCHING, OFFERED, job="delivery.advance"
        ),
        AutomaticTransition(
            "offer: declined, or not answered in time", OFFERED, SEARCHING, job="delivery.advance"
        ),
        AutomaticTransition("offer: accepted", OFFERED, ASSIGNED, mutation="deliveryOfferAccept"),
        AutomaticTransition(
            "job: the rider is silent",
            ASSIGNED_BEFORE_PICKUP,
            SEARCHING,
            job="delivery.unassign_silent",
        ),
        AutomaticTransition(
            "rider: dismissed, or signed out",
            ASSIGNED_BEFORE_PICKUP,
            SEARCHING,
            mutation="roleRevoke",
        ),
        AutomaticTransition(
            "position: the rider moves", ASSIGNED, EN_ROUTE_TO_STORE, mutation=REPORT
        ),
        AutomaticTransition(
            "position: the rider moves", PICKED_UP, EN_ROUTE_TO_CUSTOMER, mutation=REPORT
        ),
        AutomaticTransition(
            "position: the rider is near", EN_ROUTE_TO_CUSTOMER, ARRIVING, mutation=REPORT
        ),
        AutomaticTransition(
            "at once when another attempt can't help", FAILED, RETURNING, mutation="deliveryFail"
        ),
        AutomaticTransition(
            "job: no decision after a failed attempt", FAILED, RETURNING, job="delivery.advance"
        ),
        AutomaticTransition("order: canceled", BEFORE_PICKUP, CANCELED),
        AutomaticTransition(
            "order: reopened", DELIVERED, EN_ROUTE_TO_CUSTOMER, mutation="orderReopen"
        ),
    ),
    is_visible=parties.can_see,
    permits=_permits,
    refusal=_refusal,
)


async def begin(
    session: AsyncSession, actor: Actor, delivery_id: UUID, action: DeliveryAction
) -> LockedDelivery:
    """Lock a delivery for one action.

    Raises DomainError: NotFound (also for people who never take this action), InvalidTransition.
    """
    order, delivery = await lock(session, delivery_id)
    _require_other_person(delivery, actor, action)
    MACHINE.require_part(delivery, actor, action)
    MACHINE.check(delivery, actor, action)
    by_rider = MACHINE.is_open_to_party(delivery, actor, action, RIDER)
    return LockedDelivery(order, delivery, actor, await current_time(session), by_rider)


async def require_age(session: AsyncSession, locked: LockedDelivery) -> None:
    """Refuse to complete a delivery whose bags take a check of the age by now.

    Raises CommittedDomainError: InvalidTransition.
    """
    step = MACHINE, locked.actor, DeliveryAction.COMPLETE
    await restricted_bags.require_age(session, locked.order, locked.delivery, *step)


def _require_other_person(delivery: Delivery, actor: Actor, action: DeliveryAction) -> None:
    """Raise DomainError: InvalidTransition for a step that only the missing other person takes."""
    is_left_out = parties.has_carried(delivery, actor) and not MACHINE.takes_part(
        delivery, actor, action
    )
    if is_left_out and any(
        t.action is action and has_role_in_store(delivery, actor, t) for t in MACHINE.transitions
    ):
        message = "You have or had these bags: somebody else has to do this."
        raise illegal_step("input", "deliveryId", message=message, state=delivery.status)


async def lock(session: AsyncSession, delivery_id: UUID) -> tuple[Order, Delivery]:
    """Lock the order of a delivery and read the delivery again. Raises DomainError: NotFound."""
    order = await order_locks.lock_by_child(session, Delivery, delivery_id, "deliveryId")
    return order, await session.get_one(Delivery, delivery_id, populate_existing=True)


def change_status(delivery: Delivery, status: DeliveryStatus, now: datetime) -> None:
    """Move a locked delivery; the timer of its new state begins, if it has one."""
    MACHINE.move(delivery, status)
    timer = STATE_TIMERS.get(status)
    delivery.due_at = now + timedelta(seconds=timer.seconds) if timer else None
    delivery.silence_step = 0


async def release_rider(session: AsyncSession, delivery: Delivery) -> None:
    """End the assignment of the rider, so that they can get other offers."""
    if delivery.rider_id is not None:
        await session.execute(RELEASE_RIDER, {"rider": delivery.rider_id, "delivery": delivery.id})
