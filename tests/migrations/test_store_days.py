"""The migration of store days: hours that overlap are merged, orders get their tax rate."""

import asyncio
from datetime import time
from io import StringIO
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from database.base import Base
from services.stores.opening_hours import OpeningInterval
from tests.support.paths import ROOT
from tests.support.rows.any_row import insert_row

Hours = list[tuple[int, int, int]]
"""Weekday, and the hours at which it begins and ends."""
CASES: dict[str, tuple[Hours, Hours]] = {
    "apart": ([(0, 8, 12), (0, 12, 20)], [(0, 8, 12), (0, 12, 20)]),
    "overlap": ([(0, 8, 12), (0, 11, 20), (2, 8, 9)], [(0, 8, 20), (2, 8, 9)]),
    "inside": ([(1, 8, 20), (1, 9, 10)], [(1, 8, 20)]),
    "next day": ([(0, 20, 3), (1, 2, 10)], [(0, 20, 10)]),
    "next week": ([(6, 20, 3), (0, 2, 10)], [(6, 20, 10)]),
    "longer than a day": ([(0, 8, 8), (1, 7, 12)], [(0, 8, 8), (1, 8, 12)]),
    "always": (
        [(day, 8, 9) for day in range(7)] + [(day, 9, 9) for day in range(7)]
        + [(day, 20, 19) for day in range(7)],
        [(day, 0, 0) for day in range(7)],
    ),
}  # fmt: skip
INSERT_HOURS = """
insert into store_hours (store_id, company_id, weekday, opens, closes)
select id, company_id, $2, $3, $4 from store where id = $1
"""
SELECT_HOURS = "select weekday, opens, closes from store_hours where store_id = $1 order by 1, 2"
RATES = {"of the company": (10_600, 600, 600), "of before": (12_300, 2_300, 2_300)}
"""Total and tax of an order, and the rate that the migration finds; the company's is 600."""


@pytest.fixture
def configuration(fresh_database_url: str) -> Config:
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    return configuration


def revision_of(configuration: Config) -> Any:
    scripts = ScriptDirectory.from_config(configuration).walk_revisions()
    return next(one for one in scripts if one.path.endswith("store_days.py"))


async def insert_rows(url: str) -> tuple[dict[str, UUID], dict[str, UUID]]:
    """A store for each case, and an order for each rate; their ids by name."""
    tables = Base.metadata.tables
    engine = create_async_engine(url, poolclass=NullPool)
    stores: dict[str, UUID] = {}
    orders: dict[str, UUID] = {}
    async with AsyncSession(engine) as session:
        company = await insert_row(session, tables["company"], tax_rate_basis_points=600)
        for name in CASES:
            row = await insert_row(session, tables["store"], company_id=company.id, code=name)
            stores[name] = row.id
        for name, (total, tax, _) in RATES.items():
            row = await insert_row(
                session, tables["order"], subtotal_minor=total - 100, tip_minor=0,
                delivery_fee_minor=100, total_minor=total, tax_minor=tax, tax_rate_basis_points=0,
            )  # fmt: skip
            orders[name] = row.id
        await session.commit()
    await engine.dispose()
    return stores, orders


async def test_hours_are_merged_and_orders_keep_their_rate(
    fresh_database_url: str, configuration: Config
) -> None:
    """Each store whose hours are changed is printed, so that its manager can be told."""
    stores, orders = await insert_rows(fresh_database_url)
    revision = revision_of(configuration)
    await asyncio.to_thread(command.downgrade, configuration, revision.down_revision)
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    for name, (hours, _) in CASES.items():
        for day, opens, closes in hours:
            await connection.execute(INSERT_HOURS, stores[name], day, time(opens), time(closes))
    printed = configuration.stdout = StringIO()
    await asyncio.to_thread(command.upgrade, configuration, revision.revision)
    for name, (before, after) in CASES.items():
        rows = await connection.fetch(SELECT_HOURS, stores[name])
        found = [OpeningInterval(*row.values()) for row in rows]
        assert [(one.weekday, one.opens.hour, one.closes.hour) for one in found] == after, name
        assert (str(stores[name]) in printed.getvalue()) is (before != after), name
    for name, (*_, rate) in RATES.items():
        query = 'select tax_rate_bp from "order" where id = $1'
        assert await connection.fetchval(query, orders[name]) == rate, name
    await asyncio.to_thread(command.upgrade, configuration, "head")
    await connection.close()
