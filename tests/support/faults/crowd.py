"""Everybody who takes part in a fault run: customers, the staff of two stores, riders, support."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
from sqlalchemy import update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Role
from models.ids import encode_id
from models.orders import Order
from models.stores import Store
from simulators.parts.agent import AgentClient
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient
from tests.support.city import City
from tests.support.faults.apps import AppFactory
from tests.support.faults.consistency_checks import unfinished_work
from tests.support.faults.process_group import ServerGroup
from tests.support.faults.provider_control import OutageSchedule, ProviderControl
from tests.support.faults.shoppers import CheckoutRecord, Shopper, ShoppingLog
from tests.support.faults.workers import Agent, Picker, Rider, repeat
from tests.support.waiting import until

AT_ONCE = 16
RIDERS = 3
SETTLE_SECONDS = 120.0
ORIGIN = AuditContext("test:crowd")
# What is refused or not answered is tried again now, so that the test need not wait for it. Rows
# that are due in less than two seconds may be in work. The stores get time to accept instead: a
# busy machine is no store that does not answer. Rows in use are left alone.
HURRY = """
with patient as (update fulfillment set next_step_due_at = now() + interval '45 s' where id in (
        select id from fulfillment where company_id = $1 and status = 'QUEUED'
            and next_step_due_at < now() + interval '40 s' for update skip locked)),
    late as (update payment set due_at = now() where id in (
        select id from payment where company_id = $1 and (tries > 0 or refusals between 1 and 4)
            and due_at between now() + interval '2 s' and now() + interval '25 s'
            for update skip locked))
update refund set due_at = now() where id in (
    select id from refund where company_id = $1 and tries > 0
        and due_at between now() + interval '2 s' and now() + interval '25 s'
        for update skip locked)
returning 1
"""
REOPENED = """
select id from "order" where company_id = $1 and status = 'CONFIRMED' and payment_due_at is not null
"""
# End the time to pay now: of abandoned orders, and of payments that nobody confirms again. Each has
# a transaction of its own and locks in the order of the keys: the jobs lock these rows too.
EXPIRE_UNPAID = (
    """
update "order" set payment_due_at = now() where id in (
    select id from "order" where company_id = $1 and payment_due_at is not null
    order by id for update)
""",
    """
update hold set created_at = created_at - interval '2 min'
where (order_id, store_id, product_id) in (
    select order_id, store_id, product_id from hold where company_id = $1 and status = 'HELD'
    order by order_id, store_id, product_id for update)
""",
    """
update payment set due_at = now() where id in (
    select id from payment
    where company_id = $1 and due_at is not null and status <> 'AUTHORIZED' order by id for update)
