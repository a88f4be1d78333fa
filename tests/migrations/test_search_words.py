"""The migration of search words gives them to the rows that are there already."""

import asyncio

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from database.base import uuid7
from services.catalog.search_text import search_query
from tests.support.paths import ROOT

PRODUCT = """
insert into product (id, company_id, code, name, translations, search_text, category_id,
    offer_text, weighed, age_restricted, active)
select gen_random_uuid(), $1, 'P' || nth, name, '{"hi": "दूध"}', $3, $2, '', false, false, true
from unnest($4::text[]) with ordinality as row (name, nth)
"""
SUPPLIER = """
insert into supplier (id, company_id, code, name, email, phone, currency, lead_days, review_days,
    minimum_order_minor, over_tolerance_percent, active, version)
values (gen_random_uuid(), $1, 'S', 'Brûlerie/Nord', '', '', 'EUR', 1, 1, 0, 0, true, 1)
"""
ROWS = 2_001  # more than one page of the migration


async def test_products_and_suppliers_of_before_are_found(fresh_database_url: str) -> None:
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    scripts = ScriptDirectory.from_config(configuration).walk_revisions()
    [revision] = [one for one in scripts if one.path.endswith("search_words.py")]
    await asyncio.to_thread(command.downgrade, configuration, str(revision.down_revision))
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    await connection.execute("set session_replication_role = replica")  # no parents are needed
    names = ["S-26 Gold Connect", "Milk/Dark Chocolate", *["Café"] * (ROWS - 2)]
    await connection.execute(PRODUCT, uuid7(), uuid7(), "可 口 樂 可口 口可 可樂 Wyeth", names)
    await connection.execute(SUPPLIER, uuid7())
    await asyncio.to_thread(command.upgrade, configuration, revision.revision)

    async def found(table: str, text: str) -> int:
        query = f"select count(*) from {table} where search @@ $1::text::tsquery"  # noqa: S608 - names of this test
        return int(await connection.fetchval(query, search_query(text)))

    assert await found("product", "S-26 gold") == 1
    assert await found("product", "dark") == 1
    assert await found("product", "cafe") == ROWS - 2
    assert await found("product", "दूध") == ROWS
    assert await found("product", "可樂 wyeth") == ROWS
    assert await found("supplier", "brulerie nord") == 1
    await asyncio.to_thread(command.upgrade, configuration, "head")
    await connection.close()
