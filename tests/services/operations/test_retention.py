"""What is past its period is deleted, from every table that grows, and nothing else."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, DateTime, Enum, Row, and_, func, select, text, update

from database.audit import AuditContext
from database.base import Base, first_uuid7_at, uuid7
from database.scope import PLATFORM
from database.sessions import Database
from jobs import operations
from models.operations import AuditEntry, JobFailure
from services.operations import retention
from services.operations.retention_rules import (
    KEPT,
    OTHER_JOBS,
    RULES,
    RetentionPeriods,
    RetentionRule,
    Scan,
)
from tests.support.city import City
from tests.support.rows.any_row import insert_row

ORIGIN = AuditContext("test")
PERIODS = RetentionPeriods()
TABLES = Base.metadata.tables
CONFIRMED = {"status": "CONFIRMED", "total_minor": 990}
STATUS = re.compile(r"status (<>|in) \(?'(\w+)'")


def test_every_table_has_a_rule_or_the_reason_why_its_rows_are_kept() -> None:
    """Keys, codes, tokens, sessions, notices, holds and offers were never deleted."""
    children = {child for rule in RULES for child in rule.children}
    places = [*(rule.table for rule in RULES), *OTHER_JOBS, *KEPT]
    assert len(places) == len(set(places)), "a table is listed twice"
    assert set(places) | children == set(TABLES)
    assert all(reason.strip() for reason in (*OTHER_JOBS.values(), *KEPT.values()))


def test_a_rule_of_rows_with_states_names_those_that_may_go() -> None:
    """Else an old row that somebody works with is deleted, such as an active reservation."""
    with_states = {rule.table for rule in RULES if "status" in TABLES[rule.table].c}
    named = {rule.table for rule in RULES if STATUS.search(rule.condition)}
    # Another column says that these have ended; a message is worthless after a week.
    assert with_states - named == {"invitation", "stock_alert", "outgoing_message"}


def test_every_rule_names_columns_of_its_tables() -> None:
    for rule in RULES:
        table = TABLES[rule.table]
        assert rule.key == "ctid" or rule.key in table.c
        for child, column in rule.children.items():
            assert column in TABLES[child].c
        if rule.scan is Scan.KEY_TIME:
            assert [one.name for one in table.primary_key] == ["id"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
async def test_no_statement_reads_a_whole_table(database: Database, rule: RetentionRule) -> None:
    """A job that reads a table of millions of rows each hour slows down everybody else."""
    before = datetime.now(UTC)
    key = first_uuid7_at(before.timestamp())
    edge: Any = key if rule.key == "id" else ""
    values = {"before": before, "first_key": key, "after": edge, "last": edge}
    statement = retention.delete_statement(rule)
    needed = {name: value for name, value in values.items() if f":{name}" in statement}
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text("set local enable_seqscan = off"))
        rows = await session.execute(text(f"explain {statement}"), needed)
        plan = "\n".join(str(row[0]) for row in rows)
    assert f"Seq Scan on {rule.table}" not in plan, f"{statement}\n{plan}"
    assert " limit " in statement


class Aged:
    """Rows of a table, inserted at a time."""

    def __init__(self, database: Database, rule: RetentionRule) -> None:
        self.database, self.rule, self.table = database, rule, TABLES[rule.table]

    async def insert(self, days_ago: float, **values: Any) -> Row[Any]:
        """A row of that age in the state that the rule asks for, with a row of each child."""
        at = datetime.now(UTC) - timedelta(days=days_ago)
        values |= {column.name: at for column in self.table.columns if self._is_old(column)}
        if self.rule.table == "stream":
            values["stream"] = f"order:{uuid7()}"
        if self.rule.table == "invitation":
            values["email"] = f"{uuid7().hex}@mail.example"
        if "id" in self.table.c:
            values["id"] = self._key(at)
        if (match := STATUS.search(self.rule.condition)) and "status" not in values:
            values["status"] = self._status(*match.groups())
        async with self.database.write(PLATFORM, ORIGIN) as session:
            if "person_id" in self.table.c:
                values["person_id"] = (await insert_row(session, TABLES["person"])).id
            if self.rule.key == "delivery_id" or self.rule.table == "delivery_offer":
                values["delivery_id"] = (
                    await insert_row(session, TABLES["delivery"], status="DELIVERED")
                ).id
            if "rider_id" in self.table.c:  # another test's rider may have an open offer
                rider_person = await insert_row(session, TABLES["person"])
                values["rider_id"] = (
                    await insert_row(session, TABLES["rider"], person_id=rider_person.id)
                ).id
            row = await insert_row(session, self.table, **values)
            for child, column in self.rule.children.items():
                role = {"role": "CUSTOMER"} if child == "membership" else {}
                await insert_row(session, TABLES[child], **{column: row.id}, **role)
        return row

    async def exists(self, row: Row[Any]) -> bool:
        keys = zip(self.table.primary_key, row, strict=True)
        query = select(func.count()).select_from(self.table)
        async with self.database.read(PLATFORM) as session:
            return bool(await session.scalar(query.where(and_(*(k == v for k, v in keys)))))

    def _is_old(self, column: Column[Any]) -> bool:
        is_needed = not column.nullable or column.name in self.rule.condition
        return isinstance(column.type, DateTime) and is_needed

    def _key(self, at: datetime) -> Any:
        return type(uuid7())(int=first_uuid7_at(at.timestamp()).int | uuid7().int % 2**80)

    def _status(self, operator: str, status: str) -> str:
        kind = self.table.c.status.type
        assert isinstance(kind, Enum)
        assert status in kind.enums
        return status if operator == "in" else next(one for one in kind.enums if one != status)


async def delete_all(database: Database, rule: RetentionRule) -> int:
    total, has_more = 0, True
    while has_more:
        async with database.write(PLATFORM, ORIGIN) as session:
            count, has_more = await retention.delete_batch(session, rule, PERIODS)
        total += count
    return total


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
async def test_old_rows_are_deleted_and_recent_ones_kept(
    database: Database, city: City, rule: RetentionRule
) -> None:
    """Keys, codes, tokens, sessions, notices, ended holds and offers were never deleted."""
    rows, period = Aged(database, rule), rule.period_days(PERIODS)
    old = await rows.insert(period + 95)
    recent = await rows.insert(period * 0.9)
    assert await delete_all(database, rule) >= 1
    assert not await rows.exists(old)
    assert await rows.exists(recent)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if STATUS.search(rule.condition)], ids=lambda rule: rule.table
)
async def test_an_old_row_that_is_in_use_is_kept(
    database: Database, city: City, rule: RetentionRule
) -> None:
    """An old payment notice that is not processed, or a hold of an open order, would be lost."""
    rows = Aged(database, rule)
    operator, status = STATUS.search(rule.condition).groups()  # type: ignore[union-attr] # chosen so
    enums = TABLES[rule.table].c.status.type.enums  # type: ignore[attr-defined] # an enum
    live = status if operator == "<>" else next(one for one in enums if one not in rule.condition)
    row = await rows.insert(rule.period_days(PERIODS) + 95, status=live)
    await delete_all(database, rule)
    assert await rows.exists(row)


@pytest.mark.parametrize(
    ("phone", "days_since_use", "is_kept"),
    [(None, 200, False), (None, 1, True), ("+351910", 200, True)],
    ids=["absent guest", "guest", "customer"],
)
async def test_addresses_of_absent_guests_are_deleted(
    database: Database, city: City, phone: str | None, days_since_use: int, is_kept: bool
) -> None:
    """Who ordered nothing and never came back left an address for ever."""
    [rule] = [rule for rule in RULES if rule.table == "address"]
    used_at = datetime.now(UTC) - timedelta(days=days_since_use)
    async with database.write(PLATFORM, ORIGIN) as session:
        person = await insert_row(
            session, TABLES["person"], phone=phone and f"{phone}{uuid7().int % 10**8}"
        )
        await insert_row(
            session, TABLES["sign_in_session"], person_id=person.id, last_used_at=used_at
        )
        address = await insert_row(
            session, TABLES["address"], person_id=person.id,
            created_at=datetime.now(UTC) - timedelta(days=200),
        )  # fmt: skip
    await delete_all(database, rule)
    assert await Aged(database, rule).exists(address) is is_kept


async def test_a_locked_row_is_skipped(database: Database, city: City) -> None:
    [rule] = [rule for rule in RULES if rule.table == "payment_notice"]
    rows = Aged(database, rule)
    row = await rows.insert(200)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text("select from payment_notice for update"))
        await delete_all(database, rule)
        assert await rows.exists(row)
    await delete_all(database, rule)
    assert not await rows.exists(row)


async def audit_entry(database: Database, days_ago: float) -> AuditEntry:
    """An audit row of that age, of a person's sign-up and an order's change."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    key = first_uuid7_at(at.timestamp())
    entry = AuditEntry(
        id=type(key)(int=key.int | uuid7().int % 2**80), at=at, action="test", actor_id=uuid7(),
        address="203.0.113.7", request_id="r",
        changes=[
            {
                "verb": "insert", "table": "person", "key": ["k"], "before": {},
                "after": {"name": "ANNA", "phone": "+351910000001", "locked_until": None,
                          "created_at": "2026-01-02T03:04:05+00:00", "failed_sign_ins": 2},
            },
            {
                "verb": "update", "table": "order", "key": ["k"],
                "before": {"status": "PLACED", "latitude": 41.1},
                "after": {**CONFIRMED, "delivery_instructions": "CODE"},
            },
        ],
    )  # fmt: skip
    async with database.write(PLATFORM, ORIGIN) as session:
        session.add(entry)
    return entry