""",
)


@dataclass
class Crowd:
    """The people of one run, in a city of their own."""

    servers: ServerGroup
    city: City
    provider: ProviderControl
    log: ShoppingLog
    outages: OutageSchedule
    shoppers: list[Shopper] = field(default_factory=list)
    pickers: list[Picker] = field(default_factory=list)
    riders: list[Rider] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    buyers: dict[str, Shopper] = field(default_factory=dict)
    """Who placed the order of a checkout, by its key."""

    @property
    def company_id(self) -> UUID:
        return self.city.company.id

    @asynccontextmanager
    async def at_work(self, *others: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """During the block everybody but the customers' checkouts is at work, and `others`."""
        steps = [self._hurry, self._pay_again, *others]
        steps += [picker.work for picker in self.pickers]
        steps += [rider.work for rider in self.riders]
        steps += [agent.work for agent in self.agents]
        async with in_background(repeat(step) for step in steps):
            yield

    async def check_out_all(self, orders: int, is_over: Callable[[], bool] = lambda: False) -> None:
        """Place all orders, one at a time per customer, while the provider fails.

        Those that are left when `is_over` becomes true are not placed.
        """
        remaining = iter(self._checkouts(orders))

        async def check_out_some(shopper: Shopper) -> None:
            for checkout in remaining:
                if is_over():
                    return
                self.buyers[checkout.key] = shopper
                await shopper.check_out(checkout)

        outages = self.outages.run(lambda: self.log.finished_count, orders)
        async with in_background([outages]), asyncio.TaskGroup() as group:
            for shopper in self.shoppers:
                group.create_task(check_out_some(shopper))
        await self.provider.set_faults()

    async def lose_two_authorizations(self) -> None:
        """Two orders lose theirs before they are packed, and one of them is paid again.

        During the crashes it depends on the machine whether any order does so in time.
        """
        paid, unpaid = (
            CheckoutRecord(f"order-{name}", loses_hold=True, pays_again=name == "paid")
            for name in ("paid", "unpaid")
        )
        self.log.pickers_wait = True
        for checkout, shopper in zip((paid, unpaid), self.shoppers, strict=False):
            self.buyers[checkout.key] = shopper
            await shopper.check_out(checkout)

        async def both_reopened() -> bool:
            reopened = await self.servers.fetch(REOPENED, self.company_id)
            open_ids = {encode_id(Order, key) for (key,) in reopened}
            return paid.order_ids <= self.log.paid_again and unpaid.order_ids <= open_ids

        await until(both_reopened, SETTLE_SECONDS, "two reopened payments", poll_seconds=0.5)
        self.log.pickers_wait = False

    async def settle(self) -> None:
        """Bring everything to its end: the provider works again, and nobody pays any more."""
        self.log.calm = True
        await self.provider.finish_refunds()
        await self.until_finished("notice", "payment in progress", "to be picked", "stuck payment")
        await until(self._nobody_pays_again, SETTLE_SECONDS, "confirmed payments", poll_seconds=0.5)
        self.log.closing = True
        for statement in EXPIRE_UNPAID:
            await self.servers.fetch(statement, self.company_id)
        await self.until_finished()

    async def until_finished(self, *kinds: str) -> None:
        """Wait until no unfinished work of these kinds, or without kinds of any, is left."""

        async def finished() -> bool:
            work = await unfinished_work(self.servers, self.company_id)
            return not any(work[kind] for kind in kinds or work)

        try:
            await until(finished, SETTLE_SECONDS, "the end of all work", poll_seconds=0.5)
        except TimeoutError as error:
            error.add_note(str(await unfinished_work(self.servers, self.company_id)))
            raise

    async def _nobody_pays_again(self) -> bool:
        """Whether only payments are open whose customers do not confirm them."""
        return not [key async for key, _ in self._reopened()]

    async def _pay_again(self) -> None:
        async for order_id, shopper in self._reopened():
            await shopper.pay_again(order_id)

    async def _reopened(self) -> AsyncIterator[tuple[str, Shopper]]:
        checkouts = {
            order_id: checkout for checkout in self.log.checkouts for order_id in checkout.order_ids
        }
        for (key,) in await self.servers.fetch(REOPENED, self.company_id):
            order_id = encode_id(Order, key)
            checkout = checkouts.get(order_id)
            if checkout is not None and checkout.pays_again:
                yield order_id, self.buyers[checkout.key]

    async def _hurry(self) -> None:
        await self.servers.fetch(HURRY, self.company_id)
        await asyncio.sleep(1)

    def _checkouts(self, orders: int) -> Iterator[CheckoutRecord]:
        """Of four orders one loses its authorization; every second of these is paid again.

        Of the others half are collected: their customers ask for bags that are not paid.
        """
        for number in range(orders):
            yield CheckoutRecord(
                f"order-{number}",
                loses_hold=number % 4 == 1,
                pays_again=number % 8 != 1,
                collects=number % 5 == 0 or number % 16 == 1,
            )


async def create_crowd(
    servers: ServerGroup, database: Database, city: City, http: aiohttp.ClientSession, seed: int
) -> Crowd:
    """Create the customers, a picker for each of the two stores that serve them, and so on."""
    log, control = ShoppingLog(), ProviderControl(servers, http)
    crowd = Crowd(servers, city, control, log, OutageSchedule(control, random.Random(seed)))
    company, near = city.company.id, encode_id(Store, city.near.id)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(Store).where(Store.id == city.near.id).values(pickup_enabled=True)
        )

    apps = AppFactory(servers, database, http, company, log.tally)
    card = CardProvider(servers.provider_url, servers.publishable_key)
    products = [encode_id(type(product), product.id) for product in city.products[5:]]
    for number in range(AT_ONCE):
        customer = await apps.create(CustomerClient, Role.CUSTOMER)
        customer.at = city.point
        rng = random.Random(seed * 1000 + number)
        crowd.shoppers.append(Shopper(customer, card, control, products, near, log, rng))
    for store in (city.near, city.next):
        picker = await apps.create(PickerClient, Role.STORE_STAFF, store.id)
        picker.store_id = encode_id(Store, store.id)
        crowd.pickers.append(Picker(picker, log))
    for _ in range(RIDERS):
        rider = await apps.create(RiderClient, Role.RIDER)
        crowd.riders.append(Rider(rider, city.point, near, servers, log))
    agent = await apps.create(AgentClient, Role.SUPPORT_AGENT)
    crowd.agents.append(Agent(agent, company, servers, log, random.Random(seed)))
    return crowd


@asynccontextmanager
async def in_background(coroutines: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines during the block, then cancel them; the error of one ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        yield
        for task in tasks:
            task.cancel()
