"""A listener whose connection breaks fifty times hears every event of the order once, in order.

Two server processes share one Valkey; the listener comes back to the other one each time, by
WebSocket or by server-sent events, with nothing but the cursor of the last message it has read.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from database.sessions import Database
from models.identity import Grant, Role
from models.ids import decode, encode
from models.orders import Order
from simulators.client import GraphClient, Tally
from simulators.parts.customer import CardProvider, Customer
from simulators.parts.picker import Picker
from tests.support.city import City
from tests.support.faults.http_client import line
from tests.support.faults.process_group import Resident, Town, steady_port
from tests.support.faults.shoppers import device
from tests.support.server.websocket_client import talk

CUTS = 50
SEED = 4
LAST = "PAYMENT_CAPTURED"
TRACK = """
subscription Track($orderId: ID!, $after: String) {
  orderTracked(orderId: $orderId, after: $after) { kind cursor event { type at } }
}
"""
EVENTS = "select type, at from event where stream = $1 and seq > $2 order by seq"


async def by_socket(url: str, who: Resident, variables: Any) -> AsyncIterator[Any]:
    """The messages of one WebSocket, which breaks without a word when the reader leaves."""
    async with talk(url.replace("http", "ws", 1)) as t:
        try:
            await t.init(who.token)
            await t.subscribe("1", TRACK, variables=variables)
            while True:
                yield (await t.hear())["payload"]
        finally:
            t.socket.transport.abort()


async def by_events(url: str, who: Resident, variables: Any) -> AsyncIterator[Any]:
    """The messages of one event stream, whose connection is thrown away with the reader."""
    headers = {"authorization": f"Bearer {who.token}", "accept": "text/event-stream"}
    body = {"query": TRACK, "variables": variables}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json=body, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
        async for raw in response.content:
            if raw.startswith(b"data: "):
                yield json.loads(raw.removeprefix(b"data: "))


@dataclass
class Listener:
    """Somebody who follows an order over a very bad line."""

    urls: list[str]
    who: Resident
    order_id: str
    chance: random.Random
    cursor: str | None = None
    kinds: list[str] = field(default_factory=list)
    heard: list[tuple[str, datetime]] = field(default_factory=list)
    cuts: int = 0
    doors: Counter[str] = field(default_factory=Counter)

    async def follow(self) -> None:
        """Until the last event: cut after none or a few messages, at any moment."""
        while not self.heard or self.heard[-1][0] != LAST:
            patience = self.chance.uniform(0.02, 0.4) if self.cuts < CUTS else 30.0
            most = self.chance.randint(0, 6) if self.cuts < CUTS else 10_000
            try:
                async with asyncio.timeout(patience):
                    await self._listen(most)
            except TimeoutError:
                pass
            self.cuts += 1

    async def _listen(self, most: int) -> None:
        connect = by_socket if self.chance.random() < 0.5 else by_events
        self.doors[connect.__name__] += 1
        variables = {"orderId": self.order_id, "after": self.cursor}
        url = self.urls[self.cuts % len(self.urls)]
        async with aclosing(connect(url, self.who, variables)) as messages:  # type: ignore[type-var] # both are generators
            async for message in messages:
                assert not message.get("errors"), message
                told = message["data"]["orderTracked"]
                self.cursor = told["cursor"]
                self.kinds.append(told["kind"])
                if event := told["event"]:
                    self.heard.append((event["type"], datetime.fromisoformat(event["at"])))
                    if event["type"] == LAST:
                        return
                most -= 1
                if most < 0:
                    return


@pytest.fixture
def second(running: Town) -> Iterator[str]:
    """Another server process on the same databases, as its graph's address."""
    port = steady_port()
    running.launch("second", "server", "serve", "--port", str(port))
    running.await_ready("second", port)
    yield f"http://127.0.0.1:{port}/graphql"
    running.end("second")


async def bought(town: Town, customer: Customer, quarter: City) -> tuple[str, dict[str, Any]]:
    """The id of a new order of six lines of two, and its payment."""
    lines = [line(quarter, nth, 2) for nth in range(-6, 0)]
    placed = await customer.place("cut-streams", lines=lines)
    return placed["order"]["id"], placed["payment"]


async def keep_picking(pickers: list[Picker], listener: Listener) -> None:
    """Accept, then find one or two of each thing at each server in turn, and pack in the end."""
    (task,) = await pickers[0].queue()
    await pickers[0].accept(task["id"])
    turn = 0
    while listener.cuts < CUTS or turn < len(task["lines"]):
        found = 2 - (turn // len(task["lines"])) % 2
        await pickers[turn % 2].pick(task["id"], task["lines"][turn % len(task["lines"])], found)
        turn += 1
        await asyncio.sleep(0.02)
    await pickers[1].pack(task["id"])


@pytest.mark.slow
async def test_a_listener_cut_fifty_times_misses_nothing(
    running: Town, second: str, books: Database, quarter: City, http: aiohttp.ClientSession
) -> None:
    (who,) = await running.customers(books, 1)
    customer = Customer(device(running, http, who, Tally()))
    customer.at = quarter.point
    order_id, payment = await bought(running, customer, quarter)
    key = decode(Order, order_id)
    stream = f"order:{key}"
    ((before,),) = await running.rows("select seq from stream where stream = $1", stream)
    listener = Listener([running.graph, second], who, order_id, random.Random(SEED))
    following = asyncio.create_task(listener.follow())
    while not listener.kinds:  # noqa: ASYNC110 - what comes before the first snapshot is not told
        await asyncio.sleep(0.01)
    provider = CardProvider(running.provider, running.publishable_key)
    await customer.pay(payment, provider, "pm_card_visa")
    await _queued(running, key)
    grant = Grant(Role.STORE_STAFF, quarter.company.id, quarter.near.id)
    picker = await running.sign_in(books, "Picker", grant)
    await keep_picking([_picker(http, url, picker, quarter) for url in listener.urls], listener)
    await asyncio.wait_for(following, 60)
    told = [(row["type"], row["at"]) for row in await running.rows(EVENTS, stream, before)]
    last = [kind for kind, _ in told].index(LAST)
    assert listener.heard == told[: last + 1]
    assert listener.kinds.count("SNAPSHOT") == 1
    assert set(listener.kinds) <= {"SNAPSHOT", "EVENT", "POSITION"}
    assert listener.cuts >= CUTS
    assert min(listener.doors.values()) >= CUTS // 4
    print(f"{last + 1} events, {listener.cuts} connections {dict(listener.doors)}: each once")


def _picker(http: aiohttp.ClientSession, url: str, who: Resident, quarter: City) -> Picker:
    graph = GraphClient(http, url)
    graph.token = who.token
    picker = Picker(graph)
    picker.store_id = encode(type(quarter.near), quarter.near.id)
    return picker


async def _queued(town: Town, order_id: Any) -> None:
    """Wait until the order that was paid for is in its store's queue."""
    async with asyncio.timeout(15):
        query = "select id from fulfillment where order_id = $1"
        while not await town.rows(query, order_id):  # noqa: ASYNC110 - the database says it to those who ask
            await asyncio.sleep(0.05)
