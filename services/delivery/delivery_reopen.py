"""Sends the bags of a reopened order on their way again."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import User
from models.delivery import Delivery, DeliveryOverrideReason, DeliveryStatus
from models.events import OrderEventKind
from models.orders import Order
from models.riders import Rider, RiderStatus
from services.core.clock import current_time
from services.delivery import dispatch
from services.delivery.delivery_records import record_change
from services.delivery.delivery_states import change_status
from services.delivery.failed_attempts import clear_failure
from services.delivery.rider_release import leave_without_rider
from services.delivery.riders import LOCK_RIDER_BY_ID, expire_open_offer

NEWEST_DELIVERY = prepared(
    select(Delivery)
    .where(Delivery.order_id == bindparam("order"))
    .order_by(Delivery.id.desc())
    .limit(1)
    .execution_options(populate_existing=True)
)


async def reopen_delivery(session: AsyncSession, order: Order) -> Delivery:
    """Let the last rider of a locked order's delivery bring the bags, or support find another one.

    A rider who is offline or busy by now does not get it back: then it needs a rider, and support
    has a case. A check of the age that was made for the first hand-over, a failed attempt before it
    and the code of a return that it ended do not count.
    """
    delivery: Delivery = (await session.scalars(NEWEST_DELIVERY, {"order": order.id})).one()
    now = await current_time(session)
    change_status(delivery, DeliveryStatus.EN_ROUTE_TO_CUSTOMER, now)
    delivery.delivered_at = None
    delivery.override_reason, delivery.override_note = None, ""
    delivery.pin_tries = 0  # the order has a new PIN
    clear_failure(delivery)
    rider = await _free_rider(session, delivery)
    if rider is not None:
        person = await session.get(User, rider.person_id)
        dispatch.assign(delivery, rider, person.name if person else "", now)
        await expire_open_offer(session, rider)
    record_change(session, order, delivery, OrderEventKind.DELIVERY_EN_ROUTE_TO_CUSTOMER)
    if rider is None:
        await leave_without_rider(session, order, delivery, DeliveryOverrideReason.OTHER)
    await session.flush()
    return delivery


async def _free_rider(session: AsyncSession, delivery: Delivery) -> Rider | None:
    """The locked last rider, if online and free."""
    if delivery.rider_id is None:
        return None
    rider: Rider = (await session.scalars(LOCK_RIDER_BY_ID, {"rider": delivery.rider_id})).one()
    is_free = rider.status is RiderStatus.ONLINE and rider.live_delivery_id is None
    return rider if is_free else None
