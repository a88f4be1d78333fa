"""The streams of work queues: the store's queue, the rider's offers and the support queue."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import Membership
from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from models.riders import Rider, RiderStatus
from models.stores import Store
from models.support import Ticket, TicketCategory
from resolvers.context import Container
from services.delivery.riders import end_shift
from services.events.event_log import record_event, record_order_event, rider_stream
from services.support import tickets
from subscriptions.engine import access_monitor
from tests.support.actors import ActorClient, create_client
from tests.support.city import City, build_city
from tests.support.customers import order_request
from tests.support.paid_orders import authorize
from tests.support.streams.subscriber import subscribe
from workflows.checkout import place_order

ORIGIN = AuditContext("test:queues")


async def place_paid_order(customer: ActorClient, shared_city: City) -> Order:
    """Place and pay an order, which enters the nearest store's queue."""
    placed = await place_order.place(
        customer.container,
        actor=customer.actor,
        origin=ORIGIN,
        order_request=order_request(shared_city),
    )
    await authorize(customer.container.database, placed.order)
    return placed.order


async def open_ticket(customer: ActorClient, order: Order) -> Ticket:
    scope = customer.actor.scope().with_company(order.company_id)
    async with customer.container.database.write(scope, ORIGIN) as session:
        return await tickets.open_ticket(
            session,
            actor=customer.actor,
            order_id=order.id,
            kind=TicketCategory.LATE,
            subject="Late",
            body="Where is it?",
        )


async def test_a_store_queue_sends_its_open_tasks_and_then_each_change(
    picker: ActorClient, customer: ActorClient, shared_city: City
) -> None:
    first = await place_paid_order(customer, shared_city)
    async with subscribe(
        picker, "store_queue_changed", storeId=encode_id(Store, shared_city.near.id)
    ) as subscription:
        snapshot = await subscription.next_message()
        assert snapshot["kind"] == "SNAPSHOT"
        assert first.code in {task["orderCode"] for task in snapshot["fulfillments"]}
        second = await place_paid_order(customer, shared_city)
        message = await subscription.next_of_type("FULFILLMENT_QUEUED")
        assert message["fulfillments"] is None
        assert message["fulfillment"]["orderCode"] == second.code
        assert message["fulfillment"]["status"] == "QUEUED"


async def test_an_order_event_shows_only_the_task_of_this_store(
    picker: ActorClient, customer: ActorClient, container: Container, shared_city: City
) -> None:
    order = await place_paid_order(customer, shared_city)
    async with subscribe(
        picker, "store_queue_changed", storeId=encode_id(Store, shared_city.near.id)
    ) as subscription:
        await subscription.next_message()
        async with container.database.write(PLATFORM, ORIGIN) as session:
            order_row = await session.get_one(Order, order.id)
            record_order_event(
                session,
                order_row,
                OrderEventKind.ORDER_COMPLETED,
                queue_store_id=shared_city.near.id,
            )
        message = await subscription.next_of_type("ORDER_COMPLETED")
        assert message["fulfillment"]["orderCode"] == order.code
        async with container.database.write(PLATFORM, ORIGIN) as session:
            query = select(Fulfillment).where(Fulfillment.order_id == order.id)
            task = (await session.scalars(query)).one()
            task.store_id = shared_city.next.id
            order_row = await session.get_one(Order, order.id)
            record_order_event(
                session,
                order_row,
                OrderEventKind.ORDER_COMPLETED,
                queue_store_id=shared_city.near.id,
            )
        assert (await subscription.next_of_type("ORDER_COMPLETED"))["fulfillment"] is None


@pytest.mark.parametrize("user", ["other_company_manager", "other_company_admin"], indirect=True)
async def test_the_queue_of_another_company_is_not_found(
    user: ActorClient, shared_city: City
) -> None:
    async with subscribe(
        user, "store_queue_changed", storeId=encode_id(Store, shared_city.near.id)
    ) as subscription:
        assert await subscription.final_error_code() == "NOT_FOUND"


@pytest.mark.parametrize("user", ["customer", "rider", "support_agent"], indirect=True)
async def test_a_store_queue_requires_store_staff(user: ActorClient, shared_city: City) -> None:
    async with subscribe(
        user, "store_queue_changed", storeId=encode_id(Store, shared_city.near.id)
    ) as subscription:
        assert await subscription.final_error_code() == "FORBIDDEN"


async def test_a_rider_receives_only_the_own_offers(container: Container) -> None:
    city = await build_city(container.database)  # its riders have no offers of other tests
    rows = (city.first.riders[0], city.second.riders[0])
    rider, another_rider = [
        await create_client(
            container, "Rider", Grant(Role.RIDER, row.company_id), person_id=row.person_id
        )
        for row in rows
    ]
    async with (
        subscribe(rider, "delivery_offered") as subscription,
        subscribe(another_rider, "delivery_offered") as other,
    ):
        snapshot = await subscription.next_message()
        assert (snapshot["kind"], snapshot["deliveryOffer"]) == ("SNAPSHOT", None)
        await other.next_message()
        async with container.database.write(PLATFORM, ORIGIN) as session:
            for row in rows:
                stream = rider_stream(row.id)
                record_event(session, stream, "OFFER_MADE", {}, company_id=city.company.id)
        assert (await subscription.next_message())["type"] == "OFFER_MADE"
        assert (await other.next_message())["type"] == "OFFER_MADE"
        with pytest.raises(TimeoutError):
            await subscription.next_message(seconds=0.3)


async def test_delivery_offers_require_a_rider(customer: ActorClient) -> None:
    async with subscribe(customer, "delivery_offered") as subscription:
        assert await subscription.final_error_code() == "FORBIDDEN"


