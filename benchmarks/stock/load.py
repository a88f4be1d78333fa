"""Clients that request units without a pause, and the figures of their requests."""

import asyncio
import bisect
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from benchmarks.stock.designs import Design, Units
from benchmarks.stock.place import Place

CLIENTS = 64
LINES = 5
SKEW = 1.1
"""The exponent of the zipf law by which carts are filled."""

NextCart = Callable[[], Units]


@dataclass(frozen=True, slots=True)
class Figures:
    """One design under one load."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    deadlocks: int
    python_us: float
    """CPU of this process for each, the clients' own work included."""
    database_us: float
    is_consistent: bool

    def __str__(self) -> str:
        return (
            f"  {self.name:28}{self.per_second:>9.0f}{self.p50_ms:>9.1f}{self.p99_ms:>9.1f}"
            f"{self.deadlocks:>11}{self.python_us:>11.0f}{self.database_us:>9.0f}"
            f"{'yes' if self.is_consistent else 'NO':>7}"
        )


def hot_row(place: Place) -> NextCart:
    """Every cart has one unit of the same product."""
    wanted = {place.products[0]: 1}
    return lambda: wanted


def carts(place: Place, seed: int) -> NextCart:
    """Carts of five products of a thousand in random order, chosen by the zipf law."""
    chance = random.Random(seed)
    heights = itertools.accumulate(1 / rank**SKEW for rank in range(1, len(place.products) + 1))
    steps = list(heights)

    def next_cart() -> Units:
        wanted: dict[UUID, int] = {}
        while len(wanted) < LINES:
            step = bisect.bisect(steps, chance.random() * steps[-1])
            wanted[place.products[step]] = 1
        keys = list(wanted)
        chance.shuffle(keys)
        return dict.fromkeys(keys, 1)

    return next_cart


async def measure(
    name: str,
    place: Place,
    design: Design,
    next_cart: NextCart,
    seconds: float,
    clients: int = CLIENTS,
) -> Figures:
    """Measure a design with `clients`, each of which repeats as soon as it has its answer."""
    took: list[float] = []
    warm = time.perf_counter() + min(1.0, seconds / 4)
    while time.perf_counter() < warm:
        await asyncio.gather(*(design.hold(next_cart()) for _ in range(clients)))

    async def client() -> None:
        while (began := time.perf_counter()) < end:
            assert await design.hold(next_cart()), "there is plenty of everything"
            took.append(time.perf_counter() - began)

    theirs, cpu, began = place.database_seconds(), time.process_time(), time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(client() for _ in range(clients)))
    lasted, cpu = time.perf_counter() - began, time.process_time() - cpu
    theirs = place.database_seconds() - theirs
    took.sort()
    return Figures(
        name=name,
        per_second=len(took) / lasted,
        p50_ms=took[len(took) // 2] * 1e3,
        p99_ms=took[len(took) * 99 // 100] * 1e3,
        deadlocks=design.deadlocks,
        python_us=cpu / len(took) * 1e6,
        database_us=theirs / len(took) * 1e6,
        is_consistent=await place.is_consistent(),
    )