async def test_an_audit_row_loses_personal_data_after_three_months(database: Database) -> None:
    """Audit rows kept names, phones and addresses, before and after, for ever."""
    old, recent = await audit_entry(database, 95), await audit_entry(database, 80)
    has_more = True
    while has_more:
        async with database.write(PLATFORM, ORIGIN) as session:
            _, has_more = await retention.mask_audit_entries(session, PERIODS)
    async with database.read(PLATFORM) as session:
        masked = await session.get_one(AuditEntry, old.id)
        unchanged = await session.get_one(AuditEntry, recent.id)
    assert (masked.address, masked.actor_id, masked.action) == ("", old.actor_id, "test")
    person, order = masked.changes
    assert person["after"] == {
        "name": "•••", "phone": "•••", "locked_until": None,
        "created_at": "2026-01-02T03:04:05+00:00", "failed_sign_ins": 2,
    }  # fmt: skip
    assert order["before"] == {"status": "PLACED", "latitude": "•••"}
    assert order["after"] == {**CONFIRMED, "delivery_instructions": "•••"}
    assert (person["verb"], person["table"], person["key"]) == ("insert", "person", ["k"])
    assert unchanged.changes == recent.changes
    assert unchanged.address == "203.0.113.7"


async def test_an_audit_row_is_deleted_after_two_years(database: Database) -> None:
    old, recent = await audit_entry(database, 731), await audit_entry(database, 700)
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await retention.delete_audit_entries(session, PERIODS) == (1, False)
    async with database.read(PLATFORM) as session:
        rows = select(AuditEntry.id).where(AuditEntry.id.in_([old.id, recent.id]))
        assert (await session.scalars(rows)).all() == [recent.id]


