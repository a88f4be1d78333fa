from collections.abc import AsyncIterator

import pytest

from database.sessions import Database
from models.identity import Actor
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import StripeSandbox, open_sandbox


@pytest.fixture
async def city(database: Database) -> City:
    """A city of this test alone."""
    return await cities.build_city(database)


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    """What placing and paying an order needs."""
    async with order_dependencies(database) as dependencies:
        yield dependencies


@pytest.fixture(scope="module")
async def stripe_sandbox() -> AsyncIterator[StripeSandbox]:
    async with open_sandbox() as one:
        yield one


@pytest.fixture
async def shop(database: Database, stripe_sandbox: StripeSandbox) -> AsyncIterator[Shop]:
    await stripe_sandbox.reset()
    async with open_shop(database, stripe_sandbox) as one:
        yield one


@pytest.fixture
async def buyer(database: Database) -> Actor:
    return (await create_people(database))[0]
