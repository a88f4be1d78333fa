"""Orders of the past lose address and name after their periods, and nothing else."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Text, select, text

from database.audit import AuditContext
from database.base import Base, first_uuid7_at, uuid7
from database.scope import PLATFORM
from database.sessions import Database
from jobs.operations import STEPS
from schema.personal_data import AUDIENCES
from services.operations.recipient_retention import (
    KEPT_TEXTS,
    MASKS,
    MaskRule,
    mask_batch,
    mask_statement,
)
from services.operations.retention_rules import OTHER_JOBS, RULES, RetentionPeriods
from tests.support.city import City
from tests.support.rows.any_row import insert_row
from tests.support.walk.stored_fields import OBJECTS, stored

ORIGIN = AuditContext("test")
PERIODS = RetentionPeriods()
TABLES = Base.metadata.tables
ENDED = {"order": "COMPLETED", "delivery": "DELIVERED", "fulfillment": "HANDED_OVER",
         "order_change": "APPLIED", "refund": "SUCCEEDED", "counter_sale": "VOIDED",
         "ticket": "RESOLVED", "ticket_message": "RESOLVED"}  # fmt: skip
OPEN = {"order": "CONFIRMED", "delivery": "EN_ROUTE_TO_CUSTOMER", "fulfillment": "PICKING",
        "order_change": "AWAITING_PAYMENT", "refund": "FAILED", "counter_sale": "COMPLETED",
        "ticket": "AWAITING_CUSTOMER", "ticket_message": "AWAITING_CUSTOMER"}  # fmt: skip
DETAILS = {"address_line": "Rua 1, 3.º", "delivery_instructions": "Gate code 4711",
"latitude": 41.123456,
           "longitude": -8.654321}  # fmt: skip
FULL: Mapping[str, Mapping[str, Any]] = {
    "order": {**DETAILS, "customer_name": "Ana", "cancel_note": "Ana of Rua 1 is ill",
              "reopen_note": "Ana moved to Rua 2"},
    "delivery": {**DETAILS, "customer_name": "Ana", "failure_note": "Ana left",
    "override_note": "x"},
    "fulfillment": {"customer_name": "Ana", "override_note": "Ana showed her passport"},
    "refund": {"note": "Ana is ill", "resolution": "By transfer to Ana's account"},
    "counter_sale": {"void_note": "Ana brought it back"},
    "ticket": {"subject": "Ana, 3.º", "details": "Ana did not open", "resolution": "Sorry, Ana"},
    "ticket_message": {"body": "This is Ana, call me at work"},
    "order_change": {name: {"lines": [], "values": {"total_minor": 7, **DETAILS}}
                     for name in ("wanted", "previous")},
}  # fmt: skip
ROUNDED = {"delivery_instructions": "", "latitude": 41.12, "longitude": -8.65}
EMPTY = {**ROUNDED, "address_line": "", "customer_name": ""}
LEFT: Mapping[str, Mapping[str, Any]] = {
    "order.door_days": {**FULL["order"], **ROUNDED},
    "delivery.door_days": {**FULL["delivery"], **ROUNDED},
    "order.recipient_days": {**EMPTY, "cancel_note": "", "reopen_note": ""},
    "delivery.recipient_days": {**EMPTY, "failure_note": "", "override_note": ""},
    "fulfillment.recipient_days": {"customer_name": "", "override_note": ""},
    **{f"{table}.recipient_days": dict.fromkeys(FULL[table], "")
       for table in ("refund", "counter_sale", "ticket", "ticket_message")},
    "order_change.door_days": {name: {"lines": [], "values": {"total_minor": 7}}
                               for name in ("wanted", "previous")},
}  # fmt: skip
FREE_TEXTS = {"body", "comment", "details", "note", "reason", "resolution", "subject", "text"}
"""Words in the names of columns with texts that people write."""
by_rule = pytest.mark.parametrize("rule", MASKS, ids=lambda rule: rule.name)


async def insert(database: Database, table: str, days_ago: float, status: str) -> UUID:
    """A row of that age with everything that it may lose."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    key = UUID(int=first_uuid7_at(at.timestamp()).int | uuid7().int % 2**80)
    times = ("placed_at", "completed_at", "created_at", "delivered_at", "queued_at",
             "handed_over_at", "requested_at", "opened_at", "resolved_at", "voided_at",
             "sent_at")  # fmt: skip
    values: dict[str, Any] = {name: at for name in times if name in TABLES[table].c}
    async with database.write(PLATFORM, ORIGIN) as session:
        # The rows of other tests may have an open task, delivery or case.
        if "order_id" in TABLES[table].c:
            values["order_id"] = (await insert_row(session, TABLES["order"])).id
        if table == "delivery":
            task = {"order_id": values["order_id"], "status": ENDED["fulfillment"]}
            values["fulfillment_id"] = (await insert_row(session, TABLES["fulfillment"], **task)).id
        if table == "refund":
            payment = await insert_row(session, TABLES["payment"], order_id=values["order_id"])
            values |= {"payment_id": payment.id, "amount_minor": 1}
        if table == "ticket":
            values |= {"internal": True, "cause_id": key}
        if table == "ticket_message":
            order = (await insert_row(session, TABLES["order"])).id
            case = {"order_id": order, "internal": True, "cause_id": key, "status": status}
            case |= {"opened_at": at, "resolved_at": at}
            values["ticket_id"] = (await insert_row(session, TABLES["ticket"], **case)).id
        else:
            values["status"] = status
        if table == "counter_sale":
            values |= {
                "receipt_number": uuid7().int % 2**30,
                "total_minor": 1,
                "tender_type": "CARD",
            }
        await insert_row(session, TABLES[table], id=key, **values, **FULL[table])
    return key


