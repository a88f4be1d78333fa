"""Each process is killed while customers order and pay: no paid order is lost.

`make crash ORDERS=200 SEED=1` runs the long form and prints its figures.
"""

import asyncio
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import pytest

from database.sessions import Database
from models.identity import Grant, Role
from models.ids import encode_id
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.picker import PickerClient
from tests.support.city import City
from tests.support.faults.consistency_checks import find_inconsistencies, unfinished_work
from tests.support.faults.process_group import SERVER, ServerGroup
from tests.support.faults.shoppers import Shopper, ShoppingLog, graph_client, pick_continuously
from tests.support.waiting import until

ORDERS = int(os.environ.get("ORDERS", "40"))
SEED = int(os.environ.get("SEED", "1"))
AT_ONCE = 16
ORDERS_PER_CRASH = 13
PARTS = (SERVER, "valkey", "postgres", "worker")
RUN_SECONDS = 800.0
SETTLE_SECONDS = 90.0
# The control: inconsistencies written afterwards, which the check must report.
TAMPER = """
with one as (select id from "order" where company_id = $1 and status = 'CONFIRMED' limit 1),
    lost as (update "order" set status = 'EXPIRED' where id in (select id from one)),
    gap as (update stream set seq = seq + 1
        where stream in (select 'order:' || id from one) returning 1),
    shelf as (update stock set held = held + 1 where company_id = $1 and on_hand > held)
select count(*) from gap
"""
TAMPERED_KINDS = {"paid and lost", "stream", "stock"}
OUTCOMES = ("paid", "canceled", "abandoned")
# Expires abandoned orders now, so that the test does not have to wait for their deadline.
EXPIRE_UNPAID = """
with unpaid as (update "order" set due_at = now() where status = 'PLACED'),
    holds as (update hold set created_at = created_at - interval '2 min' where status = 'HELD')
update payment set due_at = now() where due_at is not null and status <> 'AUTHORIZED' returning 1
"""


