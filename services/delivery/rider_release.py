"""Takes a person off the road, who leaves or forgot to end the shift.

The delivery is handed over before the role or the sessions end.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery, DeliveryOverrideReason, DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor
from models.orders import Order
from models.riders import Rider, RiderAction, RiderStatus
from models.support import TicketCategory
from services.core.clock import current_time
from services.core.problems import not_found
from services.delivery.deliveries import search_again
from services.delivery.delivery_records import open_delivery_case, record_change
from services.delivery.delivery_states import ASSIGNED_BEFORE_PICKUP, CARRYING_STATUSES, lock
from services.delivery.failed_attempts import clear_wait
from services.delivery.reassignment import take_from_rider
from services.delivery.ride_settings import WITHOUT_RIDER
from services.delivery.rider_states import RIDER_MACHINE
from services.delivery.riders import LOCK_RIDER_BY_ID, end_shift

LIVE_DELIVERY = prepared(select(Rider.live_delivery_id).where(Rider.id == bindparam("rider")))


async def release_rides(
    session: AsyncSession,
    *,
    person_id: UUID,
    company_id: UUID | None = None,
    cause: DeliveryOverrideReason = DeliveryOverrideReason.RIDER_DISMISSED,
) -> int:
    """End the shifts of a person, of all companies or of one; returns how many deliveries they had.

    A delivery before pickup is offered to other riders. After pickup it needs another rider, and
    support gets a case. Call it before the role is revoked or the sessions end, in the same
    transaction, which must see all companies.
    """
    statement = select(Rider.id).where(Rider.person_id == person_id)
    if company_id is not None:
        statement = statement.where(Rider.company_id == company_id)
    rider_ids = (await session.scalars(statement.order_by(Rider.id))).all()
    return sum([await _release(session, rider_id, cause) for rider_id in rider_ids])


async def end_by_staff(
    session: AsyncSession, *, actor: Actor, rider_id: UUID, expected_version: int | None = None
) -> Rider:
    """End the shift of a rider as who manages the riders of the company, and tell the phone.

    Raises DomainError: NotFound (also of other companies), VersionConflict, InvalidTransition
    during a delivery and while offline.
    """
    rider = await session.scalar(LOCK_RIDER_BY_ID, {"rider": rider_id})
    if rider is None:
        raise not_found(Rider, RIDER_MACHINE.id_path)
    RIDER_MACHINE.require_visible(rider, actor)
    RIDER_MACHINE.check_version(rider, expected_version)
    RIDER_MACHINE.check(rider, actor, RiderAction.END_SHIFT)
    await end_shift(session, rider)
    return rider


async def _release(session: AsyncSession, rider_id: UUID, cause: DeliveryOverrideReason) -> int:
    """Hand over the delivery of a rider and end the shift; 1 when there was a delivery.

    The order is locked before the rider, as everywhere. A delivery that the rider accepts meanwhile
    is found by the second look: from the first on the rider is locked, and can accept no other.
    """
    locked, rider = await _lock_with_delivery(session, rider_id)
    if locked is None and rider.live_delivery_id is not None:
        locked, rider = await _lock_with_delivery(session, rider_id)
    if rider.status is RiderStatus.ONLINE:
        await end_shift(session, rider)  # first, so that they are not offered the same delivery
    if locked is None:
        return 0
    await _hand_over(session, *locked, cause)
    return 1


async def _lock_with_delivery(
    session: AsyncSession, rider_id: UUID
) -> tuple[tuple[Order, Delivery] | None, Rider]:
    """The rider's delivery under its order's lock, as far as it is known, then the locked rider."""
    delivery_id = await session.scalar(LIVE_DELIVERY, {"rider": rider_id})
    locked = await lock(session, delivery_id) if delivery_id is not None else None
    rider: Rider = (await session.scalars(LOCK_RIDER_BY_ID, {"rider": rider_id})).one()
    if rider.live_delivery_id != delivery_id:
        locked = None
    return locked, rider


async def _hand_over(
    session: AsyncSession, order: Order, delivery: Delivery, cause: DeliveryOverrideReason
) -> None:
    if delivery.status in ASSIGNED_BEFORE_PICKUP:
        await search_again(session, order, delivery, released=True)
    elif delivery.status in CARRYING_STATUSES:
        await leave_without_rider(session, order, delivery, cause)


async def leave_without_rider(
    session: AsyncSession, order: Order, delivery: Delivery, cause: DeliveryOverrideReason
) -> None:
    """Mark a delivery whose bags are on the way as one that needs another rider.

    Nobody waits at the door any more, so the customer pays for no wait.
    """
    await take_from_rider(session, delivery)
    clear_wait(delivery)
    now = delivery.needs_rider_since = await current_time(session)
    if delivery.status is not DeliveryStatus.ATTEMPT_FAILED:  # its timer begins the way back
        delivery.due_at = now + timedelta(seconds=WITHOUT_RIDER.seconds)
    delivery.override_reason, delivery.override_note = cause, ""
    delivery.version += 1
    record_change(session, order, delivery, OrderEventKind.DELIVERY_RIDER_RELEASED)
    kind = TicketCategory.RIDER_RELEASED
    await open_delivery_case(session, order, delivery, kind, WITHOUT_RIDER.subject)
    await session.flush()
