"""A guest who signs in to an account that exists brings along what they have bought."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from database.base import Base
from database.scope import PLATFORM
from models.accounts import Person
from models.carts import Cart
from models.identity import Grant, Role
from models.ids import encode
from models.orders import Order, OrderLine
from models.payments import Payment
from models.support import Ticket, TicketKind
from resolvers.context import House
from services.accounts import guest_merge
from services.accounts.guest_merge import OF_AN_ORDER
from services.core.problems import NotFound, Refused
from services.orders import orders
from services.support import tickets
from tests.support import city
from tests.support.actors import KeptSms, Standing, stand
from tests.support.city import City
from tests.support.customers import ORIGIN, wish
from tests.support.order_rows import hang
from tests.support.paid_orders import Doors, authorize
from tests.support.store_staff import accepted
from tests.support.streams.subscriber import watching
from tests.workflows.identity.test_sign_in import GUEST, VERIFY, code_for, new_phone, sign_in
from workflows.checkout import place_order

ORDERS = "{ viewer { customer { orders(first: 10) { nodes { id code payment { id }"
ORDERS += " delivery { id } fulfillment { lines { id } } lines { id } } } } } }"


@pytest.fixture
async def town(house: House) -> City:
    """A city of the test's own, in which nobody else's orders wait."""
    return await city.build(house.database)


async def guest_of(house: House, nobody: Standing) -> Standing:
    started = (await nobody.run(GUEST))["guestStart"]
    return Standing(house, house.identity.read(started["accessToken"]).actor)


async def bought(guest: Standing, town: City) -> Order:
    """An order of the guest's that is paid, accepted by its store, and complained of."""
    house = guest.house
    made = await place_order.place(house, actor=guest.actor, origin=ORIGIN, wish=wish(town))
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


@pytest.mark.parametrize("what", [Ticket, Cart])
async def test_who_writes_in_a_ticket_or_a_cart_meanwhile_is_waited_for(
    what: Any, nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    """They lock their row, then look the customer up: signing in must not stand in between."""
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(house, nobody)
    async with house.database.write(PLATFORM, ORIGIN) as session:
        await hang(session, town.first, guest.id)
        session.add(Cart(person_id=guest.id, company_id=town.company.id))
    async with house.database.write(PLATFORM, ORIGIN) as session:
        own = what.person_id if what is Cart else what.customer_id
        await session.scalars(select(what).where(own == guest.id).with_for_update())
        merging = asyncio.create_task(signed_in(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        looked_up = select(Person.id).where(Person.id == guest.id)
        await session.scalar(looked_up.with_for_update(read=True, key_share=True))
        assert not merging.done()
    assert (await merging).id != guest.id


async def test_an_order_placed_in_the_same_moment_comes_along(
    nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    phone = new_phone()
    await sign_in(nobody, sms, phone)
    guest = await guest_of(house, nobody)
    async with house.database.write(PLATFORM, ORIGIN) as session:
        keys = await hang(session, town.first, guest.id)
        merging = asyncio.create_task(signed_in(guest, nobody, sms, phone))
        await asyncio.sleep(0.3)
        assert not merging.done()
    me = await merging
    model: Any
    async with house.database.read(PLATFORM) as session:
        for model in (Order, *OF_AN_ORDER):
            assert (await session.get_one(model, keys[model])).customer_id == me.id, model


async def test_nothing_is_ordered_as_a_guest_who_has_signed_in(
    nobody: Standing, sms: KeptSms, house: House, town: City
) -> None:
    """A request under way while the guest signs in must not leave an order that nobody owns."""
    account = await stand(house, "Account", Grant(Role.CUSTOMER))
    guest = await guest_of(house, nobody)
    async with house.database.write(PLATFORM, ORIGIN) as session:
        rows = [await session.get_one(Person, one.id) for one in (guest, account)]
        await guest_merge.into(session, *rows)
        await session.flush()
        buying = asyncio.create_task(
            place_order.place(house, actor=guest.actor, origin=ORIGIN, wish=wish(town))
        )
        await asyncio.sleep(0.3)
        assert not buying.done()
    with pytest.raises(Refused) as refused:
        await buying
    assert isinstance(refused.value.reasons[0], NotFound)
