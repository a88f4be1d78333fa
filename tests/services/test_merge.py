"""A guest who signs in to an account that exists brings along what they have bought."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    PLATFORM,
    Base,
    Order,
    OrderLine,
    Payment,
    Person,
    Ticket,
    TicketKind,
)
from models.ids import encode
from resolvers.context import House
from services import order as orders
from services import placement
from services import ticket as tickets
from services.merge import OF_AN_ORDER
from tests import city as cities
from tests.city import City
from tests.people import KeptSms, Standing
from tests.services.customers import ORIGIN, wish
from tests.services.desk import accepted
from tests.services.paid import Doors, authorize
from tests.services.test_sign_in import GUEST, VERIFY, code_for, new_phone, sign_in
from tests.subscriptions.watching import watching

ORDERS = "{ viewer { customer { orders(first: 10) { nodes { id code payment { id }"
ORDERS += " delivery { id } fulfillment { lines { id } } lines { id } } } } } }"


@pytest.fixture
async def town(house: House) -> City:
    """A city of the test's own, in which nobody else's orders wait."""
    return await cities.build(house.database)


async def guest_of(house: House, nobody: Standing) -> Standing:
    started = (await nobody.run(GUEST))["guestStart"]
    return Standing(house, house.identity.read(started["accessToken"]).actor)


async def bought(guest: Standing, town: City) -> Order:
    """An order of the guest's that is paid, accepted by its store, and complained of."""
    house = guest.house
    made = await placement.place(house, actor=guest.actor, origin=ORIGIN, wish=wish(town))
    await authorize(house.database, made.order)
    await accepted(Doors(house.database, house.combiner), town, made.order)
    scope = guest.actor.scope().with_company(made.order.company_id)
    said = {"kind": TicketKind.LATE, "subject": "Late", "body": "Where is it?"}
    async with house.database.write(scope, ORIGIN) as session:
        await tickets.open(session, actor=guest.actor, order_id=made.order.id, **said)  # type: ignore[arg-type] # its texts
    return made.order


async def signed_in(guest: Standing, nobody: Standing, sms: KeptSms, phone: str) -> Standing:
    """The guest's device, after its owner has signed in by a code."""
    code = await code_for(nobody, sms, phone)
    done = (await guest.run(VERIFY, {"phone": phone, "code": code}))["otpVerify"]
    assert done["errors"] == []
    return Standing(guest.house, guest.house.identity.read(done["accessToken"]).actor)


async def test_the_account_sees_the_guests_orders_and_follows_them(
    nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    phone = new_phone()
    account = await sign_in(nobody, sms, phone)
    guest = await guest_of(house, nobody)
    order = await bought(guest, town)
    me = await signed_in(guest, nobody, sms, phone)
    assert encode(Person, me.id) == account["person"]["id"]
    [seen] = (await me.run(ORDERS))["viewer"]["customer"]["orders"]["nodes"]
    assert seen["code"] == order.code
    assert all([seen["payment"], seen["delivery"], seen["lines"], seen["fulfillment"]["lines"]])
    assert (await guest.run(ORDERS))["viewer"]["customer"]["orders"]["nodes"] == []
    async with watching(me, "order_tracked", orderId=encode(Order, order.id)) as line:
        assert (await line.next())["order"]["code"] == order.code
    async with watching(guest, "order_tracked", orderId=encode(Order, order.id)) as line:
        assert await line.refused() == "NOT_FOUND"


async def test_every_row_that_names_the_customer_names_the_account(
    nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(house, nobody)
    order = await bought(guest, town)
    me = await signed_in(guest, nobody, sms, phone)
    async with house.database.read(PLATFORM) as session:
        model: Any
        for model in (Order, *OF_AN_ORDER):
            left = await session.scalars(select(model).where(model.customer_id == guest.id))
            assert left.all() == [], model
        for model in (OrderLine, Payment, Ticket):
            rows = await session.scalars(select(model).where(model.order_id == order.id))
            assert {row.customer_id for row in rows} == {me.id}, model


def test_no_table_that_names_a_customer_is_forgotten() -> None:
    naming = {
        mapper.class_
        for mapper in Base.registry.mappers
        if "customer_id" in mapper.local_table.columns
    }
    assert naming == {Order, *OF_AN_ORDER}


async def test_who_works_on_the_order_meanwhile_is_waited_for(
    nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    """The work holds the order's lock and looks the customer up; signing in holds neither yet."""
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(house, nobody)
    order = await bought(guest, town)
    async with house.database.write(PLATFORM, ORIGIN) as session:
        await orders.lock(session, order.id)
        merging: asyncio.Task[Any] = asyncio.create_task(signed_in(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        session.add(
            Ticket(
                order_id=order.id, company_id=order.company_id, customer_id=guest.id,
                opened_by_id=guest.id, kind=TicketKind.OTHER, subject="Meanwhile",
            )
        )  # fmt: skip
        await session.flush()
        assert not merging.done()
    me = await merging
    async with house.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Ticket).where(Ticket.order_id == order.id))
        assert {row.customer_id for row in rows} == {me.id}
