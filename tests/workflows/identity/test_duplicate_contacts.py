"""Contacts of before get their one form, and accounts that are one person's are merged."""

import asyncio
import re
import secrets
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import select

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from models.accounts import Address, Membership, User
from models.carts import Cart
from models.identity import Role, SignInSession
from models.orders import Order
from models.payments import Payment
from resolvers.context import Container
from server.commands import contacts
from services.accounts.duplicate_contacts import ContactReport, ContactResult
from tests.support.actors import ActorClient, InMemorySms
from tests.support.city import City, build_city
from tests.support.graph_queries import public_id
from tests.support.order_rows import create_order_rows
from tests.support.paths import ROOT
from tests.workflows.identity.test_sign_in import sign_in
from workflows.identity.duplicate_contacts import normalize_contacts

ORIGIN = AuditContext("test")


def london(number: int) -> tuple[str, str]:
    """A number of London with the zero that is dialed within the country, and in its one form."""
    return f"+44020794{number:05}", f"+4420794{number:05}"


@pytest.fixture
async def city(container: Container) -> City:
    return await build_city(container.database)


async def make(container: Container, *roles: Role, **values: Any) -> User:
    async with container.database.write(PLATFORM, ORIGIN) as session:
        person = User(id=uuid7(), **values)
        session.add(person)
        await session.flush()
        session.add_all(Membership(person_id=person.id, role=role) for role in roles)
    return person


async def read(container: Container, person: User) -> User:
    async with container.database.read(PLATFORM) as session:
        return await session.get_one(User, person.id)


async def normalize(container: Container, *people: User) -> dict[Any, ContactReport]:
    """The reports about these people; the database has others."""
    ids = {person.id for person in people}
    reports = [one async for one in normalize_contacts(container.database)]
    return {one.person_id: one for one in reports if one.person_id in ids}


def number() -> int:
    return secrets.randbelow(60_000) + 20_000


async def test_a_contact_of_nobody_else_is_rewritten(container: Container) -> None:
    written, form = london(number())
    name = secrets.token_hex(6)
    one = await make(container, phone=written)
    other = await make(container, email=f"{name}@M\u00dcNCHEN.example")
    reports = await normalize(container, one, other)
    assert {report.result for report in reports.values()} == {ContactResult.REWRITTEN}
    assert (await read(container, one)).phone == form
    assert (await read(container, other)).email == f"{name}@xn--mnchen-3ya.example"
    assert await normalize(container, one, other) == {}


async def test_who_exists_twice_is_one_person_with_everything_of_both(
    container: Container, city: City, nobody: ActorClient, sms: InMemorySms
) -> None:
    """Orders, payments, addresses and carts of both accounts; the owner signs in to all of it."""
    written, form = london(number())
    kept = await make(container, Role.CUSTOMER, phone=form, email=f"{uuid7()}@example.org")
    left = await make(container, Role.CUSTOMER, phone=written, name="Ann")
    async with container.database.write(PLATFORM, ORIGIN) as session:
        keys = await create_order_rows(session, city.first, left.id)
        session.add(
            Address(person_id=left.id, label="", address_line="1", latitude=0.0, longitude=0.0)
        )
        session.add(Cart(person_id=left.id, company_id=city.company.id))
    reports = await normalize(container, left, kept)
    assert reports[left.id] == ContactReport(left.id, "phone", ContactResult.MERGED, kept.id)
    async with container.database.read(PLATFORM) as session:
        order = await session.get_one(Order, keys[Order])
        payment = await session.get_one(Payment, keys[Payment])
        owners = {order.customer_id, payment.customer_id}
        for model in (Address, Cart):
            owners |= set(await session.scalars(
                select(model.person_id).where(model.person_id.in_([left.id, kept.id]))
            ))  # fmt: skip
        live = await session.scalars(
            select(SignInSession).where(
                SignInSession.person_id == left.id, SignInSession.revoked_at.is_(None)
            )
        )
        assert live.all() == []
    assert owners == {kept.id}
    merged = await read(container, left)
    assert (merged.phone, merged.merged_into_id) == (None, kept.id)
    assert (await read(container, kept)).name == "Ann"
    payload = await sign_in(nobody, sms, form)
    assert payload["user"]["id"] == public_id(kept)


