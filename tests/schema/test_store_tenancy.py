"""Orders of another store of the same company: by every root field, stream and download."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import update

from database.audit import AuditContext
from database.base import Base, Entity, uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentStatus,
    PutBackLine,
    Substitution,
)
from models.orders import Order, OrderLine
from models.payments import Payment, Refund
from models.support import Ticket, TicketMessage
from services.core.problems import DomainError, NotFound
from services.operations import documents
from tests.schema.test_tenancy import FIELDS, document_with_ids, first_answer, without_sent_ids
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.order_rows import Keys, create_order_rows

OF_ORDERS: tuple[type[Entity], ...] = (
    Order, OrderLine, Payment, Refund, Fulfillment, FulfillmentLine, Delivery, Substitution,
    PutBackLine, Ticket, TicketMessage,
)  # fmt: skip


@pytest.fixture(scope="module")
async def next_door(database: Database, shared_city: City) -> Keys:
    """The keys of an order of the second store, of a customer of its own."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(
            session, replace(shared_city.first, stores=[shared_city.next])
        )
    return {model: keys[model] for model in OF_ORDERS}


@pytest.mark.parametrize(("operation", "name"), FIELDS, ids=[name for _, name in FIELDS])
async def test_an_order_of_another_store_is_answered_like_an_unknown_one(
    operation: str,
    name: str,
    next_door: Keys,
    picker: ActorClient,
    manager: ActorClient,
    another_customer: ActorClient,
    another_rider: ActorClient,
) -> None:
    """By every query, mutation and stream: for staff and managers of the first store, for other
    customers and for riders of the company who do not carry it."""
    for default in (Order, Fulfillment, Delivery):
        unknown = dict.fromkeys(next_door, uuid7())
        for who in (picker, manager, another_customer, another_rider):
            answers = []
            for keys in (next_door, unknown):
                document, variables = document_with_ids(operation, name, keys, default)
                answer = await first_answer(who, operation, document, variables)
                answers.append(without_sent_ids(answer, variables))
            assert answers[0] == answers[1], (who.actor.roles, default.__name__)


async def test_documents_of_another_store_are_not_found(
    database: Database,
    shared_city: City,
    next_door: Keys,
    picker: ActorClient,
    manager: ActorClient,
) -> None:
    """Packing slips and manifests carry names, as the graph does."""
    for who in (picker, manager):
        async with database.read(who.actor.scope()) as session:
            reads = (
                documents.read_packing_slip(
                    session, actor=who.actor, fulfillment_id=next_door[Fulfillment]
                ),
                documents.read_manifest(session, actor=who.actor, store_id=shared_city.next.id),
            )
            for read in reads:
                with pytest.raises(DomainError) as caught:
                    await read
                assert isinstance(caught.value.problems[0], NotFound)


async def test_the_packing_slip_of_a_lost_order_names_nobody(
    database: Database, shared_city: City, picker: ActorClient
) -> None:
    """The store rejected the order: its slip is still there, without the customer."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, shared_city.first)
        lost: dict[str, Any] = {"status": FulfillmentStatus.REJECTED, "customer_name": "Clara"}
        own = Fulfillment.id == keys[Fulfillment]
        await session.execute(update(Fulfillment).where(own).values(lost))
    async with database.read(picker.actor.scope()) as session:
        slip = await documents.read_packing_slip(
            session, actor=picker.actor, fulfillment_id=keys[Fulfillment]
        )
    assert slip.customer_name == ""


async def test_no_table_with_customers_is_open_to_the_whole_company(database_url: str) -> None:
    """A policy by company shows a store's staff the rows of all stores: new tables too."""
    tables = {
        name
        for name, table in Base.metadata.tables.items()
        if "customer_id" in table.columns and "company_id" in table.columns
    }
    connection = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    rows = await connection.fetch("select tablename, qual from pg_policies")
    await connection.close()
    policies = {row["tablename"]: row["qual"] for row in rows if row["tablename"] in tables}
    assert set(policies) == tables
    assert not {name for name, qual in policies.items() if "app_companies" in qual}
