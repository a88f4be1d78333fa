"""A rider falls silent with the bags while processes are killed: support learns of it once.

Part of `make crash` and of `make chaos`.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from database.sessions import Database
from models.fulfillment import Fulfillment
from models.identity import Role
from models.ids import decode_id, encode_id
from models.orders import Order
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient
from tests.support.city import City
from tests.support.faults.apps import App, AppFactory
from tests.support.faults.process_group import SERVER, ServerGroup
from tests.support.faults.shoppers import ShoppingLog
from tests.support.waiting import until

SEED = 1
WAIT_SECONDS = 90.0
# Nine minutes of silence, so that the test does not have to wait for them.
FALL_SILENT = """
with ride as (update delivery set assigned_at = assigned_at - interval '9 min' where order_id = $1)
update rider_position set recorded_at = recorded_at - interval '9 min'
where rider_id = (select rider_id from delivery where order_id = $1) returning 1
"""
CASES = """
select count(*) from ticket
where order_id = $1 and category = 'RIDER_SILENT' and internal and status <> 'RESOLVED'
"""
SILENT_EVENTS = """
select count(*) from event
where stream = 'order:' || $1::uuid::text and type = 'DELIVERY_RIDER_SILENT'
"""
TASK = "select status, id, handover_code from fulfillment where order_id = $1"
COMPLETE = """
mutation Complete($input: DeliveryCompleteInput!) {
  deliveryComplete(input: $input) {
    delivery { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
# Not the database: it forgets the positions, and silence is counted from its start then.
KILLED = ("worker", SERVER, "valkey", "worker")


class Road:
    """One order, and the apps of the people who work on it."""

    def __init__(
        self, servers: ServerGroup, database: Database, city: City, http: aiohttp.ClientSession
    ) -> None:
        self.log = ShoppingLog()
        self._servers, self._city = servers, city
        self._apps = AppFactory(servers, database, http, city.company.id, self.log.tally)

    async def app(self, kind: type[App], role: Role) -> App:
        """The app of a new person with this role."""
        store_id = self._city.near.id if role is Role.STORE_STAFF else None
        return await self._apps.create(kind, role, store_id)

    async def place(self, customer: CustomerClient) -> str:
        """Place and pay an order; returns its id."""
        customer.at = self._city.point
        products = [encode_id(type(one), one.id) for one in self._city.products[5:8]]
        await self.log.retry(lambda: customer.fill(dict.fromkeys(products, 1)))
        placed: Any = await self.log.retry(lambda: customer.place("silent-rider"))
        provider = CardProvider(self._servers.provider_url, self._servers.publishable_key)
        await customer.pay(placed["payment"], provider, "pm_card_visa")
        return str(placed["order"]["id"])

    async def task(self, order_id: str, status: str) -> Any:
        """The store's task for an order, once it has this status."""
        key = decode_id(Order, order_id)

        async def is_there() -> bool:
            rows = await self._servers.fetch(TASK, key)
            return bool(rows) and rows[0]["status"] == status

        await until(is_there, WAIT_SECONDS, f"the task is {status}")
        (row,) = await self._servers.fetch(TASK, key)
        return row

    async def pack(self, picker: PickerClient, order_id: str) -> None:
        """Accept, pick, pack and stage an order."""
        row = await self.task(order_id, "QUEUED")
        task_id = encode_id(Fulfillment, row["id"])
        accepted = await picker.accept(task_id)
        for line in accepted["lines"]:
            await picker.pick(task_id, line, line["quantity"])
        await picker.pack(task_id)
        await picker.stage(task_id)

    async def pick_up(self, rider: RiderClient, order_id: str) -> str:
        """Accept the offer and take the bags; returns the id of the delivery."""
        delivery: Any = None
        async for message in rider.offers():
            if message["deliveryOffer"] and message["deliveryOffer"]["status"] == "OFFERED":
                delivery = await rider.accept(message["deliveryOffer"]["id"])
                break
        await rider.arrive_at_store(delivery["id"])
        code = (await self.task(order_id, "STAGED"))["handover_code"]
        await rider.pick_up(delivery["id"], code)
        return str(delivery["id"])


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_silent_rider_is_found_once_although_processes_are_killed(
    servers: ServerGroup, own_city: City, http: aiohttp.ClientSession
) -> None:
    """The worker is killed while it looks for silent riders: one case, not none and not two."""
    database = servers.open_database()
    road, rng = Road(servers, database, own_city, http), random.Random(SEED)
    customer = await road.app(CustomerClient, Role.CUSTOMER)
    picker = await road.app(PickerClient, Role.STORE_STAFF)
    rider = await road.app(RiderClient, Role.RIDER)
    agent = await road.app(AgentClient, Role.SUPPORT_AGENT)
    await database.close()
    order_id = await road.place(customer)
    await road.pack(picker, order_id)
    await rider.go_online()
    await rider.report(own_city.near.latitude, own_city.near.longitude)
    delivery_id = await road.pick_up(rider, order_id)
    key = decode_id(Order, order_id)
    await servers.fetch(FALL_SILENT, key)
    for name in rng.sample(KILLED, len(KILLED)):
        servers.kill_and_restart(name)
    await until(counts(servers, CASES, key, 1), WAIT_SECONDS, "a case about the silent rider")
    assert await count(servers, SILENT_EVENTS, key) == 1
    override = {"reason": "RIDER_UNREACHABLE", "note": "The customer has the bags."}
    given = {"deliveryId": delivery_id, "override": override}
    done: Any = await road.log.retry(lambda: agent.do(COMPLETE, "deliveryComplete", given))
    assert done["delivery"]["status"] == "DELIVERED"
    assert await count(servers, CASES, key) == 0


async def count(servers: ServerGroup, query: str, key: Any) -> int:
    ((number,),) = await servers.fetch(query, key)
    return int(number)


def counts(
    servers: ServerGroup, query: str, key: Any, wanted: int
) -> Callable[[], Awaitable[bool]]:
    async def are_there() -> bool:
        return await count(servers, query, key) == wanted

    return are_there