@dataclass
class CrashSchedule:
    """Kills one process after the other, at seeded points between the first and the last order."""

    servers: ServerGroup
    rng: random.Random
    crashes: list[tuple[str, float]] = field(default_factory=list)

    async def run(self, log: ShoppingLog, orders: int) -> None:
        count = max(len(PARTS), orders // ORDERS_PER_CRASH)
        points = sorted(self.rng.sample(range(1, orders * 9 // 10), count))
        for number, point in enumerate(points):
            finished = partial(lambda count: log.finished_count >= count, point)
            await until(finished, RUN_SECONDS, f"checkout {point}")
            await asyncio.sleep(self.rng.uniform(0, 0.2))
            name = PARTS[number % len(PARTS)]
            started_at = time.monotonic()
            await asyncio.to_thread(self.servers.kill_and_restart, name)
            self.crashes.append((name, time.monotonic() - started_at))


async def check_out_all(shoppers: Sequence[Shopper], orders: int) -> None:
    """Place all orders, one at a time per customer."""
    remaining = iter(range(orders))

    async def check_out_some(shopper: Shopper) -> None:
        for number in remaining:
            await shopper.check_out(f"order-{number}")

    await asyncio.gather(*(check_out_some(shopper) for shopper in shoppers))


async def until_finished(servers: ServerGroup, *kinds: str) -> None:
    """Wait until no unfinished work of these kinds, or without kinds of any, is left."""

    async def finished() -> bool:
        work = await unfinished_work(servers)
        return not any(work[kind] for kind in kinds or work)

    try:
        await until(finished, SETTLE_SECONDS, "the end of all work", poll_seconds=0.5)
    except TimeoutError as error:
        error.add_note(str(await unfinished_work(servers)))
        raise


async def create_actors(
    servers: ServerGroup,
    server_database: Database,
    own_city: City,
    http: aiohttp.ClientSession,
    log: ShoppingLog,
) -> tuple[list[Shopper], list[PickerClient]]:
    """Create the customers, and a picker for each of the two stores that serve them."""
    product_ids = [encode_id(type(product), product.id) for product in own_city.products[5:]]
    provider = CardProvider(servers.provider_url, servers.publishable_key)
    shoppers: list[Shopper] = []
    for number, who in enumerate(await servers.sign_in_customers(server_database, AT_ONCE)):
        customer = CustomerClient(graph_client(servers, http, who, log.tally))
        customer.at = own_city.point
        rng = random.Random(SEED * 1000 + number)
        shoppers.append(Shopper(customer, provider, product_ids, log, rng))
    pickers: list[PickerClient] = []
    for store in (own_city.near, own_city.next):
        grant = Grant(Role.STORE_STAFF, own_city.company.id, store.id)
        who = await servers.sign_in(server_database, "Picker", grant)
        picker = PickerClient(graph_client(servers, http, who, log.tally))
        picker.store_id = encode_id(type(store), store.id)
        pickers.append(picker)
    return shoppers, pickers


@asynccontextmanager
async def in_background(coroutines: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines during the block, then cancel them; raises the error of one that failed."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_paid_order_is_lost_and_nothing_is_charged_twice(
    servers: ServerGroup, own_city: City, http: aiohttp.ClientSession
) -> None:
    log, schedule = ShoppingLog(), CrashSchedule(servers, random.Random(SEED))
    database = servers.open_database()
    shoppers, pickers = await create_actors(servers, database, own_city, http, log)
    await database.close()
    started_at = time.monotonic()
    async with in_background(pick_continuously(picker, log) for picker in pickers):
        crashes = asyncio.create_task(schedule.run(log, ORDERS))
        await check_out_all(shoppers, ORDERS)
        await crashes
        checkout_seconds = time.monotonic() - started_at
        await until_finished(servers, "notice", "payment in progress", "to be picked")
        await servers.fetch(EXPIRE_UNPAID)
        await until_finished(servers, "unpaid order", "to be picked")
    await until_finished(servers)
    database = servers.open_database()
    problems = await find_inconsistencies(servers, http, database, log, own_city.company.id)
    await servers.fetch(TAMPER, own_city.company.id)
    reported = await find_inconsistencies(servers, http, database, log, own_city.company.id)
    await database.close()
    settle_seconds = time.monotonic() - started_at - checkout_seconds
    print(figures(log, schedule, checkout_seconds, settle_seconds))
    assert not problems, "\n".join(problems)
    assert {problem.split(":")[0] for problem in reported} >= TAMPERED_KINDS, reported
    assert {name for name, _ in schedule.crashes} == set(PARTS)
    assert not [failure for failure in log.failures if "JSONDecodeError" in failure]
    for name in (SERVER, "worker"):
        assert not (errors := servers.errors(name)), errors


def figures(
    log: ShoppingLog, schedule: CrashSchedule, checkout_seconds: float, settle_seconds: float
) -> str:
    """Summarize a run for `make crash`."""
    paid, canceled, abandoned = (
        sum(getattr(checkout, outcome) for checkout in log.checkouts) for outcome in OUTCOMES
    )
    crashes = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in schedule.crashes)
    lines = [
        f"{len(log.checkouts)} checkouts in {checkout_seconds:.0f} s",
        f"settled {settle_seconds:.0f} s later",
        f"paid {paid}, canceled {canceled}, abandoned {abandoned}, packed {log.packed_count}",
        f"killed: {crashes}",
        f"{len(log.failures)} requests failed or were refused temporarily, and were repeated:",
        *(f"  {count:>5} {code}" for code, count in Counter(map(kind, log.failures)).items()),
        *log.tally.rows(),
    ]
    return "\n".join(lines)


def kind(failure: str) -> str:
    """Return the stable part of a failure: its code, or the name of the connection's error."""
    match = re.search(r"'code': '(\w+)'|(\w+)\(", failure)
    return (match[1] or match[2]) if match else failure
