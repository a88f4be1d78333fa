"""Who sees which rider and what of them: by root fields, nodes, nested paths and streams."""

from dataclasses import replace
from typing import Any

import pytest

from models.delivery import TRACKED_STATUSES, DeliveryStatus
from models.identity import Grant, Role
from resolvers.context import Container
from resolvers.delivery.riders import publish_position
from tests.support import riders as support_riders
from tests.support.actors import ActorClient, create_client
from tests.support.carried_bags import CARRYING, CarriedBags, carried_bags, set_status
from tests.support.city import City
from tests.support.graph_queries import public_id
from tests.support.paid_orders import OrderDependencies
from tests.support.streams.subscriber import subscribe

PERSON = "user { name email phone }"
RIDER = f"id name {PERSON} location {{ latitude }} currentDelivery {{ id addressLine }}"
ROOT = f"query ($id: ID!) {{ riders(companyId: $id, first: 50) {{ nodes {{ {RIDER} }} }} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Rider {{ {RIDER} }} }} }}"
NESTED = f"query ($id: ID!) {{ delivery(id: $id) {{ rider {{ {RIDER} }} }} }}"
POSITION = "query ($id: ID!) { delivery(id: $id) { riderLocation { latitude } } }"
BY_ORDER = "query ($id: ID!) { order(id: $id) { delivery { riderLocation { latitude } } } }"


@pytest.fixture
def dependencies(container: Container) -> OrderDependencies:
    return OrderDependencies(container.database, container.reservation_queue)


@pytest.fixture
async def bags(dependencies: OrderDependencies, city: City) -> CarriedBags:
    """The first rider has a delivery of the nearest store, the second one is free."""
    carried = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await support_riders.bring_online(dependencies.database, city, 1)
    return carried


async def staff_of(container: Container, city: City, store: Any, role: Role) -> ActorClient:
    return await create_client(container, role.title(), Grant(role, city.company.id, store.id))


async def test_staff_sees_the_riders_of_the_own_deliveries_without_contact_data(
    container: Container, city: City, bags: CarriedBags
) -> None:
    """Any picker listed all riders of the company with e-mail and position."""
    picker = await staff_of(container, city, city.near, Role.STORE_STAFF)
    listed = await picker.run(ROOT, {"id": public_id(city.company)})
    [rider] = listed["riders"]["nodes"]
    assert rider["id"] == public_id(city.riders[0])
    assert rider["name"].startswith("Rider 1")
    assert rider["user"] is None
    assert rider["location"]
    assert rider["currentDelivery"]["id"] == public_id(bags.delivery)
    node = await picker.run(NODE, {"id": public_id(city.riders[0])})
    nested = await picker.run(NESTED, {"id": public_id(bags.delivery)})
    assert node["node"] == nested["delivery"]["rider"] == rider
    assert await picker.codes(NODE, {"id": public_id(city.riders[1])}) == {"NOT_FOUND"}


async def test_staff_of_another_store_sees_nothing_of_the_rider(
    container: Container, city: City, bags: CarriedBags
) -> None:
    picker = await staff_of(container, city, city.next, Role.STORE_STAFF)
    listed = await picker.run(ROOT, {"id": public_id(city.company)})
    assert listed["riders"]["nodes"] == []
    assert await picker.codes(NODE, {"id": public_id(city.riders[0])}) == {"NOT_FOUND"}
    assert await picker.codes(NESTED, {"id": public_id(bags.delivery)}) == {"NOT_FOUND"}


async def test_admins_and_support_see_all_riders_with_contact_data(
    container: Container, city: City, bags: CarriedBags
) -> None:
    for role in (Role.COMPANY_ADMIN, Role.SUPPORT_AGENT):
        who = await create_client(container, role.title(), Grant(role, city.company.id))
        listed = await who.run(ROOT, {"id": public_id(city.company)})
        shown = {rider["id"]: rider for rider in listed["riders"]["nodes"]}
        assert set(shown) == {public_id(rider) for rider in city.riders}
        assert all(rider["user"] for rider in shown.values())
        free, offline = (shown[public_id(city.riders[number])] for number in (1, 2))
        assert free["location"]
        assert offline["location"] is None


async def test_nobody_sees_where_a_rider_went_offline(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    """The last place of riders who are offline was visible to all desks."""
    await support_riders.bring_online(dependencies.database, city, 2)
    await support_riders.end_shift(dependencies.database, city, 2)
    admin = await create_client(container, "Admin", Grant(Role.COMPANY_ADMIN, city.company.id))
    shown = await admin.run(NODE, {"id": public_id(city.riders[2])})
    assert shown["node"]["location"] is None


@pytest.mark.parametrize("status", CARRYING)
async def test_customers_see_the_rider_on_the_way_to_their_door_only(
    container: Container, dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """Customers saw the rider while the bags went back to the store."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await set_status(dependencies.database, bags.delivery, status)
    customer = await create_client(
        container, "Customer", Grant(Role.CUSTOMER), person_id=bags.order.customer_id
    )
    agent = await create_client(container, "Agent", Grant(Role.SUPPORT_AGENT, city.company.id))
    seen = status in TRACKED_STATUSES
    by_node = await customer.run(POSITION, {"id": public_id(bags.delivery)})
    by_order = await customer.run(BY_ORDER, {"id": public_id(bags.order)})
    assert bool(by_node["delivery"]["riderLocation"]) is seen
    assert bool(by_order["order"]["delivery"]["riderLocation"]) is seen
    async with subscribe(customer, "order_tracked", orderId=public_id(bags.order)) as line:
        snapshot = await line.next_message()
    assert bool(snapshot["riderLocation"]) is seen
    assert (await agent.run(POSITION, {"id": public_id(bags.delivery)}))["delivery"][
        "riderLocation"
    ]


async def test_positions_on_the_way_back_are_not_published(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    """The stream of the order carries no position of a rider who brings the bags back."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await set_status(dependencies.database, bags.delivery, DeliveryStatus.RETURNING)
    await support_riders.age_positions(dependencies.database, city)
    report = await support_riders.report_position(
        dependencies.database, bags.rider, city, city.latitude, city.longitude
    )
    assert report.status is DeliveryStatus.RETURNING
    published: list[str] = []

    class Publisher:
        async def publish_value(self, topic: str, value: dict[str, Any]) -> None:
            published.append(topic)

    await publish_position(replace(container, streams=Publisher()), report)
    assert published == []
