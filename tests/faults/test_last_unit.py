"""A hundred signed-in customers order the last unit at the same time, over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import aiohttp

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import encode_id
from models.stock import StockLevel, StockMovementReason
from services.stock import stock_writer
from services.stock.stock_writer import MovementCause
from tests.support.city import City
from tests.support.faults.process_group import ORIGIN, ServerGroup, SignedInUser

CUSTOMERS = 100
REPEATING_CUSTOMERS = 40
CAUSE = MovementCause(StockMovementReason.ADJUSTMENT, "", None)
PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id status }
    errors { __typename ... on InsufficientStock { available path } }
  }
}
"""


class LastUnit:
    """Customers who order the last unit of a product, each with an idempotency key."""

    def __init__(self, servers: ServerGroup, city: City, http: aiohttp.ClientSession) -> None:
        self.servers, self.city, self.http = servers, city, http
        self.product = city.products[-1]

    async def leave_one_unit(self, database: Database) -> None:
        """One unit in the nearest store, and none in the others."""
        async with database.write(PLATFORM, ORIGIN) as session:
            for store in self.city.first.stores:
                row = await session.get_one(StockLevel, (store.id, self.product.id))
                on_hand = int(store is self.city.near)
                stock_writer.record_movement(session, row, CAUSE, on_hand - row.on_hand)

    async def buy(self, who: SignedInUser, key: str) -> Any:
        """The payload of the order."""
        line = {"productId": encode_id(type(self.product), self.product.id), "quantity": 1}
        variables = {
            "input": {
                "destination": {"location": self.city.point},
                "addressLine": "Rua 1",
                "lines": [line],
            }
        }
        headers = {"authorization": f"Bearer {who.token}", "idempotency-key": key}
        body = {"query": PLACE, "variables": variables}
        async with self.http.post(self.servers.graph_url, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        assert "errors" not in answer
        return answer["data"]["orderPlace"]

    async def check_that_one_is_sold(self) -> None:
        """One order of the company, and its unit reserved."""
        count_orders = 'select count(*) from "order" where company_id = $1'
        company = self.city.company.id
        assert (await self.servers.fetch(count_orders, company))[0][0] == 1
        counters = "select on_hand, reserved from stock where store_id = $1 and product_id = $2"
        (row,) = await self.servers.fetch(counters, self.city.near.id, self.product.id)
        assert tuple(row) == (1, 1)
        active = "select quantity from hold where company_id = $1 and status = 'HELD'"
        assert [tuple(each) for each in await self.servers.fetch(active, company)] == [(1,)]


def order_ids(payloads: Sequence[Any]) -> list[str]:
    return [payload["order"]["id"] for payload in payloads if payload["order"]]


def refusals(payloads: Sequence[Any]) -> Counter[tuple[str, int | None]]:
    return Counter(
        (error["__typename"], error.get("available"))
        for payload in payloads
        for error in payload["errors"]
    )


async def test_of_a_hundred_simultaneous_orders_one_gets_the_last_unit(
    servers: ServerGroup, server_database: Database, own_city: City, http: aiohttp.ClientSession
) -> None:
    race = LastUnit(servers, own_city, http)
    await race.leave_one_unit(server_database)
    customers = await servers.sign_in_customers(server_database, CUSTOMERS)
    ready = asyncio.Barrier(CUSTOMERS)

    async def buy(number: int, who: SignedInUser) -> Any:
        await ready.wait()
        return await race.buy(who, f"last-{number}")

    payloads = await asyncio.gather(*(buy(n, who) for n, who in enumerate(customers)))
    assert len(order_ids(payloads)) == 1
    assert refusals(payloads) == {("InsufficientStock", 0): CUSTOMERS - 1}
    await race.check_that_one_is_sold()


async def test_of_many_customers_who_repeat_their_orders_one_gets_the_last_unit(
    servers: ServerGroup, server_database: Database, own_city: City, http: aiohttp.ClientSession
) -> None:
    """Each customer's app sends its order three times at once, and once more afterwards.

    All answers with an order are of the same one, whoever got it gets it again by their key, and
    nobody's repetition takes the unit of another one.
    """
    race = LastUnit(servers, own_city, http)
    await race.leave_one_unit(server_database)
    customers = await servers.sign_in_customers(server_database, REPEATING_CUSTOMERS)
    ready = asyncio.Barrier(3 * REPEATING_CUSTOMERS)

    async def buy(number: int, who: SignedInUser) -> Any:
        await ready.wait()
        return await race.buy(who, f"repeated-{number}")

    tries = [buy(n, who) for n, who in enumerate(customers) for _ in range(3)]
    at_once = await asyncio.gather(*tries)
    await race.check_that_one_is_sold()
    again = [await race.buy(who, f"repeated-{n}") for n, who in enumerate(customers)]
    (order_id,) = order_ids(again)
    assert set(order_ids(at_once)) == {order_id}
    assert refusals(again) == {("InsufficientStock", 0): REPEATING_CUSTOMERS - 1}
    await race.check_that_one_is_sold()
