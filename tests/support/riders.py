"""Riders of the test city: online, at a position, assigned; each step as a resolver takes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryOffer, DeliveryOfferStatus
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.riders import Rider, RiderLocation
from services.core.problems import CommittedDomainError, DomainError
from services.delivery import deliveries, delivery_timers, dispatch, riders
from services.delivery.positions.position_results import PositionReport
from services.delivery.positions.rider_positions import GpsReading
from services.fulfillment import fulfillments, handover, picking
from services.fulfillment.picking import LinePick
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import OrderDependencies, lines_of, place_paid_order, write_as
from tests.support.store_staff import accept_task, run_step
from workflows.delivery import position_ingest
from workflows.delivery.position_ingest import PositionIngest

METER = 1 / 111_195  # degrees of latitude


def as_actor(rider: Rider) -> Actor:
    return Actor(rider.person_id, grants=(Grant(Role.RIDER, rider.company_id),))


async def bring_online(database: Database, city: City, number: int, north_m: float = 100) -> Actor:
    """One of the first company's riders, online and `north_m` north of the nearest store."""
    actor = as_actor(city.riders[number])
    async with write_as(database, actor, city.company.id) as session:
        await riders.go_online(session, actor=actor)
    await report_position(
        database, actor, city, city.near.latitude + north_m * METER, city.near.longitude
    )
    return actor


async def end_shift(database: Database, city: City, number: int) -> None:
    actor = as_actor(city.riders[number])
    async with write_as(database, actor, city.company.id) as session:
        await riders.go_offline(session, actor=actor)


async def rider_row(database: Database, city: City, number: int = 0) -> Rider:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Rider, city.riders[number].id)


async def create_support_agent(database: Database, city: City) -> Actor:
    """A new support agent of the city's first company."""
    return (await create_people(database, 1, Grant(Role.SUPPORT_AGENT, city.company.id)))[0]


async def report_position(
    database: Database, actor: Actor, city: City, latitude: float, longitude: float
) -> PositionReport:
    async with running_position_ingest(database) as process:
        reading = GpsReading(latitude, longitude)
        return await position_ingest.report_position(
            process, actor=actor, origin=ORIGIN, reading=reading
        )


@dataclass(frozen=True, slots=True)
class ReportingProcess:
    """The dependencies of a process that takes in positions."""

    database: Database
    positions: PositionIngest


@asynccontextmanager
async def running_position_ingest(database: Database) -> AsyncIterator[ReportingProcess]:
    """A process that takes in positions until the block ends."""
    process = ReportingProcess(database, PositionIngest(database))
    process.positions.start()
    try:
        yield process
    finally:
        await process.positions.close()


async def age_positions(database: Database, city: City, seconds: float = 30) -> None:
    """Move the last positions and the shifts of the city's riders into the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        interval = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        ids = [rider.id for rider in city.riders]
        await session.execute(
            update(RiderLocation)
            .where(RiderLocation.rider_id.in_(ids))
            .values(recorded_at=RiderLocation.recorded_at - interval)
        )
        await session.execute(
            update(Rider)
            .where(Rider.id.in_(ids))
            .values(online_since=Rider.online_since - interval)
        )


async def backdate_assignment(database: Database, delivery: Delivery, seconds: float) -> None:
    """Move the assignment of a delivery into the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        interval = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        statement = update(Delivery).where(Delivery.id == delivery.id)
        await session.execute(statement.values(assigned_at=Delivery.assigned_at - interval))


