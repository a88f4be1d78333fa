"""Many watchers of one busy shelf: cut, late and asleep, all end with what the database has."""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.catalog import Product
from models.identity import Grant, Role
from models.ids import encode
from models.stock import Stock
from resolvers.context import House
from subscriptions.stock.inventory_state import Shelf
from tests.subscriptions.stock.test_inventory import count, shelf
from tests.support import city as cities
from tests.support.actors import Standing, stand
from tests.support.city import City

WRITES = 300
WATCHERS = 50
UNITS = 12
REST_SECONDS = 1.0


@dataclass
class Watcher:
    """One client: what it watches, and its map of the shelf; some are cut, some fall asleep."""

    who: Standing
    city: City
    name: str
    only: list[str] | None
    chance: random.Random
    shelf: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    kinds: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> bool:
        return self.name == "inventory_counted"

    async def watch(self, resting: asyncio.Event) -> None:
        """Watch until the shelf is at rest and nothing more comes."""
        while True:
            given = {"productIds": self.only} if self.only else {}
            async with shelf(self.who, self.city, self.name, after=self.cursor, **given) as line:
                cut_after = self.chance.randrange(1, 12)
                while not resting.is_set() or cut_after:
                    try:
                        self.hear(await line.next(seconds=REST_SECONDS))
                    except TimeoutError:
                        if resting.is_set():
                            return
                        break
                    cut_after = max(0, cut_after - 1)
                    if not cut_after and not resting.is_set():
                        break
                    if self.chance.random() < 0.02:
                        await asyncio.sleep(1.8)

    def hear(self, message: Any) -> None:
        self.cursor = message["cursor"]
        self.kinds.append(message["kind"])
        for one in message["changes"]:
            numbers = (one["onHand"], one["held"]) if self.numbers else one["availability"]
            self.shelf[one["productId"]] = numbers


@pytest.fixture
async def corner(house: House) -> City:
    """A city whose stock this test alone changes."""
    return await cities.build(house.database, on_hand=UNITS // 2)


async def people(house: House, city: City) -> list[Watcher]:
    """Strangers who watch all or a page, and staff who count."""
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    staff, nobody = await stand(house, "Counter", grant), Standing(house)
    ids = [encode(Product, one.id) for one in city.products]
    made = []
    for nth in range(WATCHERS):
        chance = random.Random(nth)
        only = sorted(chance.sample(ids, 4)) if nth % 2 else None
        who, name = (staff, "inventory_counted") if nth % 5 == 0 else (nobody, "inventory_changed")
        made.append(Watcher(who, city, name, only, chance))
    return made


async def test_every_map_is_the_database_at_rest(house: House, corner: City) -> None:
    watchers, resting = await people(house, corner), asyncio.Event()
    chance = random.Random(1)
    async with asyncio.TaskGroup() as group:
        for one in watchers:
            group.create_task(one.watch(resting))
        await asyncio.sleep(0.5)
        for _ in range(WRITES):
            await count(house, corner, chance.randrange(12), chance.randrange(UNITS))
        resting.set()
    numbers, bands = await truth(house, corner)
    for one in watchers:
        expected = numbers if one.numbers else bands
        # Of 300 writes at least one changes the band of each of twelve products.
        assert one.shelf == {key: expected[key] for key in one.only or expected}
        assert "LAGGED" not in one.kinds


async def truth(house: House, city: City) -> tuple[dict[str, Any], dict[str, Any]]:
    async with house.database.read(PLATFORM) as session:
        rows = (await session.scalars(select(Stock).where(Stock.store_id == city.near.id))).all()
    numbers = {encode(Product, row.product_id): (row.on_hand, row.held) for row in rows}
    left = {key: on_hand - held for key, (on_hand, held) in numbers.items()}
    bands = {key: "OUT" if n <= 0 else "LOW" if n <= 5 else "IN_STOCK" for key, n in left.items()}
    return numbers, bands


async def test_a_feed_ends_with_its_last_watcher(house: House, corner: City) -> None:
    tasks: list[asyncio.Task[None]] = []

    def feeds() -> list[asyncio.Task[Any]]:
        return [one for one in asyncio.all_tasks() if one.get_name() == "shelf-feed"]

    assert feeds() == tasks
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(shelf(Standing(house), corner)) for _ in range(3)]
        for line in lines:
            await line.next()
        assert len(feeds()) == 2  # of the store: one that gathers and one that tells
    assert feeds() == []


async def test_a_digest_that_fails_is_read_by_the_watchers_instead(
    house: House, corner: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("nobody can work this out")

    monkeypatch.setattr(Shelf, "digest", broken)
    async with shelf(Standing(house), corner) as line:
        await line.next()
        await count(house, corner, 0, 1)
        [change] = (await line.next())["changes"]
        assert change["availability"] == "LOW"
        await count(house, corner, 0, 0)
        [change] = (await line.next())["changes"]
        assert change["availability"] == "OUT"


async def test_a_database_that_is_away_for_a_moment_ends_no_watch(
    house: House, corner: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, read = [2], Shelf._read

    async def flaky(shelf: Shelf, keys: Any) -> Any:
        if away[0]:
            away[0] -= 1
            raise ConnectionError("the database is away")
        return await read(shelf, keys)

    async with shelf(Standing(house), corner) as line:
        await line.next()
        monkeypatch.setattr(Shelf, "_read", flaky)
        await count(house, corner, 0, 1)
        [change] = (await line.next())["changes"]
        assert (change["availability"], away) == ("LOW", [0])


async def test_who_falls_behind_reads_what_was_dropped(
    house: House, corner: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.stock.inventory_digest.GATHER_SECONDS", 0.0)
    monkeypatch.setattr("subscriptions.engine.listener.HELD_HINTS", 2)
    async with shelf(Standing(house), corner) as line:
        await line.next()
        for index in range(12):
            await count(house, corner, index, 1)
            await asyncio.sleep(0.02)
        heard: set[str] = set()
        while len(heard) < len(corner.products):
            heard |= {one["productId"] for one in (await line.next(seconds=3))["changes"]}
        assert len(line.seen) < 10
