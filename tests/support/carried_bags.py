"""Deliveries with the bags on the way, in each of the states in which a rider carries them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryFailureReason, DeliveryOverrideReason, DeliveryStatus
from models.identity import Actor
from models.orders import Order
from models.support import Ticket, TicketCategory
from services.delivery import deliveries, failed_attempts
from services.delivery.step_overrides import StepOverride
from services.fulfillment import handover
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies

OVERRIDE = StepOverride(DeliveryOverrideReason.RIDER_UNREACHABLE, "The phone is off.")
RECIPIENT_UNAVAILABLE: dict[str, Any] = {
    "reason": DeliveryFailureReason.RECIPIENT_UNAVAILABLE,
    "call_attempt_count": 2,
}
CARRYING = (
    DeliveryStatus.PICKED_UP,
    DeliveryStatus.EN_ROUTE_TO_CUSTOMER,
    DeliveryStatus.ARRIVING,
    DeliveryStatus.AT_CUSTOMER,
    DeliveryStatus.ATTEMPT_FAILED,
    DeliveryStatus.RETURNING,
)


@dataclass(frozen=True, slots=True)
class CarriedBags:
    """A delivery whose rider has the bags, its order, its rider and the staff of its store."""

    order: Order
    delivery: Delivery
    rider: Actor
    staff: Actor


async def carried_bags(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> CarriedBags:
    """A delivery in this state; the rider's last position is near store and customer."""
    database = dependencies.database
    order, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    code = {"handover_code": fulfillment.handover_code}
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    await riders.take_step(database, rider, delivery, handover.pick_up, **code)
    if status in (DeliveryStatus.EN_ROUTE_TO_CUSTOMER, DeliveryStatus.ARRIVING):
        await set_status(database, delivery, status)
    elif status is not DeliveryStatus.PICKED_UP:
        await riders.take_step(database, rider, delivery, deliveries.arrive_at_customer)
    if status is DeliveryStatus.ATTEMPT_FAILED:
        await riders.backdate_arrivals(database, city)
        step = failed_attempts.fail_attempt
        await riders.take_step(database, rider, delivery, step, **RECIPIENT_UNAVAILABLE)
    if status is DeliveryStatus.RETURNING:
        step, refused = (
            failed_attempts.fail_attempt,
            {"reason": DeliveryFailureReason.RECIPIENT_REFUSED},
        )
        await riders.take_step(database, rider, delivery, step, **refused)
    delivery = await riders.delivery_of(database, order)
    assert delivery.status is status
    return CarriedBags(order, delivery, rider, staff)


async def set_status(database: Database, delivery: Delivery, status: DeliveryStatus) -> None:
    """As the positions of the rider would do."""
    async with database.write(PLATFORM, ORIGIN) as session:
        statement = update(Delivery).where(Delivery.id == delivery.id).values(status=status)
        await session.execute(statement)


async def open_cases(database: Database, order: Order) -> list[TicketCategory]:
    """The kinds of the unresolved cases about an order."""
    async with database.read(PLATFORM) as session:
        statement = select(Ticket.category).where(
            Ticket.order_id == order.id, Ticket.internal, Ticket.status != "RESOLVED"
        )
        return sorted(await session.scalars(statement))
