"""The migration of sizes in searches cuts the words of the rows that are there anew."""

import asyncio

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from database.base import uuid7
from services.catalog.search_text import search_query
from tests.support.paths import ROOT

PRODUCT = """
insert into product (id, company_id, code, name, translations, search_text, search, category_id,
    promotion_label, weighed, age_restricted, active)
values ($1, $2, 'P1', 'Água 1,25 l', '{}', 'Drinks', '''agua'':1A ''1'':2A ''25'':3A', $3,
    '', false, false, true)
"""
SUPPLIER = """
insert into supplier (id, company_id, code, name, email, phone, currency, lead_time_days,
    review_period_days, minimum_order_minor, over_tolerance_percent, active, version, search)
values ($1, $2, 'S', 'Fruta 24h', '', '', 'EUR', 1, 1, 0, 0, true, 1, '''fruta'':1A ''24h'':2A')
"""


async def test_products_of_before_are_found_by_their_size(fresh_database_url: str) -> None:
    """A search for 1.25L must find the products that were written before it was understood."""
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    scripts = ScriptDirectory.from_config(configuration).walk_revisions()
    [revision] = [one for one in scripts if one.path.endswith("search_numbers.py")]
    await asyncio.to_thread(command.downgrade, configuration, str(revision.down_revision))
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    await connection.execute("set session_replication_role = replica")  # no parents are needed
    await connection.execute(PRODUCT, uuid7(), uuid7(), uuid7())
    await connection.execute(SUPPLIER, uuid7(), uuid7())

    async def found(table: str, text: str) -> int:
        query = f"select count(*) from {table} where search @@ $1::text::tsquery"  # noqa: S608 - names of this test
        return int(await connection.fetchval(query, search_query(text)))

    assert await found("product", "agua 1.25L") == 0
    await asyncio.to_thread(command.upgrade, configuration, revision.revision)
    assert await found("product", "agua 1.25L") == 1
    assert await found("supplier", "fruta 24 h") == 1
    await asyncio.to_thread(command.upgrade, configuration, "head")
    await connection.close()
