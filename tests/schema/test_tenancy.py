"""Tenant isolation: people of one company can't read rows of another, nor learn that they exist."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from attack.extremes.samples import contains_id
from database.audit import AuditContext
from database.base import Base, Entity, uuid7
from database.scope import NOBODY, PLATFORM
from database.sessions import APPLICATION_ROLE, CATALOG_ROLE, Database
from execution import Answer
from models.accounts import Membership
from models.catalog import Brand, Category, Product
from models.companies import Company
from models.fulfillment import Fulfillment
from models.ids import PREFIXES, encode_id
from models.orders import Order
from models.stores import Store
from models.support import Ticket
from schema.root import graph
from services.orders.ticket_states import record_ticket_event
from tests.support.actors import ActorClient, engine
from tests.support.city import City
from tests.support.minimal_queries import minimal_document
from tests.support.order_rows import create_order_rows
from tests.support.streams.subscriber import subscribe

ROOTS = {
    "query": graph._schema.query_type,
    "mutation": graph._schema.mutation_type,
    "subscription": graph._schema.subscription_type,
}
# The public catalog: anyone may read any store and subscribe to its availability.
PUBLIC_FIELDS = {"store", "storefront", "stockChanged"}
PUBLIC_MODELS = {Store, Product, Category, Brand, Company}
NODE_FIELDS = {"node", "nodes"}
MESSAGE_SECONDS = 5.0
QUIET_SECONDS = 0.3
TABLES = sorted(Base.metadata.tables)


@pytest.fixture(scope="module")
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    yield connection
    await connection.close()


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


async def test_partitions_of_the_event_log_are_not_accessible_directly(
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
                await bare.execute(text(f"select 1 from event_day.{day}"))  # noqa: S608 - a partition name from the catalog


@pytest.mark.parametrize("role", [APPLICATION_ROLE, CATALOG_ROLE])
async def test_the_database_roles_cannot_bypass_policies(
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


async def test_the_catalog_role_cannot_write(connection: asyncpg.Connection) -> None:
    writes = await connection.fetch(
        "select table_name from information_schema.role_table_grants"
        " where grantee = $1 and privilege_type <> 'SELECT'",
        CATALOG_ROLE,
    )
    assert not writes


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_scope_no_table_shows_a_row(
    table: str, database: Database, shared_city: City
) -> None:
    statement = text(f'select count(*) from "{table}"')  # noqa: S608 - a table name from the metadata
    async with database.engine.connect() as bare:
        assert await bare.scalar(statement) == 0
    async with database.read(NOBODY) as session:
        assert await session.scalar(statement) == 0


@pytest.fixture(scope="module")
async def foreign_keys(database: Database, shared_city: City) -> dict[type[Entity], UUID]:
    """The key of a row of every model that belongs to the second company or its customer."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, shared_city.second)
        for model in PREFIXES:
            if model not in keys and hasattr(model, "company_id"):
                key = await session.scalar(
                    select(model.id).where(model.company_id == shared_city.second.id).limit(1)
                )
                if key is not None:
                    keys[model] = key
    return keys


def model_of_argument(argument: str) -> type[Entity] | None:
    """Return the model that an argument such as `storeId` or `productIds` refers to."""
    plain = argument.removesuffix("s").removesuffix("Id").lower()
    if plain in ("grant", "membership"):
        return Membership
    return next((model for model in PREFIXES if model.__name__.lower() == plain), None)


def document_with_ids(
    operation: str, name: str, keys: dict[type[Entity], UUID], default: type[Entity]
) -> tuple[str, dict[str, Any]]:
    """Return a document with ids from `keys`; arguments without a model get one of `default`."""

    def ids(argument: str) -> str:
        model = model_of_argument(argument) or default
        return encode_id(model, keys.get(model) or uuid7())

    root: Any = ROOTS[operation]
    return minimal_document(operation, name, root.fields[name], ids)


