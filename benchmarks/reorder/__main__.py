"""Measures the purchase proposals of a whole city: `python -m benchmarks.reorder`.

A private PostgreSQL is filled with 16 stores, 2,600 products in each, and a ledger of eight weeks
in which four products in five sell something on most days.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.stock.place import empty_database
from database.sessions import Database
from jobs import purchasing

# Keys of the ledger are in the order of time, as those of the store are.
FILL = """
insert into company (id, name, slug, currency, minimum_order_minor, small_order_fee_minor,
    small_order_threshold_minor, delivery_fee_minor, tax_rate_basis_points)
    values (gen_random_uuid(), 'C', 'c', 'EUR', 0, 0, 0, 0, 0);
insert into store (id, company_id, code, name, status, latitude, longitude, timezone,
    preparation_seconds, version)
    select gen_random_uuid(), id, 'S' || n, 'S', 'OPEN', 41, -8, 'Europe/Lisbon', 150, 1
    from company, generate_series(1, :stores) as n;
insert into category (id, company_id, slug, name, translations, position, depth)
    select gen_random_uuid(), id, 'all', 'All', '{}', 0, 0 from company;
insert into product (id, company_id, code, name, translations, search_text, category_id,
    promotion_label, weighed, age_restricted, active)
    select gen_random_uuid(), company_id, 'P' || n, 'P', '{}', '', id, '', false, false, true
    from category, generate_series(1, :products) as n;
insert into listing (store_id, product_id, company_id, category_id, price_minor, available,
    promotion_label, aisle, version)
    select s.id, p.id, p.company_id, p.category_id, 100, true, '', '', 1 from store s, product p;
insert into stock (store_id, product_id, company_id, on_hand, reserved, unsellable, incoming,
    version)
    select s.id, p.id, p.company_id, 10, 0, 0, 0, 1 from store s, product p;
insert into supplier (id, company_id, code, name, email, phone, currency, lead_time_days,
    review_period_days, minimum_order_minor, over_tolerance_percent, active, version)
    select gen_random_uuid(), id, 'S', 'S', '', '', 'EUR', 2, 1, 0, 0, true, 1 from company;
insert into supplier_product (supplier_id, product_id, company_id, supplier_sku, pack_cost_minor,
    currency, units_per_pack, preferred)
    select s.id, p.id, p.company_id, '', 100, 'EUR', 6, true from supplier s, product p;
insert into stock_entry (id, company_id, store_id, product_id, on_hand_delta, unsellable_delta,
    incoming_delta, batch_delta, reason, reference, occurred_at)
    select cast(lpad(to_hex(cast(extract(epoch from day.occurred_at) * 1000 as bigint)), 12, '0')
        || '7' || substr(md5(cast(random() as text)), 1, 19) as uuid),
        company_id, store_id, product_id, -cast(1 + floor(random() * 5) as int), 0, 0, 0, 'SALE',
        '', day.occurred_at
    from (select now() - make_interval(days => n) as occurred_at from generate_series(1, :days) n)
    day, stock
    where hashtext(cast(product_id as text)) % 5 <> 0 and random() < 0.8;
analyze
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How many stores, products in each of them and days of the ledger."""

    stores: int
    products: int
    days: int


WHOLE = Size(16, 2_600, 56)
SHORT = Size(2, 50, 10)


async def fill(owner_url: str, size: Size) -> int:
    """Fill the database; answers how many entries its ledger has."""
    engine = create_async_engine(owner_url)
    given = {"stores": size.stores, "products": size.products, "days": size.days}
    async with engine.begin() as connection:
        for statement in FILL.split(";"):
            names = {name: value for name, value in given.items() if f":{name}" in statement}
            await connection.execute(text(statement), names)
        entries = await connection.scalar(text("select count(*) from stock_entry"))
    await engine.dispose()
    return int(entries or 0)


async def main(size: Size) -> None:
    async with empty_database() as (_, owner_url):
        entries = await fill(owner_url, size)
        database = Database(owner_url)
        began, spent = time.perf_counter(), time.process_time()
        done = await purchasing.refresh_proposals(database)
        took, spent = time.perf_counter() - began, time.process_time() - spent
        await database.close()
    assert done == size.stores, f"the proposals of {done} of {size.stores} stores were made"
    print(
        f"{done} stores, {size.products} products each, {entries} entries of the ledger:"
        f" {took:.2f} s, of which {spent:.2f} s in this process"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.reorder", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    asyncio.run(main(SHORT if parser.parse_args().short else WHOLE))
