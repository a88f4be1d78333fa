"""Guests who never ordered are deleted, as soon as nothing refers to them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from services.operations.retention_rules import REFERENCES_TO_PERSON, RULES, RetentionRule
from tests.services.operations.test_retention import ORIGIN, TABLES, Aged, delete_all
from tests.support.city import City
from tests.support.rows.any_row import insert_row

[GUESTS] = [rule for rule in RULES if rule.table == "person"]


def indexed_columns() -> set[str]:
    """The columns with which an index begins."""
    kinds = (Index, UniqueConstraint, PrimaryKeyConstraint)
    return {
        f"{table.name}.{next(iter(index.columns)).name}"
        for table in TABLES.values()
        for index in (*table.indexes, *table.constraints)
        if isinstance(index, kinds) and len(index.columns)
    }


def references_to(name: str) -> set[str]:
    return {
        f"{key.parent.table.name}.{key.parent.name}"
        for table in TABLES.values()
        for key in table.foreign_keys
        if key.column.table.name == name
    }


def test_a_guest_is_kept_as_long_as_anything_refers_to_them() -> None:
    """A reference that the rule does not name would fail the job for ever."""
    assert references_to("person") - {"membership.person_id"} == set(REFERENCES_TO_PERSON)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
def test_each_reference_to_a_deleted_row_is_looked_up_by_an_index(rule: RetentionRule) -> None:
    """Without an index each deleted person is compared with all rows of 25 tables."""

    assert references_to(rule.table) - indexed_columns() == set()


def test_a_customer_who_is_no_reference_is_that_of_its_parent() -> None:
    """Copies of the order's customer are for row-level security; the order is the reference."""
    references = references_to("person")
    copies = {
        table.name: {key.column.table.name for key in table.foreign_keys}
        for table in TABLES.values()
        for column in ("customer_id", "person_id")
        if column in table.c and f"{table.name}.{column}" not in references
    }
    for table, parents in copies.items():
        assert parents & {"order", "order_line", "ticket", "cart", "rider"}, (
            f"{table}: whose customer is it?"
        )


@pytest.mark.parametrize(
    ("table", "is_kept"),
    [("order", True), ("sign_in_session", True), ("rider", True), ("cart", True), (None, False)],
)
async def test_guests_who_never_ordered_are_deleted(
    database: Database, city: City, table: str | None, is_kept: bool
) -> None:
    """Each visit made a person and a role that were kept for ever."""
    guest = await Aged(database, GUESTS).insert(200)
    if table is not None:
        column = "customer_id" if table == "order" else "person_id"
        async with database.write(PLATFORM, ORIGIN) as session:
            await insert_row(session, TABLES[table], **{column: guest.id})
    await delete_all(database, GUESTS)
    assert await Aged(database, GUESTS).exists(guest) is is_kept


@pytest.mark.parametrize(
    ("days", "is_kept"), [(200, False), (1, True)], ids=["absent", "here yesterday"]
)
async def test_what_belongs_to_an_absent_guest_is_deleted_with_them(
    database: Database, city: City, days: int, is_kept: bool
) -> None:
    """Sessions, tokens, cart and addresses first, by their own rules, and then the guest."""
    used_at = datetime.now(UTC) - timedelta(days=days)
    guest = await Aged(database, GUESTS).insert(200)
    async with database.write(PLATFORM, ORIGIN) as session:
        values = {"person_id": guest.id}
        signed_in = await insert_row(
            session, TABLES["sign_in_session"], **values, last_used_at=used_at,
            expires_at=used_at + timedelta(days=30),
        )  # fmt: skip
        await insert_row(session, TABLES["refresh_token"], session_id=signed_in.id)
        cart = await insert_row(session, TABLES["cart"], **values, updated_at=used_at)
        await insert_row(session, TABLES["cart_line"], cart_id=cart.id, **values)
        created_at = datetime.now(UTC) - timedelta(days=200)
        await insert_row(session, TABLES["address"], **values, created_at=created_at)
    for rule in RULES:
        if rule.table in {"sign_in_session", "cart", "address", "person"}:
            await delete_all(database, rule)
    assert await Aged(database, GUESTS).exists(guest) is is_kept


async def test_whoever_has_a_contact_is_kept(database: Database, city: City) -> None:
    """A customer who orders once a year would lose the account."""
    person = await Aged(database, GUESTS).insert(200, email=f"{uuid7().hex}@mail.example")
    await delete_all(database, GUESTS)
    assert await Aged(database, GUESTS).exists(person)


async def test_whoever_has_another_role_is_kept(database: Database, city: City) -> None:
    """A row of a role explains audit rows, and may still be in use."""
    person = await Aged(database, GUESTS).insert(200)
    async with database.write(PLATFORM, ORIGIN) as session:
        await insert_row(
            session, TABLES["membership"], person_id=person.id, role="RIDER",
            company_id=city.company.id, revoked_at=datetime.now(UTC),
        )  # fmt: skip
    await delete_all(database, GUESTS)
    assert await Aged(database, GUESTS).exists(person)
