"""The screens of people at work: the store's queue, the rider's offers, the support desk."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Origin
from models.events import EventType
from models.fulfillment import Fulfillment
from models.ids import encode
from models.orders import Order
from models.stores import Store
from models.support import Ticket, TicketKind
from resolvers.context import House
from services.events.event_log import happened, order_happened, rider_stream
from services.support import tickets
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.customers import wish
from tests.support.paid_orders import authorize
from tests.support.streams.subscriber import watching
from workflows.checkout import place_order

ORIGIN = Origin("test:desks")


async def paid(customer: Standing, town: City) -> Order:
    """A paid order of the customer's, in the nearest store's queue."""
    made = await place_order.place(
        customer.house, actor=customer.actor, origin=ORIGIN, wish=wish(town)
    )
    await authorize(customer.house.database, made.order)
    return made.order


async def opened(customer: Standing, order: Order) -> Ticket:
    scope = customer.actor.scope().with_company(order.company_id)
    async with customer.house.database.write(scope, ORIGIN) as session:
        return await tickets.open(
            session,
            actor=customer.actor,
            order_id=order.id,
            kind=TicketKind.LATE,
            subject="Late",
            body="Where is it?",
        )


async def test_a_stores_queue_shows_its_open_tasks_and_then_each_change(
    picker: Standing, customer: Standing, town: City
) -> None:
    first = await paid(customer, town)
    async with watching(picker, "store_queue_changed", storeId=encode(Store, town.near.id)) as line:
        snapshot = await line.next()
        assert snapshot["kind"] == "SNAPSHOT"
        assert first.code in {one["orderCode"] for one in snapshot["fulfillments"]}
        second = await paid(customer, town)
        message = await line.until("FULFILLMENT_QUEUED")
        assert message["fulfillments"] is None
        assert message["fulfillment"]["orderCode"] == second.code
        assert message["fulfillment"]["status"] == "QUEUED"


async def test_an_event_of_the_order_alone_shows_the_task_of_this_store_only(
    picker: Standing, customer: Standing, house: House, town: City
) -> None:
    order = await paid(customer, town)
    async with watching(picker, "store_queue_changed", storeId=encode(Store, town.near.id)) as line:
        await line.next()
        async with house.database.write(PLATFORM, ORIGIN) as session:
            found = await session.get_one(Order, order.id)
            order_happened(session, found, EventType.ORDER_COMPLETED, queue=town.near.id)
        message = await line.until("ORDER_COMPLETED")
        assert message["fulfillment"]["orderCode"] == order.code
        async with house.database.write(PLATFORM, ORIGIN) as session:
            mine = select(Fulfillment).where(Fulfillment.order_id == order.id)
            task = (await session.scalars(mine)).one()
            task.store_id = town.next.id
            found = await session.get_one(Order, order.id)
            order_happened(session, found, EventType.ORDER_COMPLETED, queue=town.near.id)
        assert (await line.until("ORDER_COMPLETED"))["fulfillment"] is None


@pytest.mark.parametrize(
    "somebody", ["other_company_manager", "other_company_admin"], indirect=True
)
async def test_another_companys_queue_is_not_found(somebody: Standing, town: City) -> None:
    async with watching(
        somebody, "store_queue_changed", storeId=encode(Store, town.near.id)
    ) as line:
        assert await line.refused() == "NOT_FOUND"


@pytest.mark.parametrize("somebody", ["customer", "rider", "support_agent"], indirect=True)
async def test_a_queue_is_for_store_staff(somebody: Standing, town: City) -> None:
    async with watching(
        somebody, "store_queue_changed", storeId=encode(Store, town.near.id)
    ) as line:
        assert await line.refused() == "FORBIDDEN"


async def test_a_rider_hears_what_is_asked_of_them_and_of_nobody_else(
    rider: Standing, another_rider: Standing, house: House, town: City
) -> None:
    async with (
        watching(rider, "delivery_offered") as line,
        watching(another_rider, "delivery_offered") as other,
    ):
        snapshot = await line.next()
        assert (snapshot["kind"], snapshot["offer"]) == ("SNAPSHOT", None)
        await other.next()
        async with house.database.write(PLATFORM, ORIGIN) as session:
            for who in (rider, another_rider):
                stream = rider_stream(who.id)
                happened(session, stream, "OFFER_MADE", {}, company_id=town.company.id)
        assert (await line.next())["type"] == "OFFER_MADE"
        assert (await other.next())["type"] == "OFFER_MADE"
        with pytest.raises(TimeoutError):
            await line.next(seconds=0.3)


async def test_offers_are_for_riders(customer: Standing) -> None:
    async with watching(customer, "delivery_offered") as line:
        assert await line.refused() == "FORBIDDEN"


async def test_both_sides_of_a_ticket_and_the_desk_hear_what_is_said(
    customer: Standing, support_agent: Standing, super_admin: Standing, town: City
) -> None:
    order = await paid(customer, town)
    async with (
        watching(support_agent, "support_queue_changed") as desk,
        watching(super_admin, "support_queue_changed") as platform,
    ):
        assert (await desk.next())["kind"] == (await platform.next())["kind"] == "SNAPSHOT"
        ticket = await opened(customer, order)
        shown = encode(Ticket, ticket.id)
        for line in (desk, platform):
            assert (await line.until("TICKET_OPENED"))["ticket"]["id"] == shown
        async with (
            watching(customer, "ticket_changed", ticketId=shown) as mine,
            watching(support_agent, "ticket_changed", ticketId=shown) as theirs,
        ):
            for line in (mine, theirs):
                assert (await line.next())["ticket"]["subject"] == "Late"
            scope = customer.actor.scope().with_company(order.company_id)
            async with customer.house.database.write(scope, ORIGIN) as session:
                await tickets.reply(
                    session, actor=customer.actor, ticket_id=ticket.id, body="Hello?"
                )
            for line in (mine, theirs):
                assert (await line.next())["message"]["body"] == "Hello?"
    cursor = platform.seen[-1]["cursor"]
    async with watching(super_admin, "support_queue_changed", after=cursor) as line:
        assert (await line.next())["kind"] == "EVENT"


@pytest.mark.parametrize("somebody", ["another_customer", "super_admin"], indirect=True)
async def test_a_ticket_is_for_its_customer_and_for_support(
    somebody: Standing, customer: Standing, super_admin: Standing, town: City
) -> None:
    ticket = await opened(customer, await paid(customer, town))
    async with watching(somebody, "ticket_changed", ticketId=encode(Ticket, ticket.id)) as line:
        if somebody is super_admin:
            assert (await line.next())["kind"] == "SNAPSHOT"
        else:
            assert await line.refused() == "NOT_FOUND"
