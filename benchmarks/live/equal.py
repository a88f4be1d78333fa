"""Measures the cost of an event for many equal listeners: `python -m benchmarks.live.equal [N]`.

Each listener is a whole subscription up to the bytes of its answer; there are no sockets. "Shared"
is how the product works; in "alone" every listener reads and encodes its own answer.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from dataclasses import fields
from typing import Any, TypeVar

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from execution import Answer, Limits
from local import share
from local.postgres import postgres
from models.accounts import User
from models.catalog import Product
from models.events import OrderEventKind
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from models.stores import Store
from resolvers.context import Container
from schema.root import graph
from server.graphql_engine import GraphQLEngine
from services.events.event_log import inventory_stream, record_event, record_order_event
from services.orders import order_locks
from subscriptions.engine.hub import Hub
from tests.support.actors import ActorClient
from tests.support.city import City, build_city
from tests.support.graph_queries import operation
from tests.support.order_rows import create_order_rows
from tests.support.server.databases import FOLDER, clone_database, migrate
from workflows.identity.authenticator import Authenticator

LISTENERS = 1_000
EVENTS = 5
TIMEOUT_SECONDS = 60.0
AT_ONCE = 20
ORIGIN = AuditContext("benchmark:live")
T = TypeVar("T")
Answers = AsyncGenerator[Answer, None]
Publish = Callable[[int], Awaitable[None]]


class AloneHub(Hub):
    """A hub that computes each message once for each listener."""

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        return await make()


class Live:
    """One container with its own database, and listeners of its streams."""

    def __init__(self, url: str, kind: type[Hub]) -> None:
        self.database = Database(url)
        self.hub = kind(self.database, "memory://")
        self.database.announcer.subscribe(self.hub.publish_events)
        missing: Any = None  # payments and sign-in are not used
        unused = dict.fromkeys((one.name for one in fields(Container)), missing)
        identity = Authenticator(keys_file=FOLDER / "live-keys.json", database=self.database)
        used = {"database": self.database, "streams": self.hub, "authenticator": identity}
        self.container = Container(**(unused | used))
        self.engine = GraphQLEngine(graph, limits=Limits())

    async def orders(self, city: City, listeners: int) -> tuple[float, float, int]:
        """Measure an order that its customer follows."""
        async with self.database.write(PLATFORM, ORIGIN) as session:
            keys = await create_order_rows(session, city.first)
        client = ActorClient(self.container, Actor(keys[User], None, (Grant(Role.CUSTOMER),)))

        async def publish(_nth: int) -> None:
            async with self.database.write(PLATFORM, ORIGIN) as session:
                record_order_event(
                    session, await order_locks.lock(session, key), OrderEventKind.LINE_PICKED
                )

        key = keys[Order]
        variables = {"orderId": encode_id(Order, key)}
        return await self.measure([client] * listeners, "order_tracked", variables, publish)

    async def inventory(self, city: City, listeners: int) -> tuple[float, float, int]:
        """Measure a product whose availability changes with each event."""
        store, product = city.near.id, city.products[0].id
        clients = [ActorClient(self.container) for _ in range(listeners)]

        async def publish(nth: int) -> None:
            at = {"product_id": product, "on_hand": 50 * (nth % 2), "held": 0, "version": nth}
            async with self.database.write(PLATFORM, ORIGIN) as session:
                stream = inventory_stream(store)
                record_event(session, stream, "STOCK_CHANGED", {"changes": [at]}, company_id=None)

        variables = {
            "storeId": encode_id(Store, store),
            "productIds": [encode_id(Product, product)],
        }
        return await self.measure(clients, "stock_changed", variables, publish)

    async def measure(
        self, clients: list[ActorClient], name: str, variables: dict[str, Any], publish: Publish
    ) -> tuple[float, float, int]:
        """Events a second that reach all, CPU microseconds for one answer, and failed answers."""
        prepared = self.engine.prepare(operation(name))
        assert not isinstance(prepared, Answer), prepared.errors
        streams = [
            self.engine.subscribe(prepared, variables, client.context()) for client in clients
        ]
        for start in range(0, len(streams), AT_ONCE):
            await asyncio.gather(*map(next_answer, streams[start : start + AT_ONCE]))
        failed = 0
        began, cpu = time.perf_counter(), time.process_time()
        for nth in range(EVENTS):
            waiting = asyncio.gather(*map(next_answer, streams))
            await publish(nth)
            failed += sum(await waiting)
        took, used = time.perf_counter() - began, time.process_time() - cpu
        await asyncio.gather(*(stream.aclose() for stream in streams))
        return EVENTS / took, used / EVENTS / len(streams) * 1e6, failed

    async def __aenter__(self) -> "Live":
        await self.hub.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hub.close()
        await self.database.close()


async def next_answer(stream: Answers) -> bool:
    """Read and encode the next answer; whether it contains errors."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        answer = await anext(stream)
    assert answer.encode()
    return bool(answer.errors)


async def main(listeners: int) -> None:
    server = postgres(FOLDER, durable=False)
    with share.shared(FOLDER, server.start, server.stop):
        async with clone_database(server.url("postgres"), "template1") as url:
            await asyncio.to_thread(migrate, url)
            print(
                f"{listeners} listeners, {EVENTS} events".ljust(36)
                + "events/s   µs CPU/answer   failed"
            )
            for kind in (AloneHub, Hub):
                async with Live(url, kind) as live:
                    city = await build_city(live.database)
                    for name in ("orders", "inventory"):
                        rate, each, failed = await getattr(live, name)(city, listeners)
                        how = "alone" if kind is AloneHub else "shared"
                        print(
                            f"{name + ', ' + how:<36}{rate:>8.1f}{each:>16.0f}{failed:>9}",
                            flush=True,
                        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else LISTENERS))
