"""A delivery through the API: the operations that rider, customer and staff send."""

from typing import Any

import pytest

from models.delivery import Delivery
from models.identity import Grant, Role
from models.orders import Order
from resolvers.context import Container
from tests.support import riders as support_riders
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation, public_id, record_statements
from tests.support.paid_orders import OrderDependencies

TRACKING = """query ($id: ID!) {
  order(id: $id) { delivery { riderLocation { latitude longitude headingDegrees recordedAt } } }
  }"""


@pytest.fixture
def dependencies(container: Container) -> OrderDependencies:
    return OrderDependencies(container.database, container.reservation_queue)


async def rider_client(container: Container, city: City, number: int = 0) -> ActorClient:
    rider = city.riders[number]
    grant = Grant(Role.RIDER, rider.company_id)
    return await create_client(container, "Rider", grant, person_id=rider.person_id)


async def customer_client(container: Container, order: Order) -> ActorClient:
    return await create_client(
        container, "Customer", Grant(Role.CUSTOMER), person_id=order.customer_id
    )


async def mutate(person: ActorClient, name: str, key: str = "", /, **arguments: Any) -> Any:
    """The payload of one of the documented mutations."""
    variables = {"input": arguments}
    [payload] = (await person.run(operation(name), variables, idempotency_key=key or None)).values()
    return payload


async def offered_order(
    dependencies: OrderDependencies, rider: ActorClient, city: City
) -> tuple[Any, ...]:
    """An accepted order whose delivery is offered to the rider, as the rider's screen shows it."""
    assert (await mutate(rider, "rider_go_online", vehicle="E_BIKE"))["errors"] == []
    location = {"latitude": city.near.latitude, "longitude": city.near.longitude}
    assert (await mutate(rider, "rider_location_report", **location))["errors"] == []
    order, fulfillment, staff, delivery = await support_riders.accepted_order(dependencies, city)
    screen = (await rider.run(operation("rider_desk")))["viewer"]["rider"]
    [offer] = screen["offers"]
    assert offer["availableActions"] == ["ACCEPT", "DECLINE"]
    return order, fulfillment, staff, delivery, offer["id"]


async def read_delivery(person: ActorClient, delivery: Delivery) -> Any:
    response = await person.run(operation("delivery_detail"), {"id": public_id(delivery)})
    return response["delivery"]


async def tracked_position(person: ActorClient, order: Order) -> Any:
    """The position of the rider, read with the order itself."""
    with record_statements(person.container.database) as statements:
        response = await person.run(TRACKING, {"id": public_id(order)})
    assert len(statements) == 1
    return response["order"]["delivery"]["riderLocation"]


def other_code(right: str) -> str:
    """A code that could be right and is not."""
    return f"{(int(right) + 1) % 10_000:04}"


async def accept_offer(rider: ActorClient, offer: str) -> None:
    """Accept an offer, and check the rider's screen and its statements."""
    accepted = await mutate(rider, "delivery_offer_accept", deliveryOfferId=offer)
    assert accepted["delivery"]["status"] == "ASSIGNED"
    with record_statements(rider.container.database) as statements:
        screen = (await rider.run(operation("rider_desk")))["viewer"]["rider"]
    assert screen["currentDelivery"]["addressLine"] == "Rua das Flores 1"
    assert screen["offers"] == []
    assert len(statements) <= 12


