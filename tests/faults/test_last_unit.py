"""A hundred signed-in customers order the last unit at the same time, over HTTP."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import encode_id
from models.stock import Stock, StockReason
from services.stock import stock_writer
from services.stock.stock_writer import MovementCause
from tests.support.city import City
from tests.support.faults.process_group import ORIGIN, ServerGroup, SignedInUser

CUSTOMERS = 100
CAUSE = MovementCause(StockReason.ADJUSTMENT, "", None)
PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id status }
    errors { __typename ... on InsufficientStock { available path } }
  }
}
"""


async def test_of_a_hundred_simultaneous_orders_one_gets_the_last_unit(
    servers: ServerGroup, server_database: Database, own_city: City, http: aiohttp.ClientSession
) -> None:
    product = own_city.products[-1]
    async with server_database.write(PLATFORM, ORIGIN) as session:
        for store in own_city.first.stores:
            row = await session.get_one(Stock, (store.id, product.id))
            on_hand = int(store is own_city.near)
            stock_writer.record_movement(session, row, CAUSE, on_hand - row.on_hand)
    customers = await servers.sign_in_customers(server_database, CUSTOMERS)
    line = {"productId": encode_id(type(product), product.id), "quantity": 1}
    ready = asyncio.Barrier(CUSTOMERS)

    async def buy(number: int, who: SignedInUser) -> Any:
        variables = {"input": {"at": own_city.point, "lines": [line]}}
        headers = {"authorization": f"Bearer {who.token}", "idempotency-key": f"last-{number}"}
        body = {"query": PLACE, "variables": variables}
        await ready.wait()
        async with http.post(servers.graph_url, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    answers = await asyncio.gather(*(buy(n, who) for n, who in enumerate(customers)))
    assert not [answer["errors"] for answer in answers if "errors" in answer]
    payloads = [answer["data"]["orderPlace"] for answer in answers]
    orders = [payload["order"] for payload in payloads if payload["order"]]
    refusals = Counter(
        (error["__typename"], error.get("available"))
        for payload in payloads
        for error in payload["errors"]
    )
    assert len(orders) == 1
    assert refusals == {("InsufficientStock", 0): CUSTOMERS - 1}
    count_orders = 'select count(*) from "order" where company_id = $1'
    assert (await servers.fetch(count_orders, own_city.company.id))[0][0] == 1
    counters = "select on_hand, held from stock where store_id = $1 and product_id = $2"
    (row,) = await servers.fetch(counters, own_city.near.id, product.id)
    assert tuple(row) == (1, 1)
