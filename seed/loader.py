"""Loads stores, catalog and people into the database; a second run changes nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from database.base import Base
from database.connections import driver_address
from seed import people, stores
from seed.bulk_load import insert_missing
from seed.catalog import read_articles
from seed.examples import make_examples

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
ROLE = "darkstore_app"
# Stores that were seeded before they had the column got its default. The version of a store grows
# with each change, so what an admin has set since stays.
OFFER_PICKUP = """
update store set pickup_enabled = true
where id = any($1::uuid[]) and version = 1 and not pickup_enabled
"""
ReportProgress = Callable[[str], None]


@dataclass(slots=True)
class SeedSummary:
    """Inserted rows by table, and the duration."""

    added_rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


async def seed(url: str, *, report: ReportProgress, max_articles: int | None = None) -> SeedSummary:
    """Insert missing rows in one transaction, then make the example orders that are missing.

    `report` receives a line for each step; `max_articles` bounds the catalog.
    """
    started_at = time.monotonic()
    summary = SeedSummary()
    connection = await asyncpg.connect(driver_address(url), timeout=CONNECT_SECONDS)
    try:
        await connection.set_type_codec(
            "geography", schema="public", encoder=bytes, decoder=bytes, format="binary"
        )
        async with connection.transaction():
            await _use_platform_scope(connection)
            await _load_all(connection, summary, report, max_articles)
        await connection.execute("reset role")
        if any(summary.added_rows.values()):
            await connection.execute("analyze", timeout=STATEMENT_SECONDS)
    finally:
        await connection.close()
    if orders := await make_examples(url):
        summary.added_rows["order"] = orders
        report(f"orders with a story: {orders}")
    summary.seconds = time.monotonic() - started_at
    return summary


async def _use_platform_scope(connection: asyncpg.Connection) -> None:
    """Row-level security applies to the tables' owner too, so use the platform's scope."""
    await connection.execute(f"set local role {ROLE}")
    await connection.execute("select set_config('app.platform', 'on', true)")


async def _load_all(
    connection: asyncpg.Connection,
    summary: SeedSummary,
    report: ReportProgress,
    max_articles: int | None,
) -> None:
    plans = stores.plan_stores()
    parts = [
        ("companies and stores", stores.company_and_store_rows(plans)),
        ("people", people.people_rows(plans)),
    ]
    catalog = read_articles()[:max_articles]
    if not await _is_stocked(connection, len(plans) * len(catalog)):
        parts.append(("catalog and stock", stores.catalog_rows(plans, catalog)))
    for title, steps in parts:
        total = 0
        for name, rows in steps:
            added = await insert_missing(connection, Base.metadata.tables[name], rows)
            summary.added_rows[name] = summary.added_rows.get(name, 0) + added
            total += added
        if total:
            report(f"{title}: {total:,} rows")
    await connection.execute(OFFER_PICKUP, stores.pickup_store_ids(plans))


async def _is_stocked(connection: asyncpg.Connection, listing_count: int) -> bool:
    """Whether all listings exist already, so that the catalog need not be compared."""
    return int(await connection.fetchval("select count(*) from listing")) >= listing_count
