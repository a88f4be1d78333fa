"""Gives a delivery whose bags are on the way to another rider."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.delivery import Delivery, DeliveryAction, DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor
from models.riders import Rider, RiderStatus
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.delivery import dispatch
from services.delivery.delivery_records import (
    LockedDelivery,
    close_delivery_cases,
    record_rider_change,
)
from services.delivery.delivery_states import begin, change_status, release_rider
from services.delivery.failed_attempts import clear_attempt
from services.delivery.riders import expire_open_offer
from services.delivery.step_overrides import StepOverride, store_override

_PATH = ("input", "riderId")


async def reassign(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    rider_id: UUID,
    override: StepOverride,
) -> Delivery:
    """Give a delivery with its bags to another free rider of the company, who takes them over.

    By support; on the way back also by the store's staff. The rider was asked before, by phone.
    Raises DomainError: NotFound, InvalidInput, InvalidTransition (also for a rider who is not
    free).
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.REASSIGN)
    facts = store_override(locked, override)
    rider = await _free_rider(session, locked, rider_id)
    delivery = locked.delivery
    if delivery.rider_id is not None:
        await take_from_rider(session, delivery)
    returning = delivery.status is DeliveryStatus.RETURNING
    status = DeliveryStatus.RETURNING if returning else DeliveryStatus.PICKED_UP
    change_status(delivery, status, locked.now)
    clear_attempt(delivery)
    person = await session.get(User, rider.person_id)
    dispatch.assign(delivery, rider, person.name if person else "", locked.now)
    await expire_open_offer(session, rider)
    facts["rider_name"] = delivery.rider_name
    locked.record_change(session, OrderEventKind.DELIVERY_REASSIGNED, **facts)
    await close_delivery_cases(session, locked.order, delivery, "Another rider took over.")
    await session.flush()
    return delivery


async def take_from_rider(session: AsyncSession, delivery: Delivery) -> None:
    """Take a locked delivery from its rider, who is free then and learns of it."""
    if delivery.rider_id is not None:
        record_rider_change(session, delivery.rider_id, delivery)
    await release_rider(session, delivery)
    delivery.former_rider_id = delivery.rider_id
    if delivery.rider_person_id is not None:
        delivery.former_carriers = [*delivery.former_carriers, str(delivery.rider_person_id)]
    delivery.rider_id = delivery.rider_person_id = None
    delivery.rider_name = ""


async def _free_rider(session: AsyncSession, locked: LockedDelivery, rider_id: UUID) -> Rider:
    """The locked rider. Raises DomainError: NotFound, InvalidTransition unless online and free."""
    rider = await session.scalar(
        select(Rider)
        .where(Rider.id == rider_id, Rider.company_id == locked.delivery.company_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if rider is None or rider.person_id == locked.delivery.customer_id:
        raise not_found(Rider, "riderId")
    if rider.status is not RiderStatus.ONLINE:
        raise illegal_step(*_PATH, message="This rider is not online.", state=rider.status)
    if rider.live_delivery_id is not None:
        raise illegal_step(*_PATH, message="This rider is on a delivery.", state=rider.status)
    return rider
