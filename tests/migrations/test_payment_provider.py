"""The migration of payments and refunds of an older version, which gave up after an outage."""

import asyncio
from uuid import UUID

import asyncpg
from alembic import command
from alembic.config import Config

from database.base import uuid7
from tests.support.paths import ROOT

BEFORE, AFTER = "0024", "0025"
PAYMENT = """
insert into payment (id, order_id, company_id, customer_id, provider, intent_id, status, currency,
    amount_minor, authorized_minor, captured_minor, refunded_minor, void_wanted, tries, version,
    capture_wanted_minor, failure_code, failure_message)
values ($1, $2, $2, $2, 'stripe', gen_random_uuid()::text, $3, 'EUR', 900, 900, $4, $5, false,
    24, 1, $6, $7, $8)
"""
REFUND = """
insert into refund (id, payment_id, order_id, company_id, customer_id, amount_minor, currency,
    reason, note, status, tries)
values ($1, $2, $3, $3, $3, 100, 'EUR', 'LATE', '', $4, 24)
"""


async def test_what_was_given_up_is_due_again_and_what_failed_is_shown(
    fresh_database_url: str,
) -> None:
    """A capture was given up in an outage, a refund failed so, the dashboard refunded the rest."""
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    await asyncio.to_thread(command.downgrade, configuration, BEFORE)
    given_up, captured, plain, refund = (uuid7() for _ in range(4))
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    await connection.execute("set session_replication_role = replica")  # no parents are needed
    gave_up = (900, "GAVE_UP", "The provider is down.")
    nothing = (None, None, None)
    await connection.execute(PAYMENT, given_up, uuid7(), "AUTHORIZED", 0, 0, *gave_up)
    await connection.execute(PAYMENT, captured, uuid7(), "PARTLY_REFUNDED", 900, 300, *nothing)
    await connection.execute(PAYMENT, plain, uuid7(), "CAPTURED", 900, 0, *nothing)
    await connection.execute(REFUND, refund, captured, uuid7(), "FAILED")
    await asyncio.to_thread(command.upgrade, configuration, AFTER)

    async def payment(key: UUID) -> asyncpg.Record:
        query = "select due_at is not null as due, tries, failure_code, last_error from payment"
        return await connection.fetchrow(f"{query} where id = $1", key)

    assert tuple(await payment(given_up)) == (True, 0, None, "The provider is down.")
    assert (await payment(captured))["due"] is True
    assert (await payment(plain))["due"] is False
    row = await connection.fetchrow("select stuck_reason, stuck_at, resolution from refund")
    assert (row["stuck_reason"], row["stuck_at"] is None, row["resolution"]) == (
        "REFUSED", False, ""
    )  # fmt: skip
    await connection.close()
