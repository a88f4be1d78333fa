"""Company A's people can't reach company B's rows, nor learn that they exist, by any way in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from database.base import Base, Keyed, uuid7
from database.scope import NOBODY, PLATFORM
from database.sessions import APPLICATION_ROLE, CATALOG_ROLE, Database, Origin
from execution import Answer
from models.accounts import Membership
from models.catalog import Brand, Category, Product
from models.companies import Company
from models.fulfillment import Fulfillment
from models.ids import PREFIXES, encode
from models.orders import Order
from models.stores import Store
from models.support import Ticket
from schema.root import graph
from services.support.ticket_states import tell
from tests.support.actors import Standing, engine
from tests.support.city import City
from tests.support.minimal_queries import document, holds_ids
from tests.support.order_rows import hang
from tests.support.streams.subscriber import watching

ROOTS = {
    "query": graph._schema.query_type,
    "mutation": graph._schema.mutation_type,
    "subscription": graph._schema.subscription_type,
}
# The shop window: anybody may look at any store's, and watch what it has.
WINDOW = {"store", "storefront", "inventoryChanged"}
SHOWN = {Store, Product, Category, Brand, Company}  # and at these, by any id
ANYTHING = {"node", "nodes"}
MESSAGE_SECONDS = 5.0
QUIET_SECONDS = 0.3
TABLES = sorted(Base.metadata.tables)


@pytest.fixture(scope="module")
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    yield opened
    await opened.close()


async def test_every_table_forces_a_policy(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as forced,"
        " exists (select from pg_policy p where p.polrelid = c.oid) as policed,"
        " pg_get_userbyid(relowner) as owner from pg_class c"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and relname not in ('alembic_version', 'spatial_ref_sys')"
    )
    assert {row["relname"] for row in rows} == set(TABLES)
    assert not [row["relname"] for row in rows if not (row["forced"] and row["policed"])]
    assert not [row["relname"] for row in rows if row["owner"] in (APPLICATION_ROLE, CATALOG_ROLE)]


async def test_nobody_gets_at_the_days_of_the_log_but_through_the_log(
    connection: asyncpg.Connection, database: Database
) -> None:
    rows = await connection.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as forced, relacl::text as acl"
        " from pg_class where relnamespace = 'event_day'::regnamespace and relkind in ('r', 'p')"
    )
    days = {row["relname"] for row in rows}
    parts = await connection.fetch(
        "select inhrelid::regclass::text as name from pg_inherits"
        " where inhparent = 'event'::regclass"
    )
    assert {f"event_day.{day}" for day in days} == {row["name"] for row in parts}
    assert "rest" in days
    assert len(days) > 1
    assert all(row["forced"] for row in rows)
    assert not [row for row in rows if "darkstore_app" in (row["acl"] or "")]
    for role in (APPLICATION_ROLE, CATALOG_ROLE):
        assert not await connection.fetchval(
            "select has_schema_privilege($1, 'event_day', 'usage')", role
        )
    for day in days:
        async with database.engine.connect() as bare:
            with pytest.raises(DBAPIError, match="permission denied"):
                await bare.execute(text(f"select 1 from event_day.{day}"))  # noqa: S608 - a name of the catalog


@pytest.mark.parametrize("role", [APPLICATION_ROLE, CATALOG_ROLE])
async def test_the_roles_have_no_way_around_policies(
    connection: asyncpg.Connection, role: str
) -> None:
    row = await connection.fetchrow(
        "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin,"
        " exists (select from pg_auth_members m where m.member = r.oid) as member"
        " from pg_roles r where rolname = $1",
        role,
    )
    assert row is not None
    assert not any(row.values())


async def test_the_shop_window_writes_nothing(connection: asyncpg.Connection) -> None:
    writes = await connection.fetch(
        "select table_name from information_schema.role_table_grants"
        " where grantee = $1 and privilege_type <> 'SELECT'",
        CATALOG_ROLE,
    )
    assert not writes


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_scope_no_table_shows_a_row(
    table: str, database: Database, town: City
) -> None:
    statement = text(f'select count(*) from "{table}"')  # noqa: S608 - a name of our own metadata
    async with database.engine.connect() as bare:
        assert await bare.scalar(statement) == 0
    async with database.read(NOBODY) as session:
        assert await session.scalar(statement) == 0


@pytest.fixture(scope="module")
async def theirs(database: Database, town: City) -> dict[type[Keyed], UUID]:
    """A row of every noun that belongs to the second company or its customer."""
    async with database.write(PLATFORM, Origin("test")) as session:
        keys = await hang(session, town.second)
        for model in PREFIXES:
            if model not in keys and hasattr(model, "company_id"):
                found = await session.scalar(
                    select(model.id).where(model.company_id == town.second.id).limit(1)
                )
                if found is not None:
                    keys[model] = found
    return keys


def noun_of(argument: str) -> type[Keyed] | None:
    """The noun that an argument such as `storeId` or `productIds` speaks of."""
    plain = argument.removesuffix("s").removesuffix("Id").lower()
    if plain in ("grant", "membership"):
        return Membership
    return next((model for model in PREFIXES if model.__name__.lower() == plain), None)


def asked(
    operation: str, name: str, keys: dict[type[Keyed], UUID], default: type[Keyed]
) -> tuple[str, dict[str, Any]]:
    """A document whose every id is one of `keys`; `default` is the noun of an unnamed one."""

    def ids(argument: str) -> str:
        model = noun_of(argument) or default
        return encode(model, keys.get(model) or uuid7())

    root: Any = ROOTS[operation]
    return document(operation, name, root.fields[name], ids)


def shown(answer: Any, variables: Any) -> Any:
    """All of an answer but the ids that were sent, which may be repeated in it."""
    said = repr([answer.data, [(e["message"], e["extensions"]) for e in answer.errors or []]])
    for sent in sorted(_texts(variables), key=len, reverse=True):
        said = said.replace(sent, "…")
    return said


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for child in value.values() for text in _texts(child)]
    if isinstance(value, list):
        return [text for child in value for text in _texts(child)]
    return [value] if isinstance(value, str) and value[3:4] == "_" else []


FIELDS = [
    (operation, name)
    for operation, root in ROOTS.items()
    if root is not None
    for name, field in root.fields.items()
    if name not in WINDOW and any(holds_ids(one.type) for one in field.args.values())
]


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_an_id_of_the_other_company_is_answered_like_one_of_nobody(
    operation: str,
    name: str,
    theirs: dict[type[Keyed], UUID],
    company_admin: Standing,
    manager: Standing,
    picker: Standing,
    support_agent: Standing,
    rider: Standing,
    customer: Standing,
) -> None:
    defaults: list[type[Keyed]] = [Order]
    if "id" in _arguments(operation, name):
        defaults = [model for model in PREFIXES if name not in ANYTHING or model not in SHOWN]
    for who in (company_admin, manager, picker, support_agent, rider, customer):
        for default in defaults:
            answers = []
            for keys in (theirs, dict.fromkeys(theirs, uuid7())):
                written, variables = asked(operation, name, keys, default)
                answer = await first_answer(who, operation, written, variables)
                assert answer.executed, answer.errors
                answers.append(shown(answer, variables))
            assert answers[0] == answers[1], (who.actor.roles, default.__name__)
            assert "INTERNAL" not in answers[0]


async def first_answer(who: Standing, operation: str, written: str, variables: Any) -> Answer:
    """What is answered; for a stream its first message, which must not be long in coming."""
    if operation != "subscription":
        return await who.answer(written, variables)
    prepared = engine().prepare(written)
    assert not isinstance(prepared, Answer), prepared.errors
    async with aclosing(engine().subscribe(prepared, variables, who.context())) as answers:
        async with asyncio.timeout(MESSAGE_SECONDS):
            return await anext(answers)


def _arguments(operation: str, name: str) -> set[str]:
    root: Any = ROOTS[operation]
    return {argument.removesuffix("s") for argument in root.fields[name].args}


@pytest.mark.parametrize(
    ("name", "model"), [("order", Order), ("fulfillment", Fulfillment), ("ticket", Ticket)]
)
async def test_the_same_ids_are_found_by_the_company_they_belong_to(
    name: str, model: type[Keyed], theirs: dict[type[Keyed], UUID], super_admin: Standing
) -> None:
    written, variables = asked("query", name, theirs, model)
    assert (await super_admin.run(written, variables))[name] is not None


async def test_a_desks_stream_tells_of_no_other_companys_tickets(
    database: Database,
    town: City,
    theirs: dict[type[Keyed], UUID],
    support_agent: Standing,
    super_admin: Standing,
) -> None:
    ticket = encode(Ticket, theirs[Ticket])
    async with (
        watching(support_agent, "support_queue_changed") as desk,
        watching(super_admin, "support_queue_changed") as platform,
    ):
        snapshot = await desk.next()
        assert ticket not in {one["id"] for one in snapshot["tickets"]}
        assert (await platform.next())["kind"] == "SNAPSHOT"
        scope = NOBODY.with_company(town.second.id)
        async with database.write(scope, Origin("test:desk")) as session:
            tell(session, await session.get_one(Ticket, theirs[Ticket]), "TICKET_RAISED")
        assert (await platform.until("TICKET_RAISED"))["ticket"]["id"] == ticket
        with pytest.raises(TimeoutError):
            await desk.next(seconds=QUIET_SECONDS)


async def test_another_companys_shelf_tells_bands_and_no_numbers(
    theirs: dict[type[Keyed], UUID],
    company_admin: Standing,
    picker: Standing,
    other_company_manager: Standing,
) -> None:
    written = """subscription ($store: ID!, $product: ID!) {
      inventoryChanged(storeId: $store, productIds: [$product]) {
        changes { availability onHand held available version } } }"""
    given = {"store": encode(Store, theirs[Store]), "product": encode(Product, theirs[Product])}
    for who in (company_admin, picker, other_company_manager):
        answer = await first_answer(who, "subscription", written, given)
        assert not answer.errors
        [change] = answer.data["inventoryChanged"]["changes"]
        assert change.pop("availability") == "IN_STOCK"
        own = who is other_company_manager
        assert {value is not None for value in change.values()} == {own}