async def test_nobody_else_can_change_or_delete_an_audit_row(database: Database) -> None:
    entry = await audit_entry(database, 1)
    changed = update(AuditEntry).where(AuditEntry.id == entry.id).values(action="other")
    with pytest.raises(Exception, match="permission denied"):
        async with database.write(PLATFORM, ORIGIN) as session:
            await session.execute(changed)
    async with database.write(PLATFORM, ORIGIN) as session:
        until = first_uuid7_at(datetime.now(UTC).timestamp() + 60)
        bounds = {"until": until, "most": 10_000}
        count = await session.scalar(retention.DELETE_AUDIT_ENTRIES, bounds)
    async with database.read(PLATFORM) as session:
        assert await session.get(AuditEntry, entry.id) is not None, count


async def test_a_table_that_can_not_be_cleared_holds_up_no_other(
    database: Database, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One rule fails on its table: the tables after it went on growing unseen."""

    async def fail(*arguments: object) -> tuple[int, bool]:
        raise RuntimeError("failed on purpose")

    monkeypatch.setitem(operations.STEPS, "hold", fail)
    [rule] = [rule for rule in RULES if rule.table == "one_time_code"]
    rows = Aged(database, rule)
    row = await rows.insert(100)
    await operations.delete_old_rows(database, PERIODS)
    assert not await rows.exists(row)
    async with database.read(PLATFORM) as session:
        failures = await session.scalars(
            select(JobFailure.item).where(JobFailure.job == operations.JOB)
        )
        assert [operations.STEP_KEYS[item] for item in failures] == ["hold"]