def without_sent_ids(answer: Any, variables: Any) -> Any:
    """Return the text of an answer without the ids that were sent, which it may repeat."""
    text = repr([answer.data, [(e["message"], e["extensions"]) for e in answer.errors or []]])
    for sent in sorted(_texts(variables), key=len, reverse=True):
        text = text.replace(sent, "…")
    return text


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
    if name not in PUBLIC_FIELDS
    and any(contains_id(argument.type) for argument in field.args.values())
]


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_an_id_of_another_company_is_answered_like_an_unknown_id(
    operation: str,
    name: str,
    foreign_keys: dict[type[Entity], UUID],
    company_admin: ActorClient,
    manager: ActorClient,
    picker: ActorClient,
    support_agent: ActorClient,
    rider: ActorClient,
    customer: ActorClient,
) -> None:
    defaults: list[type[Entity]] = [Order]
    if "id" in _arguments(operation, name):
        defaults = [
            model for model in PREFIXES if name not in NODE_FIELDS or model not in PUBLIC_MODELS
        ]
    for who in (company_admin, manager, picker, support_agent, rider, customer):
        for default in defaults:
            answers = []
            for keys in (foreign_keys, dict.fromkeys(foreign_keys, uuid7())):
                document, variables = document_with_ids(operation, name, keys, default)
                answer = await first_answer(who, operation, document, variables)
                assert answer.executed, answer.errors
                answers.append(without_sent_ids(answer, variables))
            assert answers[0] == answers[1], (who.actor.roles, default.__name__)
            assert "INTERNAL" not in answers[0]


async def first_answer(who: ActorClient, operation: str, document: str, variables: Any) -> Answer:
    """Return the answer; for a stream its first message within MESSAGE_SECONDS."""
    if operation != "subscription":
        return await who.answer(document, variables)
    prepared = engine().prepare(document)
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
    name: str, model: type[Entity], foreign_keys: dict[type[Entity], UUID], super_admin: ActorClient
) -> None:
    document, variables = document_with_ids("query", name, foreign_keys, model)
    assert (await super_admin.run(document, variables))[name] is not None


async def test_the_support_stream_contains_no_tickets_of_other_companies(
    database: Database,
    shared_city: City,
    foreign_keys: dict[type[Entity], UUID],
    support_agent: ActorClient,
    super_admin: ActorClient,
) -> None:
    ticket = encode_id(Ticket, foreign_keys[Ticket])
    async with (
        subscribe(support_agent, "support_queue_changed") as desk,
        subscribe(super_admin, "support_queue_changed") as platform,
    ):
        snapshot = await desk.next_message()
        assert ticket not in {row["id"] for row in snapshot["tickets"]}
        assert (await platform.next_message())["kind"] == "SNAPSHOT"
        scope = NOBODY.with_company(shared_city.second.id)
        async with database.write(scope, AuditContext("test:desk")) as session:
            record_ticket_event(
                session, await session.get_one(Ticket, foreign_keys[Ticket]), "TICKET_RAISED"
            )
        assert (await platform.next_of_type("TICKET_RAISED"))["ticket"]["id"] == ticket
        with pytest.raises(TimeoutError):
            await desk.next_message(seconds=QUIET_SECONDS)


async def test_stock_of_another_company_shows_availability_but_no_quantities(
    foreign_keys: dict[type[Entity], UUID],
    company_admin: ActorClient,
    picker: ActorClient,
    other_company_manager: ActorClient,
) -> None:
    document = """subscription ($store: ID!, $product: ID!) {
      stockChanged(storeId: $store, productIds: [$product]) {
        changes { availability onHand reserved available version } } }"""
    variables = {
        "store": encode_id(Store, foreign_keys[Store]),
        "product": encode_id(Product, foreign_keys[Product]),
    }
    for who in (company_admin, picker, other_company_manager):
        answer = await first_answer(who, "subscription", document, variables)
        assert not answer.errors
        [change] = answer.data["stockChanged"]["changes"]
        assert change.pop("availability") == "IN_STOCK"
        own = who is other_company_manager
        assert {value is not None for value in change.values()} == {own}
