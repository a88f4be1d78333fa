"""One delivery: its one table of steps, the way into a step, and what is told of it.

An order's lock is taken first by every verb on its delivery, so an order's verbs are serial.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.delivery import OVER, Delivery, DeliveryAction, DeliveryStatus, Rider
from models.events import EventType
from models.identity import Actor, Role
from models.orders import Order
from services.core.access import STORE_ROLES
from services.core.clock import moment
from services.core.problems import IllegalStep, Problem, Refused, not_found
from services.events.event_log import happened, order_happened, rider_stream
from services.orders import orders
from services.orders.stages import SUPPORT_ROLES

CODE_TRIES = 5
FREE = kept(
    update(Rider)
    .where(Rider.id == bindparam("rider"), Rider.live_delivery_id == bindparam("delivery"))
    .values(live_delivery_id=None, version=Rider.version + 1)
    .execution_options(synchronize_session="fetch")
)

NOBODY: frozenset[Role] = frozenset()
DESK_ROLES = STORE_ROLES | SUPPORT_ROLES
BEFORE_PICKUP = frozenset(
    {
        DeliveryStatus.SEARCHING,
        DeliveryStatus.OFFERED,
        DeliveryStatus.ASSIGNED,
        DeliveryStatus.TO_STORE,
        DeliveryStatus.AT_STORE,
    }
)
AT_THE_WHEEL = BEFORE_PICKUP - {DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED}
CARRYING = frozenset(
    {DeliveryStatus.PICKED_UP, DeliveryStatus.TO_CUSTOMER, DeliveryStatus.ARRIVING}
)


@dataclass(frozen=True, slots=True)
class Step:
    """From which states a step may be taken, whether by the rider, and by which other roles.

    `tries` names the counter of wrong codes that ends the rider's part in it.
    """

    states: frozenset[DeliveryStatus]
    rider: bool = True
    roles: frozenset[Role] = NOBODY
    tries: str | None = None


# All else that is said of steps is read off this table: what is refused, what is offered, what an
# error calls legal. Staff and support need no code: they see who stands before them, or ask.
STEPS: dict[DeliveryAction, Step] = {
    DeliveryAction.ARRIVE_AT_STORE: Step(
        frozenset({DeliveryStatus.ASSIGNED, DeliveryStatus.TO_STORE})
    ),
    DeliveryAction.PICK_UP: Step(
        frozenset({DeliveryStatus.AT_STORE}), roles=STORE_ROLES, tries="handover_tries"
    ),
    DeliveryAction.ARRIVE_AT_CUSTOMER: Step(CARRYING),
    DeliveryAction.COMPLETE: Step(
        frozenset({DeliveryStatus.AT_CUSTOMER}), roles=SUPPORT_ROLES, tries="pin_tries"
    ),
    DeliveryAction.FAIL: Step(frozenset({DeliveryStatus.AT_CUSTOMER}), roles=SUPPORT_ROLES),
    DeliveryAction.RETURN: Step(
        frozenset({DeliveryStatus.RETURNING}), roles=STORE_ROLES, tries="handover_tries"
    ),
    DeliveryAction.UNASSIGN: Step(AT_THE_WHEEL, rider=False, roles=DESK_ROLES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongDeliveryCode(Problem):
    """The code or PIN is another one; `tries_left` more can be told, then somebody else must."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Ride:
    """A delivery under its order's lock, who takes a step with it, and the moment of locking."""

    order: Order
    delivery: Delivery
    actor: Actor
    now: datetime

    @property
    def by_rider(self) -> bool:
        return is_rider(self.delivery, self.actor)

    def tell(self, session: AsyncSession, type: EventType, **facts: object) -> None:
        """Record what happened for the order's watchers, the store's queue and the rider."""
        tell(session, self.order, self.delivery, type, **facts)


def tell(
    session: AsyncSession, order: Order, delivery: Delivery, type: EventType, **facts: object
) -> None:
    """Record a change of a delivery in the streams of its order, its store and its rider."""
    said = {"delivery_id": delivery.id, "delivery_status": delivery.status, **facts}
    order_happened(session, order, type, queue=delivery.store_id, **said)
    if delivery.rider_person_id is not None:
        tell_rider(session, delivery.rider_person_id, delivery)


def tell_rider(session: AsyncSession, person_id: UUID, delivery: Delivery) -> None:
    """Tell a rider's own stream how a delivery stands now."""
    body = {"delivery_id": delivery.id, "delivery_status": delivery.status}
    stream = rider_stream(person_id)
    happened(session, stream, "DELIVERY_CHANGED", body, company_id=delivery.company_id)


def is_rider(delivery: Delivery, actor: Actor) -> bool:
    return actor.signed_in and delivery.rider_person_id == actor.person_id


def available_actions(delivery: Delivery, actor: Actor) -> list[DeliveryAction]:
    """The steps that `actor` can take now: none for customers and strangers."""
    rider = is_rider(delivery, actor)
    return [
        action
        for action, step in STEPS.items()
        if delivery.status in step.states
        and (
            (rider and step.rider and not _spent(delivery, step))
            or actor.works_at(delivery.company_id, delivery.store_id, step.roles)
        )
    ]


def sees(delivery: Delivery, actor: Actor) -> bool:
    """Whether a delivery is this person's own order, own ride, or in the care of their desk."""
    own = actor.signed_in and actor.person_id in (delivery.customer_id, delivery.rider_person_id)
    return own or actor.works_at(delivery.company_id, delivery.store_id, DESK_ROLES)


def sees_address(delivery: Delivery, actor: Actor) -> bool:
    """Where a customer lives is the rider's business only while the ride lasts."""
    if is_rider(delivery, actor) and delivery.status in OVER:
        return actor.works_at(delivery.company_id, delivery.store_id, DESK_ROLES)
    return sees(delivery, actor)


async def enter(
    session: AsyncSession, actor: Actor, delivery_id: UUID, action: DeliveryAction
) -> Ride:
    """Lock a delivery for one step. Refused: NotFound (also for strangers), IllegalStep."""
    order, delivery = await locked(session, delivery_id)
    step = STEPS[action]
    rider = step.rider and is_rider(delivery, actor)
    if not rider and not actor.works_at(delivery.company_id, delivery.store_id, step.roles):
        raise not_found(Delivery, "deliveryId")
    legal = available_actions(delivery, actor)
    if action not in legal:
        message = f"{action} can't be done while the delivery is {delivery.status}."
        if delivery.status in step.states:
            message = "Too many wrong codes: ask the store or support to do this."
        path = ["input", "deliveryId"]
        state = delivery.status
        raise Refused(IllegalStep(path=path, message=message, state=state, legal=[*legal]))
    return Ride(order, delivery, actor, await moment(session))


async def locked(session: AsyncSession, delivery_id: UUID) -> tuple[Order, Delivery]:
    """A delivery under its order's lock, as it is now; refused when there is none to be seen."""
    order = await orders.lock_of(session, Delivery, delivery_id, "deliveryId")
    return order, await session.get_one(Delivery, delivery_id, populate_existing=True)


async def free(session: AsyncSession, delivery: Delivery) -> None:
    """The rider can be asked again: this ride is theirs no longer."""
    if delivery.rider_id is not None:
        await session.execute(FREE, {"rider": delivery.rider_id, "delivery": delivery.id})


def _spent(delivery: Delivery, step: Step) -> bool:
    return step.tries is not None and getattr(delivery, step.tries) >= CODE_TRIES