async def read(database: Database, table: str, key: UUID) -> dict[str, Any]:
    columns = [TABLES[table].c[name] for name in FULL[table]]
    async with database.read(PLATFORM) as session:
        row = (await session.execute(select(*columns).where(TABLES[table].c.id == key))).one()
    return dict(row._mapping)


async def mask_all(database: Database, rule: MaskRule) -> None:
    """Go once through the table, from wherever the last run stopped."""
    for _ in range(2):
        has_more = True
        while has_more:
            async with database.write(PLATFORM, ORIGIN) as session:
                _, has_more = await mask_batch(session, rule, PERIODS)


@by_rule
async def test_what_has_ended_long_ago_loses_whom_it_was_for(
    database: Database, city: City, rule: MaskRule
) -> None:
    """Whoever moved out years ago could still be found by any agent: floor, gate code and place."""
    days = getattr(PERIODS, rule.setting)
    old = await insert(database, rule.table, days + 2, ENDED[rule.table])
    recent = await insert(database, rule.table, days - 2, ENDED[rule.table])
    await mask_all(database, rule)
    assert await read(database, rule.table, old) == LEFT[rule.name]
    assert await read(database, rule.table, recent) == FULL[rule.table]


@by_rule
async def test_what_has_not_ended_keeps_its_address_whatever_its_age(
    database: Database, city: City, rule: MaskRule
) -> None:
    """An order that is stuck for long still has to be brought to somebody."""
    key = await insert(database, rule.table, 1_000, OPEN[rule.table])
    await mask_all(database, rule)
    assert await read(database, rule.table, key) == FULL[rule.table]


async def test_an_order_that_ended_after_its_neighbors_has_its_turn_later(
    database: Database, city: City
) -> None:
    """The run went past it while it was open: the next run through the table finds it."""
    rule = MASKS[0]
    key = await insert(database, "order", 100, OPEN["order"])
    await mask_all(database, rule)
    async with database.write(PLATFORM, ORIGIN) as session:
        ended = text("update \"order\" set status = 'CANCELED', canceled_at = :at where id = :key")
        at = datetime.now(UTC) - timedelta(days=PERIODS.door_days + 1)
        await session.execute(ended, {"at": at, "key": key})
    await mask_all(database, rule)
    assert (await read(database, "order", key))["delivery_instructions"] == ""


async def test_a_locked_order_is_skipped(database: Database, city: City) -> None:
    """Support has the order open in a transaction: the job waits for nobody."""
    rule = MASKS[0]
    key = await insert(database, "order", 100, ENDED["order"])
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text('select from "order" where id = :key for update'), {"key": key})
        await mask_all(database, rule)
        assert await read(database, "order", key) == FULL["order"]
    await mask_all(database, rule)
    assert await read(database, "order", key) == LEFT[rule.name]


@by_rule
async def test_no_statement_reads_a_whole_table(database: Database, rule: MaskRule) -> None:
    """A slice of the primary key with a bound: the hourly job slows nobody down."""
    values = {"after": uuid7(), "last": uuid7(), "before": datetime.now(UTC)}
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text("set local enable_seqscan = off"))
        rows = await session.execute(text(f"explain {mask_statement(rule)}"), values)
        plan = "\n".join(str(row[0]) for row in rows)
    assert "Seq Scan on" not in plan, plan
    assert " limit " in mask_statement(rule)


def test_every_free_text_about_people_has_an_end() -> None:
    """Notes on orders and refunds, and all tickets, named persons for ever after their orders."""
    declared = {
        (stored(field)[0].__table__.name, column)
        for audience in AUDIENCES
        for field in (audience.fields if audience.rule else ())
        if field not in OBJECTS
        for column in stored(field)[1]
    }
    named = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.c
        if isinstance(column.type, Text) and set(column.name.split("_")) & FREE_TEXTS
    }
    masked = {(rule.table, column) for rule in MASKS for column in rule.values}
    deleted = {name for rule in RULES for name in (rule.table, *rule.children)} | OTHER_JOBS.keys()
    kept = {tuple(name.split(".")) for name in KEPT_TEXTS}
    deleted -= {table for table, _ in kept}
    ended = masked | {(table, column) for table, column in declared | named if table in deleted}
    undecided = sorted((declared | named) - ended - kept)
    assert not undecided, undecided
    assert not kept & masked
    assert kept <= declared | named
    assert all(KEPT_TEXTS.values())


def test_every_copy_of_a_recipient_is_masked() -> None:
    """A new table with a copy of the address would keep it for ever."""
    columns = {"customer_name", "address_line", "delivery_instructions", "latitude", "longitude"}
    masked = {(rule.table, column) for rule in MASKS for column in rule.values}
    copies = {
        (table.name, column)
        for table in TABLES.values()
        if "order_id" in table.c or table.name == "order"
        for column in columns & set(table.c.keys())
    }
    assert copies <= masked
    assert {rule.name for rule in MASKS} <= STEPS.keys()
