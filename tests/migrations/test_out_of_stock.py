"""Units that rejections took off sale before they had a reason of their own in the ledger."""

import asyncio

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from database.base import uuid7
from tests.support.paths import ROOT

TASK = """
insert into fulfillment (id, order_id, store_id, company_id, customer_id, attempt_number, status,
    order_code, customer_name, handover_code, bag_count, version)
values ($1, $2, $2, $2, $2, 1, 'REJECTED', '', '', '', 0, 1)
"""
MOVEMENT = """
insert into stock_entry (id, company_id, store_id, product_id, on_hand_delta, unsellable_delta,
    incoming_delta, batch_delta, reason, reference)
values ($1, $1, $1, $1, -3, 0, 0, 0, 'PICK_SHORTAGE', $2)
"""


async def test_only_what_refers_to_a_task_was_taken_off_sale(fresh_database_url: str) -> None:
    """What a picker did not find refers to its order and keeps its reason, also on the way back."""
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    script = ScriptDirectory.from_config(configuration)
    (revision,) = [one for one in script.walk_revisions() if one.path.endswith("_out_of_stock.py")]
    await asyncio.to_thread(command.downgrade, configuration, str(revision.down_revision))
    task, order, rejected, missing = (uuid7() for _ in range(4))
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    await connection.execute("set session_replication_role = replica")  # no parents are needed
    await connection.execute(TASK, task, order)
    await connection.execute(MOVEMENT, rejected, str(task))
    await connection.execute(MOVEMENT, missing, str(order))

    async def reasons() -> list[str]:
        query = "select reason from stock_entry where id = $1"
        return [await connection.fetchval(query, key) for key in (rejected, missing)]

    await asyncio.to_thread(command.upgrade, configuration, revision.revision)
    assert await reasons() == ["OUT_OF_STOCK", "PICK_SHORTAGE"]
    await asyncio.to_thread(command.downgrade, configuration, str(revision.down_revision))
    assert await reasons() == ["PICK_SHORTAGE", "PICK_SHORTAGE"]
    await connection.close()
