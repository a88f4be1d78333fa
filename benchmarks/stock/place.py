"""The database of the benchmark: a private, durable PostgreSQL, one store, a thousand products."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from local import share
from local.postgres import Postgres, postgres
from tests.support.paths import ROOT
from tests.support.server.databases import clone_database, migrate, superuser, with_database

FOLDER = ROOT / ".darkstore" / "bench-stock"
PRODUCTS = 1_000
ON_HAND = 1_000_000_000
TEMPLATE = "darkstore_bench_template"
TEMPLATE_EXISTS = "select exists (select from pg_database where datname = $1)"
FILL = """
insert into company (id, name, slug, currency, minimum_order_minor, small_order_fee_minor,
    small_order_threshold_minor, delivery_fee_minor, tax_rate_basis_points)
    values (gen_random_uuid(), 'C', 'c', 'EUR', 0, 0, 0, 0, 0);
insert into store (id, company_id, code, name, status, latitude, longitude, timezone,
    preparation_seconds, version)
    select gen_random_uuid(), id, 'S', 'S', 'OPEN', 41, -8, 'Europe/Lisbon', 150, 1 from company;
insert into category (id, company_id, slug, name, translations, position, depth)
    select gen_random_uuid(), id, 'all', 'All', '{}', 0, 0 from company;
insert into product (id, company_id, code, name, translations, search_text, category_id,
    promotion_label, weighed, age_restricted, active)
    select gen_random_uuid(), company_id, 'P' || n, 'P', '{}', '', id, '', false, false, true
    from category, generate_series(1, %d) as n;
insert into stock (store_id, product_id, company_id, on_hand, reserved, unsellable, incoming,
    version)
    select s.id, p.id, p.company_id, 0, 0, 0, 0, 1 from store s, product p
"""
RESET = "truncate hold, event, stream; update stock set on_hand = $1, reserved = 0, version = 1"
# Holds whatever the order in which requests were answered.
IS_CONSISTENT = """
select coalesce(sum(reserved), 0)
        = (select coalesce(sum(quantity), 0) from hold where status = 'HELD')
    and coalesce(min(on_hand - reserved), 0) >= 0
from stock
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The database and the keys of its company, store and products."""

    server: Postgres
    url: str
    company: UUID
    store: UUID
    products: tuple[UUID, ...]

    async def reset(self, on_hand: int = ON_HAND) -> None:
        """Delete all holds and give every product `on_hand` units."""
        async with superuser(self.url) as connection:
            truncate, update = RESET.split(";")
            await connection.execute(truncate)
            await connection.execute(update, on_hand)
            await connection.execute("vacuum (full, analyze) stock")
            await connection.execute("checkpoint")

    async def is_consistent(self) -> bool:
        """Whether the counters equal the sums of the holds."""
        async with superuser(self.url) as connection:
            return bool(await connection.fetchval(IS_CONSISTENT))

    async def hold_count(self) -> int:
        """How many holds there are."""
        async with superuser(self.url) as connection:
            return int(await connection.fetchval("select count(*) from hold"))

    def database_seconds(self) -> float:
        """CPU that PostgreSQL has used so far, all of its processes together."""
        parent = self.server.pid()
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(") ", 1)[1].split()
            except OSError:
                continue  # the process ended
            if int(fields[1]) == parent or int(stat.parent.name) == parent:
                ticks += int(fields[11]) + int(fields[12])
                ticks += sum(map(int, fields[13:15])) * (int(stat.parent.name) == parent)
        return ticks / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def empty_database() -> AsyncIterator[tuple[Postgres, str]]:
    """A durable PostgreSQL and a new migrated database in it; both are gone at the end."""
    server = postgres(FOLDER, durable=True)
    with share.shared(FOLDER, server.start, server.stop):
        async with clone_database(server.url("postgres"), await _template(server)) as url:
            yield server, url


async def _template(server: Postgres) -> str:
    """The name of the database that new ones are cloned from, migrated to the newest revision."""
    url = server.url("postgres")
    with share.locked(FOLDER / "template.lock"):
        async with superuser(url) as connection:
            if not await connection.fetchval(TEMPLATE_EXISTS, TEMPLATE):
                await connection.execute(f"create database {TEMPLATE}")
        await asyncio.to_thread(migrate, with_database(url, TEMPLATE))
    return TEMPLATE


@asynccontextmanager
async def open_stock_database() -> AsyncIterator[Place]:
    """An empty database with one store and its products."""
    async with empty_database() as (server, url):
        async with superuser(url) as connection:
            await connection.execute(FILL % PRODUCTS)
            company = await connection.fetchval("select id from company")
            store = await connection.fetchval("select id from store")
            rows = await connection.fetch("select id from product order by code")
        yield Place(server, url, company, store, tuple(row[0] for row in rows))
