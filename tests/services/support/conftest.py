import pytest

from models.orders import Order
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies
from tests.support.tickets import create_captured_order


@pytest.fixture
async def order(dependencies: OrderDependencies, city: City) -> Order:
    """An order whose payment is captured."""
    return await create_captured_order(dependencies, city)
