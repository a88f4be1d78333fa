"""Company A's people can't reach company B's rows, nor learn that they exist, by any way in."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text

from models import (
    NOBODY,
    PLATFORM,
    Base,
    Delivery,
    Fulfillment,
    FulfillmentLine,
    Keyed,
    Membership,
    Order,
    OrderLine,
    Payment,
    Person,
    Product,
    Refund,
    RefundReason,
    Role,
    Store,
    Ticket,
    TicketKind,
    TicketMessage,
    uuid7,
)
from models.database import APPLICATION_ROLE, CATALOG_ROLE, Database, Origin
from models.ids import PREFIXES, encode
from schema.root import graph
from tests.city import City, Shop
from tests.minimal import document, holds_ids
from tests.people import Standing

ROOTS = {"query": graph._schema.query_type, "mutation": graph._schema.mutation_type}
WINDOW = {"store", "storefront"}  # the shop window: anybody may look at any store's
SOMETHING: dict[type, Any] = {str: "x", int: 1, float: 1.0, bool: False}
HANGING: tuple[type[Keyed], ...] = (
    Order, OrderLine, Payment, Refund, Fulfillment, FulfillmentLine, Delivery, Ticket,
    TicketMessage,
)  # fmt: skip
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
        keys = await _rows(session, town.second)
        for model in PREFIXES:
            if model not in keys and hasattr(model, "company_id"):
                found = await session.scalar(
                    select(model.id).where(model.company_id == town.second.id).limit(1)
                )
                if found is not None:
                    keys[model] = found
    return keys


async def _rows(session: Any, shop: Shop) -> dict[type[Keyed], UUID]:
    """An order of the shop with all that can hang on it."""
    customer = Person(name="Customer of the second")
    keys: dict[type[Keyed], UUID] = {Person: customer.id, Store: shop.stores[0].id}
    keys[Product] = shop.products[0].id
    session.add(customer)
    await session.flush()
    given = {
        "currency": "EUR",
        "items_minor": 1,
        "total_minor": 1,
        "amount_minor": 1,
        "unit_price_minor": 1,
        "quantity": 1,
        "company_id": shop.id,
        "customer_id": customer.id,
        "opened_by_id": customer.id,
        "author_id": customer.id,
        "reason": RefundReason.LATE,
        "kind": next(iter(TicketKind)),
        "author_role": Role.CUSTOMER,
        "code": uuid7().hex,
    }
    for model in HANGING:
        links = {f"{parent.__tablename__}_id": key for parent, key in keys.items()}
        known = {column.name for column in model.__table__.columns}
        fitting = {name: one for name, one in (given | links).items() if name in known}
        row = _filled(model(**fitting))
        session.add(row)
        await session.flush()
        keys[model] = row.id
    return keys


def _filled(row: Any) -> Any:
    """The row with something in every column that must not be empty."""
    for column in type(row).__table__.columns:
        bare = not column.nullable and column.default is None and column.server_default is None
        if bare and getattr(row, column.name) is None:
            setattr(row, column.name, SOMETHING[column.type.python_type])
    return row


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
    defaults = list(PREFIXES) if "id" in _arguments(operation, name) else [Order]
    for who in (company_admin, manager, picker, support_agent, rider, customer):
        for default in defaults:
            answers = []
            for keys in (theirs, dict.fromkeys(theirs, uuid7())):
                written, variables = asked(operation, name, keys, default)
                answer = await who.answer(written, variables)
                assert answer.executed, answer.errors
                answers.append(shown(answer, variables))
            assert answers[0] == answers[1], (who.actor.roles, default.__name__)
            assert "INTERNAL" not in answers[0]


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