async def test_the_account_with_roles_is_kept(container: Container) -> None:
    written, form = london(number())
    plain = await make(container, Role.CUSTOMER, phone=form)
    agent = await make(container, Role.SUPPORT_AGENT, phone=written)
    reports = await normalize(container, plain, agent)
    assert reports[plain.id].result is ContactResult.MERGED
    assert (await read(container, agent)).phone == form
    assert (await read(container, plain)).merged_into_id == agent.id


@pytest.mark.parametrize(
    ("role", "email", "result"),
    [
        (Role.SUPPORT_AGENT, None, ContactResult.BOTH_HAVE_ROLES),
        (Role.CUSTOMER, "example.org", ContactResult.BOTH_HAVE_EMAILS),
    ],
)
async def test_what_would_lose_something_is_left_to_somebody_to_decide(
    container: Container, role: Role, email: str | None, result: ContactResult
) -> None:
    """Two mail addresses, or two sets of roles: nothing of both accounts is changed."""
    written, form = london(number())
    addresses = [email and f"{uuid7()}@{email}" for _ in range(2)]
    first = await make(container, role, phone=form, email=addresses[0])
    second = await make(container, role, phone=written, email=addresses[1])
    reports = await normalize(container, first, second)
    assert reports == {second.id: ContactReport(second.id, "phone", result, first.id)}
    assert [(await read(container, one)).phone for one in (first, second)] == [form, written]


async def test_a_phone_that_no_message_reaches_is_listed(container: Container) -> None:
    nowhere = await make(container, phone=f"+9999{secrets.randbelow(10**9):09}")
    reports = await normalize(container, nowhere)
    assert reports[nowhere.id].result is ContactResult.NO_CONTACT


def revision_before(configuration: Config) -> str:
    """The revision that the migration of contacts follows."""
    revisions = ScriptDirectory.from_config(configuration).walk_revisions()
    [found] = [one for one in revisions if one.path.endswith("_contact_forms.py")]
    assert isinstance(found.down_revision, str)
    return found.down_revision


INSERT = "insert into person (id, phone, email, name, language) values ($1, $2, $3, '', 'en')"


async def test_a_filled_database_is_migrated_and_the_rest_is_reported(
    fresh_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The migration rewrites what is free; the command merges, and says what it can't."""
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    await asyncio.to_thread(command.downgrade, configuration, revision_before(configuration))
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    twice, alone, nowhere = london(number()), london(number()), "+9999999"
    rows = [(twice[1], None), (twice[0], None), (alone[0], None), (nowhere, None),
            (None, "a@M\u00dcNCHEN.example")]  # fmt: skip
    keys = [uuid7() for _ in rows]
    for key, row in zip(keys, rows, strict=True):
        await connection.execute(INSERT, key, *row)
    await asyncio.to_thread(command.upgrade, configuration, "head")
    query = "select phone, email from person where id = $1"
    stored = [tuple(await connection.fetchrow(query, key)) for key in keys]
    assert stored == [
        (twice[1], None), (twice[0], None), (alone[1], None), (nowhere, None),
        (None, "a@xn--mnchen-3ya.example"),
    ]  # fmt: skip
    assert await asyncio.to_thread(contacts.main, [], {"DATABASE_URL": fresh_database_url}) == 1
    said = capsys.readouterr().out
    assert re.search(r"contacts: 1 merged\ncontacts: 2 had another form", said)
    assert "1 left: no message can reach it" in said
    assert await asyncio.to_thread(contacts.main, [], {"DATABASE_URL": fresh_database_url}) == 1
    await connection.execute("delete from person where phone = $1", nowhere)
    assert await asyncio.to_thread(contacts.main, [], {"DATABASE_URL": fresh_database_url}) == 0
    await connection.close()
