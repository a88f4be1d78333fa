"""A rider who signs out with a delivery on hand leaves it to others, not to nobody."""

import pytest

from models.delivery import DeliveryOverrideReason, DeliveryStatus
from models.identity import Grant, Role
from models.support import TicketCategory
from resolvers.context import Container
from tests.support import riders
from tests.support.actors import ActorClient, create_client
from tests.support.carried_bags import CarriedBags, carried_bags, open_cases
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.paid_orders import OrderDependencies


@pytest.fixture
def dependencies(container: Container) -> OrderDependencies:
    return OrderDependencies(container.database, container.reservation_queue)


@pytest.fixture
async def bags(dependencies: OrderDependencies, city: City) -> CarriedBags:
    return await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)


async def device(container: Container, city: City) -> ActorClient:
    rider = city.riders[0]
    grant = Grant(Role.RIDER, rider.company_id)
    return await create_client(container, "Rider", grant, person_id=rider.person_id)


async def assert_released(dependencies: OrderDependencies, bags: CarriedBags) -> None:
    left = await riders.delivery_of(dependencies.database, bags.order)
    assert (left.status, left.rider_id) == (DeliveryStatus.EN_ROUTE_TO_CUSTOMER, None)
    assert left.needs_rider_since is not None
    assert left.override_reason is DeliveryOverrideReason.RIDER_SIGNED_OUT
    assert await open_cases(dependencies.database, bags.order) == [TicketCategory.RIDER_RELEASED]


async def test_signing_out_everywhere_hands_the_delivery_over(
    container: Container, dependencies: OrderDependencies, city: City, bags: CarriedBags
) -> None:
    phone = await device(container, city)
    ended = await phone.run(operation("session_revoke_all"), idempotency_key="out")
    assert ended["sessionRevokeAll"]["revokedCount"] >= 1
    await assert_released(dependencies, bags)
    again = await phone.run(operation("session_revoke_all"), idempotency_key="out")
    assert again == ended


async def test_signing_out_on_the_last_device_hands_the_delivery_over(
    container: Container, dependencies: OrderDependencies, city: City, bags: CarriedBags
) -> None:
    phone, tablet = await device(container, city), await device(container, city)
    await phone.run(operation("session_revoke"), {"input": {}})
    still = await riders.delivery_of(dependencies.database, bags.order)
    assert still.rider_id == city.riders[0].id  # the tablet is signed in
    await tablet.run(operation("session_revoke"), {"input": {}})
    await assert_released(dependencies, bags)
