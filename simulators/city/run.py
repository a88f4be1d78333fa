"""Brings the people together, lets orders flow at the chosen rate, and sums up."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from simulators.city.courier import Courier
from simulators.city.desk import Desk
from simulators.city.household import Household
from simulators.city.memory import server_megabytes
from simulators.city.town import Town
from simulators.client import Failed
from simulators.parts.customer import CardProvider

STORES = {"harbour": 12, "peak": 4}
RIDERS = {"harbour": 240, "peak": 80}
CUSTOMERS = 200
RIDER_SECONDS = 50.0  # what a ride takes in this hurried city, from offer to door
SIGN_INS_AT_ONCE = 2
LAST_SECONDS = 120.0
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    url: str
    provider: CardProvider
    rate: float
    minutes: float
    seed: int


async def run(wishes: Wishes) -> int:
    """Run the city; 0 when nothing failed that should not have."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        town = Town(http, wishes.url, wishes.provider, wishes.seed)
        desks, couriers, households = _people(town, wishes)
        everyone = [*desks, *couriers, *households]
        print(f"city: {len(everyone)} people sign in", flush=True)
        work: list[asyncio.Task[None]] = []

        async def start(one: Desk | Courier) -> None:
            await one.open()
            work.append(asyncio.create_task(one.work()))

        await _each(desks, start)
        await _each(couriers, start)
        await _each(households, lambda one: one.open())
        await asyncio.sleep(SETTLE_SECONDS)
        signed_in = {name: len(times) for name, times in town.tally.took.items()}
        print(f"city: {wishes.rate:g} orders a second for {wishes.minutes:g} min", flush=True)
        began = time.monotonic()
        await _flow(town, wishes, households)
        took = time.monotonic() - began
        town.over.set()
        memory = server_megabytes(wishes.url)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await _each(couriers, _go_home)
        for one in everyone:
            await one.graph.close()
    return _sum_up(town, took, memory, sum(signed_in.values()))


def _people(town: Town, wishes: Wishes) -> tuple[list[Desk], list[Courier], list[Household]]:
    desks = [
        Desk(town, f"staff{number}.1@{company}.example")
        for company, count in STORES.items()
        for number in range(1, count + 1)
    ]
    needed = wishes.rate * RIDER_SECONDS * 1.3
    couriers = []
    for company, count in RIDERS.items():
        share = int(min(count, max(4, needed * STORES[company] / sum(STORES.values()))))
        couriers += [
            Courier(town, f"rider{number}@{company}.example", number)
            for number in range(1, share + 1)
        ]
    households = [
        Household(town, f"customer{number}@mail.example")
        for number in range(1, int(min(CUSTOMERS, max(16, wishes.rate * 30))) + 1)
    ]
    return desks, couriers, households


async def _each(people: Sequence[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    """Let everyone do something, two at a time: signing in is meant to be slow."""
    turn = asyncio.Semaphore(SIGN_INS_AT_ONCE)

    async def one_by_one(person: Any) -> None:
        async with turn:
            await act(person)

    await asyncio.gather(*(one_by_one(person) for person in people))


async def _flow(town: Town, wishes: Wishes, households: Sequence[Household]) -> None:
    """Start orders at random moments, then wait for those under way."""
    luck = town.luck("flow")
    orders: set[asyncio.Task[None]] = set()
    end = time.monotonic() + wishes.minutes * 60
    number, moment = 0, time.monotonic()
    while (moment := moment + luck.expovariate(wishes.rate)) < end:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        household = households[number % len(households)]
        task = asyncio.create_task(household.order_once(number))
        orders.add(task)
        task.add_done_callback(orders.discard)
        number += 1
    print(f"city: {number} orders were begun; the last ones are on their way", flush=True)
    if orders:
        _, late = await asyncio.wait(orders, timeout=LAST_SECONDS)
        town.counts["still under way"] += len(late)
        for task in late:
            task.cancel()


async def _go_home(courier: Courier) -> None:
    with suppress(Failed):  # still riding: the store keeps the rider on the road
        await courier.go_offline()


def _sum_up(town: Town, seconds: float, memory: float | None, sign_ins: int) -> int:
    print(f"\ncity: {seconds:.0f} s, {sign_ins} requests to open, then:\n")
    for row in town.tally.rows():
        print(f"  {row}")
    print()
    for what, count in sorted(town.counts.items()):
        print(f"  {what:<36}{count:>8}")
    failed = sum(town.tally.failures.values())
    for name, message in town.tally.messages.items():
        print(f"  {name}: {message}")
    worst = town.tally.worst_p99() * 1000
    size = f"{memory:.0f} MB" if memory is not None else "not of this machine"
    print(f"\ncity: {failed} errors, worst p99 {worst:.0f} ms, server memory {size}", flush=True)
    return 1 if failed else 0
