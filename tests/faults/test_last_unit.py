"""The last unit through the front door: a hundred signed-in customers at once, over HTTP."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp

from database.scope import PLATFORM
from database.sessions import Database
from models.ids import encode
from models.stock import Stock, StockReason
from services.stock import stock_rows
from tests.support.city import City
from tests.support.faults.process_group import ORIGIN, Resident, Town

CUSTOMERS = 100
PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id status }
    errors { __typename ... on InsufficientStock { available path } }
  }
}
"""


async def test_a_hundred_clients_at_once_get_the_last_unit_once(
    running: Town, books: Database, quarter: City, http: aiohttp.ClientSession
) -> None:
    product = quarter.products[-1]
    async with books.write(PLATFORM, ORIGIN) as session:
        for store in quarter.first.stores:
            row = await session.get_one(Stock, (store.id, product.id))
            left = int(store is quarter.near)
            stock_rows.change(session, row, left - row.on_hand, StockReason.ADJUSTMENT, "", None)
    crowd = await running.customers(books, CUSTOMERS)
    line = {"productId": encode(type(product), product.id), "quantity": 1}
    ready = asyncio.Barrier(CUSTOMERS)

    async def buy(number: int, who: Resident) -> Any:
        variables = {"input": {"at": quarter.point, "lines": [line]}}
        headers = {"authorization": f"Bearer {who.token}", "idempotency-key": f"last-{number}"}
        body = {"query": PLACE, "variables": variables}
        await ready.wait()
        async with http.post(running.graph, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    answers = await asyncio.gather(*(buy(n, who) for n, who in enumerate(crowd)))
    assert not [one["errors"] for one in answers if "errors" in one]
    payloads = [one["data"]["orderPlace"] for one in answers]
    orders = [one["order"] for one in payloads if one["order"]]
    refusals = Counter(
        (error["__typename"], error.get("available")) for one in payloads for error in one["errors"]
    )
    assert len(orders) == 1
    assert refusals == {("InsufficientStock", 0): CUSTOMERS - 1}
    placed = 'select count(*) from "order" where company_id = $1'
    assert (await running.rows(placed, quarter.company.id))[0][0] == 1
    held = "select on_hand, held from stock where store_id = $1 and product_id = $2"
    (row,) = await running.rows(held, quarter.near.id, product.id)
    assert tuple(row) == (1, 1)
