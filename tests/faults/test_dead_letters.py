"""Fifty dead letters stand at the head of a job, and the worker goes on with what comes after them.

Part of `make crash` and of `make chaos`.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import Base, uuid7
from database.scope import PLATFORM
from database.sessions import Database
from tests.support.city import City
from tests.support.faults.process_group import ServerGroup
from tests.support.rows.any_row import insert_row
from tests.support.waiting import until

DEAD_LETTERS = 50
SETTLE_SECONDS = 60.0
ORIGIN = AuditContext("test")
TABLES = Base.metadata.tables
DEAD = text(
    "insert into job_failure (id, job, item, attempt_count, error, next_attempt_at, dead_lettered)"
    " values (:id, :job, :item, 10, 'failed on purpose', now(), true)"
)


async def add_dead(session: AsyncSession, job: str, item: object) -> None:
    await session.execute(DEAD, {"id": uuid7(), "job": job, "item": item})


async def add_unpaid_order(session: AsyncSession, city: City, minutes_late: int) -> str:
    """An order whose payment deadline has passed; returns its code."""
    late = datetime.now(UTC) - timedelta(minutes=minutes_late)
    company, store = {"company_id": city.company.id}, {"store_id": city.near.id}
    code = uuid7().hex
    order = await insert_row(
        session, TABLES["order"], **company, **store, code=code, status="PLACED", currency="EUR",
        payment_due_at=late,
    )  # fmt: skip
    await insert_row(
        session, TABLES["payment"], **company, order_id=order.id, currency="EUR",
        amount_minor=500, status="INITIATED",
    )  # fmt: skip
    if minutes_late > 1:
        await add_dead(session, "order.expire", order.id)
    return code


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_job_goes_on_behind_fifty_dead_letters(
    servers: ServerGroup, server_database: Database, own_city: City
) -> None:
    """Orders that nobody paid kept their units, and notices of the provider were not read."""
    notice = {"provider": "stripe", "kind": "payment_intent.succeeded", "intent_id": None}
    received_at = datetime.now(UTC) - timedelta(minutes=5)
    async with server_database.write(PLATFORM, ORIGIN) as session:
        codes = [
            await add_unpaid_order(session, own_city, DEAD_LETTERS + 1 - number)
            for number in range(DEAD_LETTERS + 1)
        ]
        events = [f"evt_{uuid7()}" for _ in range(DEAD_LETTERS + 1)]
        for number, event_id in enumerate(events):
            at = received_at + timedelta(seconds=number)
            row = {**notice, "event_id": event_id, "id": uuid7(), "received_at": at}
            await insert_row(session, TABLES["payment_notice"], **row)
            if number < DEAD_LETTERS:
                await add_dead(session, "payment.work_off_notices", row["id"])

    async def statuses() -> list[str]:
        query = 'select code, status from "order" where code = any ($1)'
        rows = dict(map(tuple, await servers.fetch(query, codes)))
        return [rows[code] for code in codes]

    async def done() -> list[bool]:
        query = "select event_id, done_at is not null from payment_notice where event_id = any ($1)"
        rows = dict(map(tuple, await servers.fetch(query, events)))
        return [rows[event_id] for event_id in events]

    async def goes_on() -> bool:
        return (await statuses())[-1] == "EXPIRED" and (await done())[-1]

    await until(goes_on, SETTLE_SECONDS, "the items behind the dead letters", poll_seconds=0.5)
    assert (await statuses())[:-1] == ["PLACED"] * DEAD_LETTERS
    assert (await done())[:-1] == [False] * DEAD_LETTERS
    await servers.fetch("delete from job_failure where dead_lettered")