async def backdate_arrivals(database: Database, city: City, seconds: float = 301) -> None:
    """Move the arrivals at the customers of the city, and what shows them, into the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        interval = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        statement = update(Delivery).where(Delivery.company_id == city.company.id)
        times = (Delivery.arrived_at, Delivery.at_door_since)
        await session.execute(statement.values({time: time - interval for time in times}))


async def accepted_order(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor, Delivery]:
    """A paid order that its store has accepted, its fulfillment, its picker and its delivery."""
    order = await place_paid_order(dependencies, city)
    fulfillment, staff = await accept_task(dependencies, city, order)
    return order, fulfillment, staff, await delivery_of(dependencies.database, order)


async def pick_and_pack(
    dependencies: OrderDependencies, fulfillment: Fulfillment, staff: Actor
) -> None:
    """Pick all that was ordered, close one bag and stage it."""
    fulfillment_lines: list[FulfillmentLine] = await lines_of(dependencies.database, fulfillment)
    for line in fulfillment_lines:
        pick = LinePick(line.quantity, line.id)
        await run_step(dependencies.database, staff, fulfillment, picking.pick_line, pick=pick)
    await run_step(dependencies.database, staff, fulfillment, picking.pack, bags=1)
    await run_step(dependencies.database, staff, fulfillment, fulfillments.stage)


async def delivery_of(database: Database, order: Order) -> Delivery:
    async with database.read(PLATFORM) as session:
        statement = (
            select(Delivery).where(Delivery.order_id == order.id).order_by(Delivery.id.desc())
        )
        delivery = await session.scalar(statement.limit(1))
    assert delivery is not None
    return delivery


async def open_offer(database: Database, delivery: Delivery) -> DeliveryOffer | None:
    async with database.read(PLATFORM) as session:
        offer: DeliveryOffer | None = await session.scalar(
            select(DeliveryOffer).where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == DeliveryOfferStatus.OFFERED,
            )
        )
    return offer


async def accept(database: Database, actor: Actor, offer: DeliveryOffer) -> Delivery:
    async with write_as(database, actor, offer.company_id) as session:
        return await dispatch.accept_offer(session, actor=actor, offer_id=offer.id)


async def decline(database: Database, actor: Actor, offer: DeliveryOffer) -> DeliveryOffer:
    async with write_as(database, actor, offer.company_id) as session:
        return await dispatch.decline_offer(session, actor=actor, offer_id=offer.id)


async def take_step(
    database: Database, actor: Actor, delivery: Delivery, operation: Any, **arguments: Any
) -> Delivery:
    """Take one step of a delivery; a committed error commits first, as `run_mutation` does."""
    committed: CommittedDomainError | None = None
    result: Delivery | None = None
    async with write_as(database, actor, delivery.company_id) as session:
        try:
            result = await operation(session, actor=actor, delivery_id=delivery.id, **arguments)
        except CommittedDomainError as error:
            committed = error
    if committed is not None:
        raise committed
    assert result is not None
    return result


async def refused_step(
    database: Database, actor: Actor, delivery: Delivery, operation: Any, **arguments: Any
) -> Any:
    """The one problem with which a step is refused."""
    with pytest.raises(DomainError) as caught:
        await take_step(database, actor, delivery, operation, **arguments)
    (problem,) = caught.value.problems
    return problem


async def assigned_delivery(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor, Delivery, Actor]:
    """An order being picked, with a delivery assigned to the city's first rider."""
    rider = await bring_online(dependencies.database, city, 0)
    order, fulfillment, staff, delivery = await accepted_order(dependencies, city)
    offer = await open_offer(dependencies.database, delivery)
    assert offer is not None
    return order, fulfillment, staff, await accept(dependencies.database, rider, offer), rider


async def delivery_at_customer(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Delivery, Actor]:
    """An order whose bags the rider has at the customer's door."""
    order, fulfillment, staff, delivery, rider = await assigned_delivery(dependencies, city)
    await pick_and_pack(dependencies, fulfillment, staff)
    code = {"handover_code": fulfillment.handover_code}
    await take_step(dependencies.database, rider, delivery, deliveries.arrive_at_store)
    await take_step(dependencies.database, rider, delivery, handover.pick_up, **code)
    return (
        order,
        await take_step(dependencies.database, rider, delivery, deliveries.arrive_at_customer),
        rider,
    )


async def expire_offer(database: Database, delivery: Delivery) -> bool:
    """Make a delivery and its offer due now, and do what the job does."""
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        await session.execute(
            update(Delivery).where(Delivery.id == delivery.id).values(due_at=past)
        )
        await session.execute(
            update(DeliveryOffer)
            .where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == DeliveryOfferStatus.OFFERED,
            )
            .values(expires_at=past)
        )
    async with database.write(PLATFORM, ORIGIN) as session:
        return await delivery_timers.advance_delivery(session, delivery.id)


async def delete_positions(database: Database, city: City) -> None:
    """Delete the positions of the city's riders."""
    async with database.write(PLATFORM, ORIGIN) as session:
        ids = [rider.id for rider in city.riders]
        await session.execute(delete(RiderLocation).where(RiderLocation.rider_id.in_(ids)))
