"""Merging a guest into an existing account moves the guest's orders and carts."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from database.base import Base
from database.scope import PLATFORM
from models.accounts import User
from models.carts import Cart
from models.identity import Grant, Role
from models.ids import encode_id
from models.orders import Order, OrderLine
from models.payments import Payment
from models.support import Ticket, TicketCategory
from resolvers.context import Container
from services.accounts import guest_merge
from services.accounts.guest_merge import ORDER_MODELS
from services.core.problems import DomainError, NotFound
from services.orders import order_locks
from services.support import tickets
from tests.support.actors import ActorClient, InMemorySms, create_client
from tests.support.city import City, build_city
from tests.support.customers import ORIGIN, order_request
from tests.support.order_rows import create_order_rows
from tests.support.paid_orders import OrderDependencies, authorize
from tests.support.store_staff import accept_task
from tests.support.streams.subscriber import subscribe
from tests.workflows.identity.test_sign_in import GUEST, VERIFY, code_for, new_phone, sign_in
from workflows.checkout import place_order

ORDERS = "{ viewer { customer { orders(first: 10) { nodes { id code payment { id }"
ORDERS += " delivery { id } fulfillment { lines { id } } lines { id } } } } } }"


@pytest.fixture
async def city(container: Container) -> City:
    """A city of this test alone, without other orders."""
    return await build_city(container.database)


async def guest_of(container: Container, nobody: ActorClient) -> ActorClient:
    started = (await nobody.run(GUEST))["guestSignIn"]
    return ActorClient(container, container.authenticator.verify(started["accessToken"]).actor)


async def place_order_as(guest: ActorClient, city: City) -> Order:
    """Place an order as the guest: paid, accepted by its store, with a ticket."""
    container = guest.container
    placement = await place_order.place(
        container, actor=guest.actor, origin=ORIGIN, order_request=order_request(city)
    )
    await authorize(container.database, placement.order)
    await accept_task(
        OrderDependencies(container.database, container.reservation_queue),
        city,
        placement.order,
    )
    scope = guest.actor.scope().with_company(placement.order.company_id)
    message = {"kind": TicketCategory.LATE, "subject": "Late", "body": "Where is it?"}
    async with container.database.write(scope, ORIGIN) as session:
        arguments: Any = {"actor": guest.actor, "order_id": placement.order.id, **message}
        await tickets.open_ticket(session, **arguments)
    return placement.order


async def sign_in_guest(
    guest: ActorClient, nobody: ActorClient, sms: InMemorySms, phone: str
) -> ActorClient:
    """Sign the guest in by code; return the client of the account."""
    code = await code_for(nobody, sms, phone)
    payload = (await guest.run(VERIFY, {"phone": phone, "code": code}))["otpSignIn"]
    assert payload["errors"] == []
    return ActorClient(
        guest.container, guest.container.authenticator.verify(payload["accessToken"]).actor
    )


async def test_the_account_sees_and_tracks_the_guests_orders(
    nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    phone = new_phone()
    account = await sign_in(nobody, sms, phone)
    guest = await guest_of(container, nobody)
    order = await place_order_as(guest, city)
    me = await sign_in_guest(guest, nobody, sms, phone)
    assert encode_id(User, me.id) == account["user"]["id"]
    [node] = (await me.run(ORDERS))["viewer"]["customer"]["orders"]["nodes"]
    assert node["code"] == order.code
    assert all([node["payment"], node["delivery"], node["lines"], node["fulfillment"]["lines"]])
    assert (await guest.run(ORDERS))["viewer"]["customer"]["orders"]["nodes"] == []
    async with subscribe(me, "order_tracked", orderId=encode_id(Order, order.id)) as line:
        assert (await line.next_message())["order"]["code"] == order.code
    async with subscribe(guest, "order_tracked", orderId=encode_id(Order, order.id)) as line:
        assert await line.final_error_code() == "NOT_FOUND"


async def test_every_row_with_a_customer_refers_to_the_account(
    nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(container, nobody)
    order = await place_order_as(guest, city)
    me = await sign_in_guest(guest, nobody, sms, phone)
    async with container.database.read(PLATFORM) as session:
        model: Any
        for model in (Order, *ORDER_MODELS):
            rows = await session.scalars(select(model).where(model.customer_id == guest.id))
            assert rows.all() == [], model
        for model in (OrderLine, Payment, Ticket):
            rows = await session.scalars(select(model).where(model.order_id == order.id))
            assert {row.customer_id for row in rows} == {me.id}, model


def test_every_table_with_a_customer_is_covered() -> None:
    models = {
        mapper.class_
        for mapper in Base.registry.mappers
        if "customer_id" in mapper.local_table.columns
    }
    assert models == {Order, *ORDER_MODELS}


async def test_the_merge_waits_for_concurrent_work_on_an_order(
    nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    """The other transaction locks the order, then the customer; the merge must not deadlock."""
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(container, nobody)
    order = await place_order_as(guest, city)
    async with container.database.write(PLATFORM, ORIGIN) as session:
        await order_locks.lock(session, order.id)
        merging: asyncio.Task[Any] = asyncio.create_task(sign_in_guest(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        session.add(
            Ticket(
                order_id=order.id, company_id=order.company_id, customer_id=guest.id,
                opened_by_id=guest.id, category=TicketCategory.OTHER, subject="Meanwhile",
            )
        )  # fmt: skip
        await session.flush()
        assert not merging.done()
    me = await merging
    async with container.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Ticket).where(Ticket.order_id == order.id))
        assert {row.customer_id for row in rows} == {me.id}


@pytest.mark.parametrize("what", [Ticket, Cart])
async def test_the_merge_waits_for_concurrent_writes_to_a_ticket_or_cart(
    what: Any, nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    """The writes lock their row, then the customer; the merge must not deadlock with them."""
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(container, nobody)
    async with container.database.write(PLATFORM, ORIGIN) as session:
        await create_order_rows(session, city.first, guest.id)
        session.add(Cart(person_id=guest.id, company_id=city.company.id))
    async with container.database.write(PLATFORM, ORIGIN) as session:
        own = what.person_id if what is Cart else what.customer_id
        await session.scalars(select(what).where(own == guest.id).with_for_update())
        merging = asyncio.create_task(sign_in_guest(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        customer = select(User.id).where(User.id == guest.id)
        await session.scalar(customer.with_for_update(read=True, key_share=True))
        assert not merging.done()
    assert (await merging).id != guest.id


async def test_an_order_placed_during_the_merge_is_merged(
    nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(container, nobody)
    async with container.database.write(PLATFORM, ORIGIN) as session:
        keys = await create_order_rows(session, city.first, guest.id)
        merging = asyncio.create_task(sign_in_guest(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        assert not merging.done()
    me = await merging
    model: Any
    async with container.database.read(PLATFORM) as session:
        for model in (Order, *ORDER_MODELS):
            assert (await session.get_one(model, keys[model])).customer_id == me.id, model


async def test_a_merged_guest_cannot_place_orders(
    nobody: ActorClient, sms: InMemorySms, container: Container, city: City
) -> None:
    """An order request during the merge must not create an order without an account."""
    account = await create_client(container, "Account", Grant(Role.CUSTOMER))
    guest = await guest_of(container, nobody)
    async with container.database.write(PLATFORM, ORIGIN) as session:
        rows = [await session.get_one(User, client.id) for client in (guest, account)]
        await guest_merge.merge_guest(session, *rows)
        await session.flush()
        buying = asyncio.create_task(
            place_order.place(
                container,
                actor=guest.actor,
                origin=ORIGIN,
                order_request=order_request(city),
            )
        )
        await asyncio.sleep(0.3)
        assert not buying.done()
    with pytest.raises(DomainError) as error:
        await buying
    assert isinstance(error.value.problems[0], NotFound)
