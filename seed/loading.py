"""Puts the city, the catalog and the people into the database; doing it again changes nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from database.base import Base
from seed import people, shops
from seed.catalog import articles
from seed.rows import load

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
ROLE = "darkstore_app"
Say = Callable[[str], None]


@dataclass(slots=True)
class Summary:
    """How many rows of each table were new, and how long it took."""

    new: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


async def seed(url: str, *, say: Say) -> Summary:
    """Load what is missing; `say` hears about each step. One transaction: all of it or nothing."""
    began = time.monotonic()
    summary = Summary()
    address = url.replace("+asyncpg", "", 1)
    connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS)
    try:
        await connection.set_type_codec(
            "geography", schema="public", encoder=bytes, decoder=bytes, format="binary"
        )
        async with connection.transaction():
            await _act_for_the_platform(connection)
            await _load_everything(connection, summary, say)
        await connection.execute("reset role")
        if any(summary.new.values()):
            await connection.execute("analyze", timeout=STATEMENT_SECONDS)
    finally:
        await connection.close()
    summary.seconds = time.monotonic() - began
    return summary


async def _act_for_the_platform(connection: asyncpg.Connection) -> None:
    """Even the tables' owner is held to the policies, so the seed acts like the platform itself."""
    await connection.execute(f"set local role {ROLE}")
    await connection.execute("select set_config('app.platform', 'on', true)")


async def _load_everything(connection: asyncpg.Connection, summary: Summary, say: Say) -> None:
    city = shops.plan()
    parts = [
        ("companies and stores", shops.rows_of_shops(city)),
        ("people", people.rows_of_people(city)),
    ]
    catalog = articles()
    if not await _stocked(connection, len(city) * len(catalog)):
        parts.append(("catalog and shelves", shops.rows_of_catalog(city, catalog)))
    for title, steps in parts:
        new = 0
        for name, rows in steps:
            added = await load(connection, Base.metadata.tables[name], rows)
            summary.new[name] = summary.new.get(name, 0) + added
            new += added
        if new:
            say(f"{title}: {new:,} rows")


async def _stocked(connection: asyncpg.Connection, shelves: int) -> bool:
    """Whether every store's shelf is there already: then there is no catalog to compare."""
    return int(await connection.fetchval("select count(*) from listing")) >= shelves
