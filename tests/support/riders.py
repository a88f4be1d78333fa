"""Riders on the road: online, somewhere, asked, riding; each step as a resolver would take it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryOffer, OfferStatus, Rider, RiderPosition
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order
from services.core.problems import Kept, Refused
from services.delivery import deliveries, dispatch, riders
from services.delivery.position_results import Report
from services.delivery.rider_positions import Fix
from services.fulfillment import handover, picking
from services.fulfillment.picking import Pick
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, lines, paid, working
from tests.support.store_staff import accepted, step
from workflows.delivery import position_ingest
from workflows.delivery.position_ingest import Positions

METER = 1 / 111_195  # degrees of latitude


def as_actor(rider: Rider) -> Actor:
    return Actor(rider.person_id, grants=(Grant(Role.RIDER, rider.company_id),))


async def online(database: Database, city: City, number: int, north_m: float = 100) -> Actor:
    """One of the first company's riders, online and seen `north_m` north of the nearest store."""
    actor = as_actor(city.riders[number])
    async with working(database, actor, city.company.id) as session:
        await riders.go_online(session, actor=actor)
    await report(database, actor, city, city.near.latitude + north_m * METER, city.near.longitude)
    return actor


async def report(
    database: Database, actor: Actor, city: City, latitude: float, longitude: float
) -> Report:
    async with reporting(database) as road:
        fix = Fix(latitude, longitude)
        return await position_ingest.report(road, actor=actor, origin=ORIGIN, fix=fix)


@dataclass(frozen=True, slots=True)
class Road:
    """The handles of a process in which riders report."""

    database: Database
    positions: Positions


@asynccontextmanager
async def reporting(database: Database) -> AsyncIterator[Road]:
    """A process in which riders report, until the block ends."""
    road = Road(database, Positions(database))
    road.positions.start()
    try:
        yield road
    finally:
        await road.positions.close()


async def a_while_later(database: Database, city: City, seconds: float = 30) -> None:
    """Let the last reports of the city's riders be some time ago."""
    async with database.write(PLATFORM, ORIGIN) as session:
        ago = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        ids = [rider.id for rider in city.riders]
        await session.execute(
            update(RiderPosition)
            .where(RiderPosition.rider_id.in_(ids))
            .values(seen_at=RiderPosition.seen_at - ago)
        )
        await session.execute(
            update(Rider).where(Rider.id.in_(ids)).values(online_since=Rider.online_since - ago)
        )


async def assigned_before(database: Database, delivery: Delivery, seconds: float) -> None:
    """Let a ride have been taken some time ago."""
    async with database.write(PLATFORM, ORIGIN) as session:
        ago = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        taken = update(Delivery).where(Delivery.id == delivery.id)
        await session.execute(taken.values(assigned_at=Delivery.assigned_at - ago))


async def searching(doors: Doors, city: City) -> tuple[Order, Fulfillment, Actor, Delivery]:
    """A paid order that its store has accepted, its task, its picker and its delivery."""
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    return order, task, staff, await delivery_of(doors.database, order)


async def packed(doors: Doors, task: Fulfillment, staff: Actor) -> None:
    """Pick all that was ordered and close one bag."""
    found: list[FulfillmentLine] = await lines(doors.database, task)
    for line in found:
        pick = Pick(line.quantity, line.id)
        await step(doors.database, staff, task, picking.pick_line, pick=pick)
    await step(doors.database, staff, task, picking.pack, bags=1)


async def delivery_of(database: Database, order: Order) -> Delivery:
    async with database.read(PLATFORM) as session:
        rows = select(Delivery).where(Delivery.order_id == order.id).order_by(Delivery.id.desc())
        found = await session.scalar(rows.limit(1))
    assert found is not None
    return found


async def open_offer(database: Database, delivery: Delivery) -> DeliveryOffer | None:
    async with database.read(PLATFORM) as session:
        found: DeliveryOffer | None = await session.scalar(
            select(DeliveryOffer).where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == OfferStatus.OFFERED,
            )
        )
    return found


async def accept(database: Database, actor: Actor, offer: DeliveryOffer) -> Delivery:
    async with working(database, actor, offer.company_id) as session:
        return await dispatch.accept(session, actor=actor, offer_id=offer.id)


async def decline(database: Database, actor: Actor, offer: DeliveryOffer) -> DeliveryOffer:
    async with working(database, actor, offer.company_id) as session:
        return await dispatch.decline(session, actor=actor, offer_id=offer.id)


async def ride(
    database: Database, actor: Actor, delivery: Delivery, verb: Any, **more: Any
) -> Delivery:
    """One step of a delivery; a refusal that counts a try is kept, as `attempt` keeps it."""
    kept: Kept | None = None
    done: Delivery | None = None
    async with working(database, actor, delivery.company_id) as session:
        try:
            done = await verb(session, actor=actor, delivery_id=delivery.id, **more)
        except Kept as refused:
            kept = refused
    if kept is not None:
        raise kept
    assert done is not None
    return done


async def refused(
    database: Database, actor: Actor, delivery: Delivery, verb: Any, **more: Any
) -> Any:
    """The one reason why a step was not taken."""
    with pytest.raises(Refused) as caught:
        await ride(database, actor, delivery, verb, **more)
    (reason,) = caught.value.reasons
    return reason


async def assigned(doors: Doors, city: City) -> tuple[Order, Fulfillment, Actor, Delivery, Actor]:
    """An order being picked, whose ride the city's first rider has taken."""
    rider = await online(doors.database, city, 0)
    order, task, staff, delivery = await searching(doors, city)
    offer = await open_offer(doors.database, delivery)
    assert offer is not None
    return order, task, staff, await accept(doors.database, rider, offer), rider


async def at_the_door(doors: Doors, city: City) -> tuple[Order, Delivery, Actor]:
    """An order whose bags the rider holds before the customer's door."""
    order, task, staff, delivery, rider = await assigned(doors, city)
    await packed(doors, task, staff)
    code = {"handover_code": task.handover_code}
    await ride(doors.database, rider, delivery, deliveries.arrive_at_store)
    await ride(doors.database, rider, delivery, handover.pick_up, **code)
    return order, await ride(doors.database, rider, delivery, deliveries.arrive_at_customer), rider


async def run_out(database: Database, delivery: Delivery) -> bool:
    """Let what is due for a delivery be due now, and have the job see to it."""
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        await session.execute(
            update(Delivery).where(Delivery.id == delivery.id).values(due_at=past)
        )
        await session.execute(
            update(DeliveryOffer)
            .where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == OfferStatus.OFFERED,
            )
            .values(expires_at=past)
        )
    async with database.write(PLATFORM, ORIGIN) as session:
        return await dispatch.advance(session, delivery.id)


async def unseen(database: Database, city: City) -> None:
    """Forget where the city's riders are."""
    async with database.write(PLATFORM, ORIGIN) as session:
        ids = [rider.id for rider in city.riders]
        await session.execute(delete(RiderPosition).where(RiderPosition.rider_id.in_(ids)))
