"""Many subscribers of one busy store, often cut or late, end with the state of the database."""

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
from models.ids import encode_id
from models.stock import StockLevel
from resolvers.context import Container
from subscriptions.stock.inventory_state import InventoryState
from tests.support import city as cities
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.streams.inventory import set_on_hand, subscribe_inventory

WRITES = 300
CLIENTS = 50
UNITS = 12
REST_SECONDS = 1.0


@dataclass
class InventoryClient:
    """A client with its state of the store; it is cut at random and sometimes pauses."""

    who: ActorClient
    city: City
    name: str
    only: list[str] | None
    rng: random.Random
    state: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    kinds: list[str] = field(default_factory=list)

    @property
    def sees_quantities(self) -> bool:
        return self.name == "inventory_counted"

    async def follow(self, resting: asyncio.Event) -> None:
        """Follow until no more changes are written and no more messages come."""
        while True:
            arguments = {"productIds": self.only} if self.only else {}
            async with subscribe_inventory(
                self.who, self.city, self.name, after=self.cursor, **arguments
            ) as subscription:
                cut_after = self.rng.randrange(1, 12)
                while not resting.is_set() or cut_after:
                    try:
                        self.receive(await subscription.next_message(seconds=REST_SECONDS))
                    except TimeoutError:
                        if resting.is_set():
                            return
                        break
                    cut_after = max(0, cut_after - 1)
                    if not cut_after and not resting.is_set():
                        break
                    if self.rng.random() < 0.02:
                        await asyncio.sleep(1.8)

    def receive(self, message: Any) -> None:
        self.cursor = message["cursor"]
        self.kinds.append(message["kind"])
        for change in message["changes"]:
            if self.sees_quantities:
                self.state[change["productId"]] = change["onHand"], change["reserved"]
            else:
                self.state[change["productId"]] = change["availability"]


@pytest.fixture
async def own_city(container: Container) -> City:
    """A city whose stock only this test changes."""
    return await cities.build_city(container.database, on_hand=UNITS // 2)


async def create_clients(container: Container, city: City) -> list[InventoryClient]:
    """Create anonymous clients that follow all or some products, and staff clients."""
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    staff, nobody = await create_client(container, "Stock clerk", grant), ActorClient(container)
    ids = [encode_id(Product, product.id) for product in city.products]
    clients = []
    for number in range(CLIENTS):
        rng = random.Random(number)
        only = sorted(rng.sample(ids, 4)) if number % 2 else None
        who, name = (staff, "inventory_counted") if number % 5 == 0 else (nobody, "stock_changed")
        clients.append(InventoryClient(who, city, name, only, rng))
    return clients


async def test_every_client_ends_with_the_state_of_the_database(
    container: Container, own_city: City
) -> None:
    clients, resting = await create_clients(container, own_city), asyncio.Event()
    rng = random.Random(1)
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.follow(resting))
        await asyncio.sleep(0.5)
        for _ in range(WRITES):
            await set_on_hand(container, own_city, rng.randrange(12), rng.randrange(UNITS))
        resting.set()
    quantities, availability = await read_state(container, own_city)
    for client in clients:
        expected = quantities if client.sees_quantities else availability
        # Of 300 writes at least one changes the availability of each of twelve products.
        assert client.state == {key: expected[key] for key in client.only or expected}
        assert "LAGGED" not in client.kinds


async def read_state(container: Container, city: City) -> tuple[dict[str, Any], dict[str, Any]]:
    async with container.database.read(PLATFORM) as session:
        rows = (
            await session.scalars(select(StockLevel).where(StockLevel.store_id == city.near.id))
        ).all()
    quantities = {encode_id(Product, row.product_id): (row.on_hand, row.reserved) for row in rows}
    available = {key: on_hand - held for key, (on_hand, held) in quantities.items()}
    availability = {
        key: "OUT_OF_STOCK" if units <= 0 else "LOW_STOCK" if units <= 5 else "IN_STOCK"
        for key, units in available.items()
    }
    return quantities, availability


async def test_a_feed_ends_with_its_last_subscription(container: Container, own_city: City) -> None:
    def feed_tasks() -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks() if task.get_name() == "inventory-feed"]

    assert feed_tasks() == []
    async with AsyncExitStack() as stack:
        subscriptions = [
            await stack.enter_async_context(subscribe_inventory(ActorClient(container), own_city))
            for _ in range(3)
        ]
        for subscription in subscriptions:
            await subscription.next_message()
        assert len(feed_tasks()) == 2  # one collects events, one delivers digests
    assert feed_tasks() == []


async def test_after_a_failed_digest_subscriptions_read_the_log(
    container: Container, own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(InventoryState, "apply_events", broken)
    async with subscribe_inventory(ActorClient(container), own_city) as subscription:
        await subscription.next_message()
        await set_on_hand(container, own_city, 0, 1)
        [change] = (await subscription.next_message())["changes"]
        assert change["availability"] == "LOW_STOCK"
        await set_on_hand(container, own_city, 0, 0)
        [change] = (await subscription.next_message())["changes"]
        assert change["availability"] == "OUT_OF_STOCK"


async def test_a_short_database_outage_ends_no_subscription(
    container: Container, own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures_left, read = [2], InventoryState._read

    async def flaky(state: InventoryState, keys: Any) -> Any:
        if failures_left[0]:
            failures_left[0] -= 1
            raise ConnectionError("the database is unreachable")
        return await read(state, keys)

    async with subscribe_inventory(ActorClient(container), own_city) as subscription:
        await subscription.next_message()
        monkeypatch.setattr(InventoryState, "_read", flaky)
        await set_on_hand(container, own_city, 0, 1)
        [change] = (await subscription.next_message())["changes"]
        assert (change["availability"], failures_left) == ("LOW_STOCK", [0])


async def test_a_lagging_subscription_reads_the_dropped_notices_from_the_log(
    container: Container, own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.stock.inventory_digest.DIGEST_SECONDS", 0.0)
    monkeypatch.setattr("subscriptions.engine.listener.MAX_PENDING_NOTICES", 2)
    async with subscribe_inventory(ActorClient(container), own_city) as subscription:
        await subscription.next_message()
        for index in range(12):
            await set_on_hand(container, own_city, index, 1)
            await asyncio.sleep(0.02)
        received: set[str] = set()
        while len(received) < len(own_city.products):
            received |= {
                change["productId"]
                for change in (await subscription.next_message(seconds=3))["changes"]
            }
        assert len(subscription.messages) < 10
