"""Signs everyone in, starts orders at the chosen rate and prints a summary."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from simulators.city.customer import CityCustomer
from simulators.city.memory import server_megabytes
from simulators.city.pickers import StorePickers
from simulators.city.rider import CityRider
from simulators.city.state import CityState
from simulators.client import RequestFailed
from simulators.parts.customer import CardProvider

STORES = {"harbour": 12, "peak": 4}
RIDERS = {"harbour": 240, "peak": 80}
CUSTOMERS = 200
RIDER_SECONDS = 50.0  # duration of a simulated ride from offer to customer
SIGN_INS_AT_ONCE = 2
LAST_SECONDS = 120.0
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CityOptions:
    """The options of the command line."""

    url: str
    provider: CardProvider
    rate: float
    minutes: float
    seed: int


async def run(options: CityOptions) -> int:
    """Run the city; returns 0 when no operation failed."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        city = CityState(http, options.url, options.provider, options.seed)
        desks, riders, customers = _people(city, options)
        everyone = [*desks, *riders, *customers]
        print(f"city: {len(everyone)} people sign in", flush=True)
        work: list[asyncio.Task[None]] = []

        async def start(one: StorePickers | CityRider) -> None:
            await one.open()
            work.append(asyncio.create_task(one.work()))

        await _each(desks, start)
        await _each(riders, start)
        await _each(customers, lambda one: one.open())
        await asyncio.sleep(SETTLE_SECONDS)
        signed_in = {name: len(times) for name, times in city.tally.took.items()}
        print(f"city: {options.rate:g} orders a second for {options.minutes:g} min", flush=True)
        began = time.monotonic()
        await _flow(city, options, customers)
        took = time.monotonic() - began
        city.over.set()
        memory = server_megabytes(options.url)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await _each(riders, _go_home)
        for one in everyone:
            await one.graph.close()
    return _sum_up(city, took, memory, sum(signed_in.values()))


def _people(
    city: CityState, options: CityOptions
) -> tuple[list[StorePickers], list[CityRider], list[CityCustomer]]:
    desks = [
        StorePickers(city, f"staff{number}.1@{company}.example")
        for company, count in STORES.items()
        for number in range(1, count + 1)
    ]
    needed = options.rate * RIDER_SECONDS * 1.3
    riders = []
    for company, count in RIDERS.items():
        share = int(min(count, max(4, needed * STORES[company] / sum(STORES.values()))))
        riders += [
            CityRider(city, f"rider{number}@{company}.example", number)
            for number in range(1, share + 1)
        ]
    customers = [
        CityCustomer(city, f"customer{number}@mail.example")
        for number in range(1, int(min(CUSTOMERS, max(16, options.rate * 30))) + 1)
    ]
    return desks, riders, customers


async def _each(people: Sequence[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    """Let everyone act, two at a time: password hashing is slow on purpose."""
    turn = asyncio.Semaphore(SIGN_INS_AT_ONCE)

    async def one_by_one(person: Any) -> None:
        async with turn:
            await act(person)

    await asyncio.gather(*(one_by_one(person) for person in people))


async def _flow(city: CityState, options: CityOptions, customers: Sequence[CityCustomer]) -> None:
    """Start orders at random times, then wait until they end."""
    luck = city.luck("flow")
    orders: set[asyncio.Task[None]] = set()
    end = time.monotonic() + options.minutes * 60
    number, moment = 0, time.monotonic()
    while (moment := moment + luck.expovariate(options.rate)) < end:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        customer = customers[number % len(customers)]
        task = asyncio.create_task(customer.order_once(number))
        orders.add(task)
        task.add_done_callback(orders.discard)
        number += 1
    print(f"city: {number} orders were begun; the last ones are on their way", flush=True)
    if orders:
        _, late = await asyncio.wait(orders, timeout=LAST_SECONDS)
        city.counts["still under way"] += len(late)
        for task in late:
            task.cancel()


async def _go_home(rider: CityRider) -> None:
    with suppress(RequestFailed):  # a rider with a delivery can't go offline
        await rider.go_offline()


def _sum_up(city: CityState, seconds: float, memory: float | None, sign_ins: int) -> int:
    print(f"\ncity: {seconds:.0f} s, {sign_ins} requests to open, then:\n")
    for row in city.tally.rows():
        print(f"  {row}")
    print()
    for what, count in sorted(city.counts.items()):
        print(f"  {what:<36}{count:>8}")
    failed = sum(city.tally.failures.values())
    for name, message in city.tally.messages.items():
        print(f"  {name}: {message}")
    worst = city.tally.worst_p99() * 1000
    size = f"{memory:.0f} MB" if memory is not None else "not of this machine"
    print(f"\ncity: {failed} errors, worst p99 {worst:.0f} ms, server memory {size}", flush=True)
    return 1 if failed else 0
