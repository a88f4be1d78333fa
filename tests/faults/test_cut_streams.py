"""A follower whose connection breaks fifty times receives every event once, in order.

Two server processes share one Valkey; the follower reconnects to the other one each time, by
WebSocket or server-sent events, with only the cursor of the last message it has read.
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
from models.ids import decode_id, encode_id
from models.orders import Order
from simulators.client import GraphClient, RequestStatistics
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.picker import PickerClient
from tests.support.city import City
from tests.support.faults.apps import graph_client
from tests.support.faults.http_client import order_line
from tests.support.faults.process_group import ServerGroup, SignedInUser, steady_port
from tests.support.server.websocket_client import open_socket
from tests.support.waiting import until

CUTS = 50
SEED = 4
LAST_TYPE = "PAYMENT_CAPTURED"
TRACK = """
subscription Track($orderId: ID!, $after: String) {
  orderTracked(orderId: $orderId, after: $after) { kind cursor event { type occurredAt } }
}
"""
EVENTS = "select type, at from event where stream = $1 and seq > $2 order by seq"


async def by_socket(url: str, who: SignedInUser, variables: Any) -> AsyncIterator[Any]:
    """Yield the messages of a WebSocket, whose connection is aborted at the end."""
    async with open_socket(url.replace("http", "ws", 1)) as t:
        try:
            await t.init(who.token)
            await t.subscribe("1", TRACK, variables=variables)
            while True:
                yield (await t.receive())["payload"]
        finally:
            t.connection.transport.abort()


async def by_events(url: str, who: SignedInUser, variables: Any) -> AsyncIterator[Any]:
    """Yield the messages of an event stream, whose connection is closed at the end."""
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
class CutFollower:
    """Follows an order over connections that are cut often."""

    urls: list[str]
    who: SignedInUser
    order_id: str
    rng: random.Random
    cursor: str | None = None
    kinds: list[str] = field(default_factory=list)
    received: list[tuple[str, datetime]] = field(default_factory=list)
    cuts: int = 0
    transports: Counter[str] = field(default_factory=Counter)

    async def follow(self) -> None:
        """Follow until the last event; connections are cut at any moment."""
        while not self.received or self.received[-1][0] != LAST_TYPE:
            seconds = self.rng.uniform(0.02, 0.4) if self.cuts < CUTS else 30.0
            max_messages = self.rng.randint(0, 6) if self.cuts < CUTS else 10_000
            try:
                async with asyncio.timeout(seconds):
                    await self._listen(max_messages)
            except TimeoutError:
                pass
            self.cuts += 1

    async def _listen(self, max_messages: int) -> None:
        connect = by_socket if self.rng.random() < 0.5 else by_events
        self.transports[connect.__name__] += 1
        variables = {"orderId": self.order_id, "after": self.cursor}
        url = self.urls[self.cuts % len(self.urls)]
        async with aclosing(connect(url, self.who, variables)) as messages:  # type: ignore[type-var] # both are async generators
            async for message in messages:
                assert not message.get("errors"), message
                data = message["data"]["orderTracked"]
                self.cursor = data["cursor"]
                self.kinds.append(data["kind"])
                if event := data["event"]:
                    self.received.append(
                        (event["type"], datetime.fromisoformat(event["occurredAt"]))
                    )
                    if event["type"] == LAST_TYPE:
                        return
                max_messages -= 1
                if max_messages < 0:
                    return


@pytest.fixture
def second_url(servers: ServerGroup) -> Iterator[str]:
    """The GraphQL URL of a second server process on the same databases."""
    port = steady_port()
    servers.launch("second", "server", "serve", "--port", str(port))
    servers.wait_until_ready("second", port)
    yield f"http://127.0.0.1:{port}/graphql"
    servers.terminate("second")


async def place_order(customer: CustomerClient, own_city: City) -> tuple[str, dict[str, Any]]:
    """Place an order of six lines of two units; returns its id and its payment."""
    lines = [order_line(own_city, index, 2) for index in range(-6, 0)]
    placed = await customer.place("cut-streams", lines=lines)
    return placed["order"]["id"], placed["payment"]


async def keep_picking(pickers: list[PickerClient], follower: CutFollower) -> None:
    """Accept, pick one or two units of each line at each server in turn, and pack at the end."""
    (task,) = await pickers[0].queue()
    await pickers[0].accept(task["id"])
    step = 0
    while follower.cuts < CUTS or step < len(task["lines"]):
        quantity = 2 - (step // len(task["lines"])) % 2
        line = task["lines"][step % len(task["lines"])]
        await pickers[step % 2].pick(task["id"], line, quantity)
        step += 1
        await asyncio.sleep(0.02)
    await pickers[1].pack(task["id"])


@pytest.mark.slow
async def test_a_follower_cut_fifty_times_misses_no_event(
    servers: ServerGroup,
    second_url: str,
    server_database: Database,
    own_city: City,
    http: aiohttp.ClientSession,
) -> None:
    (who,) = await servers.sign_in_customers(server_database, 1)
    customer = CustomerClient(graph_client(servers, http, who, RequestStatistics()))
    customer.at = own_city.point
    order_id, payment = await place_order(customer, own_city)
    key = decode_id(Order, order_id)
    stream = f"order:{key}"
    ((before,),) = await servers.fetch("select seq from stream where stream = $1", stream)
    follower = CutFollower([servers.graph_url, second_url], who, order_id, random.Random(SEED))
    following = asyncio.create_task(follower.follow())
    # Events before the first snapshot are not delivered.
    await until(lambda: bool(follower.kinds), what="the first snapshot")
    provider = CardProvider(servers.provider_url, servers.publishable_key)
    await customer.pay(payment, provider, "pm_card_visa")
    await _until_queued(servers, key)
    grant = Grant(Role.STORE_STAFF, own_city.company.id, own_city.near.id)
    picker = await servers.sign_in(server_database, "Picker", grant)
    await keep_picking([_picker(http, url, picker, own_city) for url in follower.urls], follower)
    await asyncio.wait_for(following, 60)
    events = [(row["type"], row["at"]) for row in await servers.fetch(EVENTS, stream, before)]
    last = [kind for kind, _ in events].index(LAST_TYPE)
    assert follower.received == events[: last + 1]
    assert follower.kinds.count("SNAPSHOT") == 1
    assert set(follower.kinds) <= {"SNAPSHOT", "EVENT", "POSITION"}
    assert follower.cuts >= CUTS
    assert min(follower.transports.values()) >= CUTS // 4
    print(f"{last + 1} events, {follower.cuts} connections {dict(follower.transports)}: each once")


def _picker(
    http: aiohttp.ClientSession, url: str, who: SignedInUser, own_city: City
) -> PickerClient:
    client = GraphClient(http, url)
    client.token = who.token
    picker = PickerClient(client)
    picker.store_id = encode_id(type(own_city.near), own_city.near.id)
    return picker


async def _until_queued(servers: ServerGroup, order_id: Any) -> None:
    """Wait until the paid order is in its store's queue."""
    query = "select id from fulfillment where order_id = $1"
    await until(lambda: servers.fetch(query, order_id), what="the order in the store's queue")