async def test_customer_agent_and_support_queue_receive_ticket_messages(
    customer: ActorClient, support_agent: ActorClient, super_admin: ActorClient, shared_city: City
) -> None:
    order = await place_paid_order(customer, shared_city)
    async with (
        subscribe(support_agent, "support_queue_changed") as company_queue,
        subscribe(super_admin, "support_queue_changed") as platform_queue,
    ):
        assert (
            (await company_queue.next_message())["kind"]
            == (await platform_queue.next_message())["kind"]
            == "SNAPSHOT"
        )
        ticket = await open_ticket(customer, order)
        ticket_id = encode_id(Ticket, ticket.id)
        for subscription in (company_queue, platform_queue):
            assert (await subscription.next_of_type("TICKET_OPENED"))["ticket"]["id"] == ticket_id
        async with (
            subscribe(customer, "ticket_changed", ticketId=ticket_id) as customer_stream,
            subscribe(support_agent, "ticket_changed", ticketId=ticket_id) as agent_stream,
        ):
            for subscription in (customer_stream, agent_stream):
                assert (await subscription.next_message())["ticket"]["subject"] == "Late"
            scope = customer.actor.scope().with_company(order.company_id)
            async with customer.container.database.write(scope, ORIGIN) as session:
                await tickets.reply(
                    session, actor=customer.actor, ticket_id=ticket.id, body="Hello?"
                )
            for subscription in (customer_stream, agent_stream):
                assert (await subscription.next_message())["message"]["body"] == "Hello?"
    cursor = platform_queue.messages[-1]["cursor"]
    async with subscribe(super_admin, "support_queue_changed", after=cursor) as subscription:
        assert (await subscription.next_message())["kind"] == "EVENT"


@pytest.mark.parametrize("user", ["another_customer", "super_admin"], indirect=True)
async def test_a_ticket_is_visible_to_its_customer_and_to_support(
    user: ActorClient, customer: ActorClient, super_admin: ActorClient, shared_city: City
) -> None:
    ticket = await open_ticket(customer, await place_paid_order(customer, shared_city))
    async with subscribe(
        user, "ticket_changed", ticketId=encode_id(Ticket, ticket.id)
    ) as subscription:
        if user is super_admin:
            assert (await subscription.next_message())["kind"] == "SNAPSHOT"
        else:
            assert await subscription.final_error_code() == "NOT_FOUND"


async def test_the_stream_of_a_rider_has_the_companies_that_are_left(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream for each company: one dismisses the rider, the others go on."""
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    city = await build_city(container.database)
    first, second = city.first.riders[0], city.second.riders[0]
    grants = [Grant(Role.RIDER, row.company_id) for row in (first, second)]
    both = await create_client(container, "Rider of two", *grants)
    async with container.database.write(PLATFORM, ORIGIN) as session:
        rows = [Rider(person_id=both.id, company_id=grant.company_id) for grant in grants]
        session.add_all(rows)
    streams = [rider_stream(row.id) for row in rows]

    async def record() -> None:
        async with container.database.write(PLATFORM, ORIGIN) as session:
            for row, stream in zip(rows, streams, strict=True):
                record_event(session, stream, "OFFER_MADE", {}, company_id=row.company_id)

    async with subscribe(both, "delivery_offered") as subscription:
        assert (await subscription.next_message())["kind"] == "SNAPSHOT"
        await record()
        messages = [await subscription.next_message() for _ in streams]
        assert [message["type"] for message in messages] == ["OFFER_MADE", "OFFER_MADE"]
        await revoke_rider(container, both, rows[0].company_id)
        assert await subscription.final_error_code() == "FORBIDDEN"
    async with subscribe(replace(both, actor=limited(both, 1)), "delivery_offered") as left:
        assert (await left.next_message())["kind"] == "SNAPSHOT"
        await record()
        assert (await left.next_message())["type"] == "OFFER_MADE"
        with pytest.raises(TimeoutError):
            await left.next_message(seconds=0.3)


async def test_a_change_of_a_shift_says_of_which_rider(container: Container) -> None:
    """Somebody rides for two companies, and one of them ends the shift.

    SHIFT_CHANGED had neither rider nor status: the app could not tell which shift was over.
    """
    city = await build_city(container.database)
    companies = [store.riders[0].company_id for store in (city.first, city.second)]
    grants = [Grant(Role.RIDER, company_id) for company_id in companies]
    both = await create_client(container, "Rider of two", *grants)
    rows = [Rider(person_id=both.id, company_id=company_id) for company_id in companies]
    rows[0].status = RiderStatus.ONLINE
    async with container.database.write(PLATFORM, ORIGIN) as session:
        session.add_all(rows)
    async with subscribe(both, "delivery_offered") as subscription:
        assert (await subscription.next_message())["rider"] is None
        async with container.database.write(PLATFORM, ORIGIN) as session:
            row = await session.get_one(Rider, rows[0].id)
            await end_shift(session, row)
        message = await subscription.next_message()
    assert message["type"] == "SHIFT_CHANGED"
    assert message["rider"] == {"id": encode_id(Rider, rows[0].id), "status": "OFFLINE"}


def limited(client: ActorClient, number: int) -> Actor:
    """The actor with one of the roles."""
    actor = client.actor
    return Actor(actor.person_id, actor.session_id, (actor.grants[number],))


async def revoke_rider(container: Container, who: ActorClient, company_id: UUID) -> None:
    """Revoke a role as another process does: nothing is forgotten here."""
    async with container.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(Membership)
            .where(Membership.person_id == who.id, Membership.company_id == company_id)
            .values(revoked_at=func.now())
        )
