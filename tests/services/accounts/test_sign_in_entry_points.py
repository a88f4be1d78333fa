"""Every way to sign in keeps one rule: a guest's orders and keys go on in the account."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema
from sqlalchemy import select

from database.scope import PLATFORM
from models.accounts import User
from models.orders import Order
from resolvers.context import Container
from services.core import idempotency
from tests.support.actors import ActorClient, InMemorySms
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.graph_queries import operation
from tests.support.mailbox import Mailbox
from tests.support.paths import ROOT
from tests.workflows.identity.test_sign_in import GUEST, code_for, new_phone
from workflows.checkout import place_order

PERSON = "accessToken user { id phone email } errors { __typename }"
SECRET = "correct horse battery"
FORGOT, SIGN_UP = operation("password_reset_request"), operation("email_sign_up_request")
NO_ENTRY_POINTS = {
    "guestSignIn": "makes a guest, who has nothing to bring along",
    "sessionRefresh": "goes on with the session of the same person",
}
Values = dict[str, Any]
Open = Callable[["Visitor"], Awaitable[Values]]


class Visitor:
    """Somebody with a contact of their own who asks for codes and links."""

    def __init__(self, nobody: ActorClient, sms: InMemorySms, mailbox: Mailbox) -> None:
        self.nobody, self.sms, self.mailbox = nobody, sms, mailbox
        self.phone, self.email = new_phone(), f"{secrets.token_hex(6)}@example.org"

    async def code(self) -> Values:
        return {"phone": self.phone, "code": await code_for(self.nobody, self.sms, self.phone)}

    async def known_phone(self) -> Values:
        await enter(self.nobody, "otpSignIn", await self.code())
        return await self.code()

    async def sign_up(self) -> Values:
        await self.nobody.run(SIGN_UP, {"input": {"email": self.email}})
        return {"token": await self.mailbox.key(self.email), "password": SECRET}

    async def password(self) -> Values:
        await enter(self.nobody, "emailSignUpComplete", await self.sign_up())
        return {"email": self.email, "password": SECRET}

    async def reset(self) -> Values:
        await self.password()
        await self.nobody.run(FORGOT, {"input": {"email": self.email}})
        return {"token": await self.mailbox.key(self.email), "password": f"{SECRET} again"}


# Into an account that exists, and by becoming a new one.
ENTRY_POINTS: list[tuple[str, Open]] = [
    ("otpSignIn", Visitor.known_phone),
    ("otpSignIn", Visitor.code),
    ("passwordSignIn", Visitor.password),
    ("emailSignUpComplete", Visitor.sign_up),
    ("passwordReset", Visitor.reset),
]
each_entry_point = pytest.mark.parametrize(
    ("entry_point", "open_entry_point"),
    ENTRY_POINTS,
    ids=[f"{entry_point}-{way.__name__}" for entry_point, way in ENTRY_POINTS],
)


@pytest.fixture
def visitor(nobody: ActorClient, sms: InMemorySms, mailbox: Mailbox) -> Visitor:
    return Visitor(nobody, sms, mailbox)


async def enter(who: ActorClient, entry_point: str, values: Values, key: str | None = None) -> Any:
    input_type = f"{entry_point[0].upper()}{entry_point[1:]}Input"
    document = f"mutation ($input: {input_type}!) {{ {entry_point}(input: $input) {{ {PERSON} }} }}"
    payload = (await who.run(document, {"input": values}, idempotency_key=key))[entry_point]
    assert payload["errors"] == []
    return payload


def client_of(container: Container, token: str) -> ActorClient:
    return ActorClient(container, container.authenticator.verify(token).actor)


async def order_once(who: ActorClient, city: City, key: str) -> Order:
    """Place an order, or find the one of an equal request."""
    request = order_request(city)
    keyed = idempotency.build_request(str(who.id), key, "orderPlace", "one basket")
    placed = await place_order.place(
        who.container,
        actor=who.actor,
        origin=ORIGIN,
        order_request=request,
        idempotent_request=keyed,
    )
    return placed.order


def test_every_entry_point_is_listed() -> None:
    """A mutation that signs in is an entry point, or says why it needs no rule for guests."""
    mutation = build_schema((ROOT / "schema.graphql").read_text()).mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    found = {
        name
        for name, field in mutation.fields.items()
        if "refreshToken" in getattr(field.type, "fields", {})
    }
    assert found == {entry_point for entry_point, _ in ENTRY_POINTS} | NO_ENTRY_POINTS.keys()


@each_entry_point
async def test_the_orders_of_a_guest_go_on_in_the_account(
    entry_point: str,
    open_entry_point: Open,
    visitor: Visitor,
    container: Container,
    shared_city: City,
) -> None:
    """A guest who signed in by password, or by a link to a new one, lost cart and orders; and the
    same request, repeated after the sign-in, placed a second order."""
    values = await open_entry_point(visitor)
    guest = client_of(container, (await visitor.nobody.run(GUEST))["guestSignIn"]["accessToken"])
    key = secrets.token_hex(16)
    order = await order_once(guest, shared_city, key)
    payload = await enter(guest, entry_point, values)
    account = client_of(container, payload["accessToken"])
    assert (await order_once(account, shared_city, key)).id == order.id
    async with container.database.read(PLATFORM) as session:
        mine = select(Order.id).where(Order.customer_id == account.id)
        assert (await session.scalars(mine)).all() == [order.id]
    assert not await container.authenticator.is_alive(guest.actor.session_id)


@each_entry_point
async def test_who_has_signed_in_sees_their_contact_at_once(
    entry_point: str, open_entry_point: Open, visitor: Visitor
) -> None:
    """The e-mail address and the phone in the answer to a sign-in were null."""
    person = (await enter(visitor.nobody, entry_point, await open_entry_point(visitor)))["user"]
    by_phone = entry_point == "otpSignIn"
    assert (person["phone"], person["email"]) == (
        (visitor.phone, None) if by_phone else (None, visitor.email)
    )


@each_entry_point
async def test_a_repeated_sign_in_of_a_guest_gets_the_same_tokens(
    entry_point: str, open_entry_point: Open, visitor: Visitor, container: Container
) -> None:
    """The key of the sign-in itself went to the account, and its repetition was a new request."""
    values = await open_entry_point(visitor)
    guest = client_of(container, (await visitor.nobody.run(GUEST))["guestSignIn"]["accessToken"])
    key = secrets.token_hex(16)
    first = await enter(guest, entry_point, values, key)
    assert await enter(guest, entry_point, values, key) == first


async def test_a_refused_sign_in_moves_nothing(
    visitor: Visitor, container: Container, shared_city: City
) -> None:
    """A guest mistypes the password of another account: cart and orders stay with the guest."""
    values = await visitor.password()
    guest = client_of(container, (await visitor.nobody.run(GUEST))["guestSignIn"]["accessToken"])
    order = await order_once(guest, shared_city, secrets.token_hex(16))
    document = "mutation ($input: PasswordSignInInput!) { passwordSignIn(input: $input) "
    document += "{ errors { __typename } } }"
    payload = await guest.run(document, {"input": values | {"password": "a wrong one"}})
    assert payload["passwordSignIn"]["errors"] == [{"__typename": "InvalidCredentials"}]
    async with container.database.read(PLATFORM) as session:
        assert (await session.get_one(Order, order.id)).customer_id == guest.id
        assert (await session.get_one(User, guest.id)).merged_into_id is None
