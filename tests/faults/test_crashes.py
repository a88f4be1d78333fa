"""kill -9 of each part while customers order and pay: nothing that was paid for is lost.

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
from typing import Any

import aiohttp
import pytest

from database.sessions import Database
from models.identity import Grant, Role
from models.ids import encode
from simulators.parts.customer import CardProvider, Customer
from simulators.parts.picker import Picker
from tests.support.city import City
from tests.support.faults.consistency_checks import differences, undone
from tests.support.faults.process_group import SERVER, Town
from tests.support.faults.shoppers import Diary, Shopper, device, pick_for_ever

ORDERS = int(os.environ.get("ORDERS", "40"))
SEED = int(os.environ.get("SEED", "1"))
AT_ONCE = 16
ORDERS_A_CRASH = 13
PARTS = (SERVER, "valkey", "postgres", "worker")
SETTLE_SECONDS = 90.0
# The control: faults put into the books afterwards, which the audit must see.
TAMPER = """
with one as (select id from "order" where company_id = $1 and status = 'CONFIRMED' limit 1),
    lost as (update "order" set status = 'EXPIRED' where id in (select id from one)),
    gap as (update stream set seq = seq + 1
        where stream in (select 'order:' || id from one) returning 1),
    shelf as (update stock set held = held + 1 where company_id = $1 and on_hand > held)
select count(*) from gap
"""
PLANTED = {"paid and lost", "stream", "stock"}
FATES = ("paid", "canceled", "left")
# Those who left their order unpaid: their time is over now, so that the test need not wait for it.
PASS_TIME = """
with unpaid as (update "order" set due_at = now() where status = 'PLACED'),
    holds as (update hold set created_at = created_at - interval '2 min' where status = 'HELD')
update payment set due_at = now() where due_at is not null and status <> 'AUTHORIZED' returning 1
"""


@dataclass
class Storm:
    """Kills one part after the other, at seeded points between the first and the last order."""

    town: Town
    chance: random.Random
    crashes: list[tuple[str, float]] = field(default_factory=list)

    async def rage(self, diary: Diary, orders: int) -> None:
        count = max(len(PARTS), orders // ORDERS_A_CRASH)
        points = sorted(self.chance.sample(range(1, orders * 9 // 10), count))
        for number, point in enumerate(points):
            while diary.finished < point:  # noqa: ASYNC110 - the diary is kept by many
                await asyncio.sleep(0.005)
            await asyncio.sleep(self.chance.uniform(0, 0.2))
            part = PARTS[number % len(PARTS)]
            began = time.monotonic()
            await asyncio.to_thread(self.town.crash, part)
            self.crashes.append((part, time.monotonic() - began))


async def shop(shoppers: Sequence[Shopper], orders: int) -> None:
    """All the orders, a few at a time, each customer one after the other."""
    turns = iter(range(orders))

    async def one(shopper: Shopper) -> None:
        for number in turns:
            await shopper.shop(f"order-{number}")

    await asyncio.gather(*(one(shopper) for shopper in shoppers))


async def settled(town: Town, *kinds: str) -> float:
    """Wait until nothing (of these kinds, or at all) is left to do; answers the seconds."""
    began = time.monotonic()
    while left := {
        kind: n for kind, n in (await undone(town)).items() if kind in kinds or not kinds
    }:
        assert time.monotonic() - began < SETTLE_SECONDS, left
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def people(
    town: Town, books: Database, quarter: City, http: aiohttp.ClientSession, diary: Diary
) -> tuple[list[Shopper], list[Picker]]:
    """The customers, and a picker for each of the two stores that serve them."""
    goods = [encode(type(one), one.id) for one in quarter.products[5:]]
    provider = CardProvider(town.provider, town.publishable_key)
    shoppers: list[Shopper] = []
    for number, who in enumerate(await town.customers(books, AT_ONCE)):
        customer = Customer(device(town, http, who, diary.tally))
        customer.at = quarter.point
        chance = random.Random(SEED * 1000 + number)
        shoppers.append(Shopper(customer, provider, goods, diary, chance))
    pickers: list[Picker] = []
    for store in (quarter.near, quarter.next):
        grant = Grant(Role.STORE_STAFF, quarter.company.id, store.id)
        who = await town.sign_in(books, "Picker", grant)
        picker = Picker(device(town, http, who, diary.tally))
        picker.store_id = encode(type(store), store.id)
        pickers.append(picker)
    return shoppers, pickers


@asynccontextmanager
async def at_work(works: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Work beside the block, and end with it."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended  # who ended by it has not worked since


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nothing_paid_is_lost_and_nothing_charged_twice(
    running: Town, quarter: City, http: aiohttp.ClientSession
) -> None:
    diary, storm = Diary(), Storm(running, random.Random(SEED))
    opened = running.database()
    shoppers, pickers = await people(running, opened, quarter, http, diary)
    await opened.close()
    began = time.monotonic()
    async with at_work(pick_for_ever(one, diary) for one in pickers):
        raging = asyncio.create_task(storm.rage(diary, ORDERS))
        await shop(shoppers, ORDERS)
        await raging
        took = time.monotonic() - began
        await settled(running, "notice", "money on its way", "to be picked")
        await running.rows(PASS_TIME)
        await settled(running, "unpaid order", "to be picked")
    await settled(running)
    books = running.database()
    wrong = await differences(running, http, books, diary, quarter.company.id)
    await running.rows(TAMPER, quarter.company.id)
    planted = await differences(running, http, books, diary, quarter.company.id)
    await books.close()
    print(figures(diary, storm, took, time.monotonic() - began - took))
    assert not wrong, "\n".join(wrong)
    assert {one.split(":")[0] for one in planted} >= PLANTED, planted
    assert {part for part, _ in storm.crashes} == set(PARTS)
    assert not [one for one in diary.failures if "JSONDecodeError" in one]
    for name in (SERVER, "worker"):
        assert not (loud := running.errors(name)), loud


def figures(diary: Diary, storm: Storm, took: float, settling: float) -> str:
    """What happened, for whoever runs `make crash`."""
    done = diary.checkouts
    paid, off, left = (sum(getattr(one, said) for one in done) for said in FATES)
    lines = [
        f"{len(done)} checkouts in {took:.0f} s, settled {settling:.0f} s later",
        f"paid {paid}, called off {off}, left {left}, packed {diary.packed}",
        "killed: " + ", ".join(f"{part} ({seconds:.1f} s)" for part, seconds in storm.crashes),
        f"{len(diary.failures)} answers were lost or refused for the moment, and asked for again:",
        *(f"  {count:>5} {said}" for said, count in Counter(map(kind, diary.failures)).items()),
        *diary.tally.rows(),
    ]
    return "\n".join(lines)


def kind(failure: str) -> str:
    """The stable part of a failure: its code, or the name of the connection's error."""
    found = re.search(r"'code': '(\w+)'|(\w+)\(", failure)
    return (found[1] or found[2]) if found else failure