async def test_a_delivery_through_the_api(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    rider = await rider_client(container, city)
    order, fulfillment, staff, delivery, offer = await offered_order(dependencies, rider, city)
    await accept_offer(rider, offer)
    await support_riders.pick_and_pack(dependencies, fulfillment, staff)
    delivery_id = {"deliveryId": public_id(delivery)}
    assert (await mutate(rider, "delivery_arrive_at_store", **delivery_id))["errors"] == []
    wrong_code = {"handoverCode": other_code(fulfillment.handover_code)}
    wrong = await mutate(rider, "delivery_pick_up", **wrong_code, **delivery_id)
    assert wrong["delivery"] is None
    assert wrong["errors"][0]["__typename"] == "InvalidHandoverCode"
    assert wrong["errors"][0]["attemptsRemaining"] == 4
    code = {"handoverCode": fulfillment.handover_code}
    assert (await mutate(rider, "delivery_pick_up", **code, **delivery_id))["errors"] == []
    await support_riders.age_positions(container.database, city)
    report = await mutate(rider, "rider_location_report", **city.point)
    assert report["errors"] == []
    assert report["dropoffEtaSeconds"] == 0
    customer = await customer_client(container, order)
    shown = await read_delivery(customer, delivery)
    assert shown["riderName"] == "Rider"
    assert shown["riderLocation"]["latitude"] == city.latitude
    assert shown["availableActions"] == []
    assert await tracked_position(customer, order) == shown["riderLocation"]
    assert (await mutate(rider, "delivery_arrive_at_customer", **delivery_id))["errors"] == []
    completed = await mutate(
        rider, "delivery_complete", deliveryPin=order.delivery_pin, **delivery_id
    )
    assert completed["delivery"] == {
        "id": public_id(delivery), "status": "DELIVERED", "availableActions": [],
    }  # fmt: skip
    shown_to_rider = await read_delivery(rider, delivery)
    assert (shown_to_rider["addressLine"], shown_to_rider["dropoffLocation"]) == (None, None)
    assert (await read_delivery(customer, delivery))["riderLocation"] is None
    assert await tracked_position(customer, order) is None
    assert (await mutate(rider, "rider_go_offline"))["rider"]["status"] == "OFFLINE"


async def test_wrong_pins_are_counted_with_or_without_an_idempotency_key(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    order, delivery, _ = await support_riders.delivery_at_customer(dependencies, city)
    rider = await rider_client(container, city)
    delivery_id = {"deliveryId": public_id(delivery)}
    wrong = {"deliveryPin": other_code(order.delivery_pin), **delivery_id}
    for attempts_left, key in ((4, "one"), (3, "one"), (2, "two"), (1, "")):
        [error] = (await mutate(rider, "delivery_complete", key, **wrong))["errors"]
        assert error["attemptsRemaining"] == attempts_left
    completed = await mutate(
        rider, "delivery_complete", "last", deliveryPin=order.delivery_pin, **delivery_id
    )
    assert completed["delivery"]["status"] == "DELIVERED"
    repeated = await mutate(
        rider, "delivery_complete", "last", deliveryPin=order.delivery_pin, **delivery_id
    )
    assert repeated == completed


async def test_staff_sees_the_offers_and_unassigns_the_rider(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    rider = await rider_client(container, city)
    _, _, _, delivery, offer = await offered_order(dependencies, rider, city)
    await mutate(rider, "delivery_offer_accept", deliveryOfferId=offer)
    manager = await create_client(
        container, "Manager", Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    )
    shown = (await manager.run(operation("delivery_dispatch"), {"id": public_id(delivery)}))[
        "delivery"
    ]
    [offer_shown] = shown["offers"]
    assert offer_shown["status"] == "ACCEPTED"
    assert offer_shown["rider"]["name"].startswith("Rider 1")
    company = {"companyId": public_id(city.company), "status": "ONLINE"}
    listed_riders = (await manager.run(operation("rider_list"), company))["riders"]["nodes"]
    assert [listed_rider["currentDelivery"]["id"] for listed_rider in listed_riders] == [
        public_id(delivery)
    ]
    unassigned = await mutate(manager, "delivery_unassign", deliveryId=public_id(delivery))
    assert unassigned["delivery"]["status"] == "SEARCHING"


async def test_other_companies_see_no_delivery_no_offer_and_no_riders(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    rider = await rider_client(container, city)
    *_, delivery, offer = await offered_order(dependencies, rider, city)
    stranger = await create_client(
        container, "Rider elsewhere", Grant(Role.RIDER, city.second.id),
        person_id=city.second.riders[0].person_id,
    )  # fmt: skip
    manager = await create_client(
        container, "Manager elsewhere", Grant(Role.STORE_MANAGER, city.second.id)
    )
    for name, arguments in (
        ("delivery_offer_accept", {"deliveryOfferId": offer}),
        ("delivery_offer_decline", {"deliveryOfferId": offer}),
        ("delivery_arrive_at_store", {"deliveryId": public_id(delivery)}),
        ("delivery_complete", {"deliveryId": public_id(delivery), "deliveryPin": "0000"}),
    ):
        [error] = (await mutate(stranger, name, **arguments))["errors"]
        assert error["message"].startswith("There is no such")
    shown = await manager.codes(operation("delivery_detail"), {"id": public_id(delivery)})
    riders = await manager.codes(operation("rider_list"), {"companyId": public_id(city.company)})
    assert (shown, riders) == ({"NOT_FOUND"}, {"NOT_FOUND"})


@pytest.mark.parametrize("invalid_id", ["", "ord_x", "dlv_AAAAAAAAAAAAAAAAAAAAAA", "\x07", "é"])
async def test_invalid_ids_are_not_found(container: Container, city: City, invalid_id: str) -> None:
    rider = await rider_client(container, city)
    [error] = (await mutate(rider, "delivery_arrive_at_store", deliveryId=invalid_id))["errors"]
    assert error["message"] == "There is no such delivery."


async def test_a_pin_with_unusual_characters_is_just_wrong(
    container: Container, dependencies: OrderDependencies, city: City
) -> None:
    _, delivery, _ = await support_riders.delivery_at_customer(dependencies, city)
    rider = await rider_client(container, city)
    [error] = (
        await mutate(
            rider, "delivery_complete", deliveryPin="\x07é", deliveryId=public_id(delivery)
        )
    )["errors"]
    assert error["__typename"] == "InvalidHandoverCode"
