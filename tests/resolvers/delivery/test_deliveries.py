"""The ride through the graph: the operations that rider, customer and staff send."""

from typing import Any

import pytest

from models.identity import Grant, Role
from models.orders import Order
from resolvers.context import House
from tests.support import riders as support_riders
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import id_of, operation, statements
from tests.support.paid_orders import Doors

TRACKING = """query ($id: ID!) {
  order(id: $id) { delivery { riderPosition { latitude longitude headingDegrees seenAt } } } }"""


@pytest.fixture
def doors(house: House) -> Doors:
    return Doors(house.database, house.combiner)


async def riding_as(house: House, city: City, number: int = 0) -> Standing:
    row = city.riders[number]
    grant = Grant(Role.RIDER, row.company_id)
    return await stand(house, "Rider", grant, person_id=row.person_id)


async def buyer_of(house: House, order: Order) -> Standing:
    return await stand(house, "Customer", Grant(Role.CUSTOMER), person_id=order.customer_id)


async def said(person: Standing, name: str, key: str = "", /, **given: Any) -> Any:
    """The payload of one of the documented writes."""
    [payload] = (await person.run(operation(name), {"input": given}, idempotency_key=key or None)
                 ).values()  # fmt: skip
    return payload


async def offered(doors: Doors, rider: Standing, city: City) -> tuple[Any, ...]:
    """An accepted order whose ride is offered to the rider, found on the rider's desk."""
    assert (await said(rider, "rider_go_online", vehicle="E_BIKE"))["errors"] == []
    at = {"latitude": city.near.latitude, "longitude": city.near.longitude}
    assert (await said(rider, "rider_location_report", **at))["errors"] == []
    order, task, staff, delivery = await support_riders.searching(doors, city)
    desk = (await rider.run(operation("rider_desk")))["viewer"]["rider"]
    [offer] = desk["offers"]
    assert offer["availableActions"] == ["ACCEPT", "DECLINE"]
    return order, task, staff, delivery, offer["id"]


async def watched(person: Standing, order: Order) -> Any:
    """Where the rider of an order is, read with the order itself."""
    with statements(person.house.database) as sent:
        page = await person.run(TRACKING, {"id": id_of(order)})
    assert len(sent) == 1
    return page["order"]["delivery"]["riderPosition"]


async def test_a_ride_through_the_graph(house: House, doors: Doors, city: City) -> None:
    rider = await riding_as(house, city)
    order, task, staff, delivery, offer = await offered(doors, rider, city)
    taken = await said(rider, "delivery_offer_accept", offerId=offer)
    assert taken["delivery"]["status"] == "ASSIGNED"
    with statements(house.database) as sent:
        desk = (await rider.run(operation("rider_desk")))["viewer"]["rider"]
    assert desk["currentDelivery"]["addressLine"] == "Rua das Flores 1"
    assert desk["offers"] == []
    assert len(sent) <= 12
    await support_riders.packed(doors, task, staff)
    here = {"deliveryId": id_of(delivery)}
    assert (await said(rider, "delivery_arrive_at_store", **here))["errors"] == []
    wrong = await said(rider, "delivery_pick_up", handoverCode="none", **here)
    assert wrong["delivery"] is None
    assert wrong["errors"][0]["__typename"] == "WrongDeliveryCode"
    assert wrong["errors"][0]["triesLeft"] == 4
    code = {"handoverCode": task.handover_code}
    assert (await said(rider, "delivery_pick_up", **code, **here))["errors"] == []
    await support_riders.a_while_later(house.database, city)
    seen = await said(rider, "rider_location_report", **city.point)
    assert seen["errors"] == []
    assert seen["etaSeconds"] == 0
    customer = await buyer_of(house, order)
    found = (await customer.run(operation("delivery_detail"), {"id": id_of(delivery)}))["delivery"]
    assert found["riderName"] == "Rider"
    assert found["riderPosition"]["latitude"] == city.latitude
    assert found["availableActions"] == []
    assert await watched(customer, order) == found["riderPosition"]
    assert (await said(rider, "delivery_arrive_at_customer", **here))["errors"] == []
    done = await said(rider, "delivery_complete", pin=order.delivery_pin, **here)
    assert done["delivery"] == {
        "id": id_of(delivery), "status": "DELIVERED", "availableActions": [],
    }  # fmt: skip
    after = (await rider.run(operation("delivery_detail"), {"id": id_of(delivery)}))["delivery"]
    assert (after["addressLine"], after["dropPoint"]) == (None, None)
    over = (await customer.run(operation("delivery_detail"), {"id": id_of(delivery)}))["delivery"]
    assert over["riderPosition"] is None
    assert await watched(customer, order) is None
    assert (await said(rider, "rider_go_offline"))["rider"]["status"] == "OFFLINE"


async def test_wrong_pins_are_counted_with_or_without_an_idempotency_key(
    house: House, doors: Doors, city: City
) -> None:
    order, delivery, _ = await support_riders.at_the_door(doors, city)
    rider = await riding_as(house, city)
    here = {"deliveryId": id_of(delivery)}
    for left, key in ((4, "one"), (3, "one"), (2, "two"), (1, "")):
        [error] = (await said(rider, "delivery_complete", key, pin="none", **here))["errors"]
        assert error["triesLeft"] == left
    done = await said(rider, "delivery_complete", "last", pin=order.delivery_pin, **here)
    assert done["delivery"]["status"] == "DELIVERED"
    again = await said(rider, "delivery_complete", "last", pin=order.delivery_pin, **here)
    assert again == done


async def test_staff_sees_who_was_asked_and_gives_the_ride_to_another(
    house: House, doors: Doors, city: City
) -> None:
    rider = await riding_as(house, city)
    _, _, _, delivery, offer = await offered(doors, rider, city)
    await said(rider, "delivery_offer_accept", offerId=offer)
    manager = await stand(
        house, "Manager", Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    )
    shown = (await manager.run(operation("delivery_dispatch"), {"id": id_of(delivery)}))["delivery"]
    [asked] = shown["offers"]
    assert asked["status"] == "ACCEPTED"
    assert asked["rider"]["person"]["name"].startswith("Rider 1")
    company = {"companyId": id_of(city.company), "status": "ONLINE"}
    listed = (await manager.run(operation("rider_list"), company))["riders"]["nodes"]
    assert [one["currentDelivery"]["id"] for one in listed] == [id_of(delivery)]
    free = await said(manager, "delivery_unassign", deliveryId=id_of(delivery))
    assert free["delivery"]["status"] == "SEARCHING"


async def test_strangers_find_no_ride_no_offer_and_no_riders(
    house: House, doors: Doors, city: City
) -> None:
    rider = await riding_as(house, city)
    *_, delivery, offer = await offered(doors, rider, city)
    stranger = await stand(
        house, "Rider elsewhere", Grant(Role.RIDER, city.second.id),
        person_id=city.second.riders[0].person_id,
    )  # fmt: skip
    manager = await stand(house, "Manager elsewhere", Grant(Role.STORE_MANAGER, city.second.id))
    for name, given in (
        ("delivery_offer_accept", {"offerId": offer}),
        ("delivery_offer_decline", {"offerId": offer}),
        ("delivery_arrive_at_store", {"deliveryId": id_of(delivery)}),
        ("delivery_complete", {"deliveryId": id_of(delivery), "pin": "0000"}),
    ):
        [error] = (await said(stranger, name, **given))["errors"]
        assert error["message"].startswith("There is no such")
    found = await manager.codes(operation("delivery_detail"), {"id": id_of(delivery)})
    riders = await manager.codes(operation("rider_list"), {"companyId": id_of(city.company)})
    assert (found, riders) == ({"NOT_FOUND"}, {"NOT_FOUND"})


@pytest.mark.parametrize("given", ["", "ord_x", "dlv_AAAAAAAAAAAAAAAAAAAAAA", "\ud800", "é\0"])
async def test_ids_that_are_none_are_not_found(house: House, city: City, given: str) -> None:
    rider = await riding_as(house, city)
    [error] = (await said(rider, "delivery_arrive_at_store", deliveryId=given))["errors"]
    assert error["message"] == "There is no such delivery."


async def test_a_code_of_odd_characters_is_just_wrong(
    house: House, doors: Doors, city: City
) -> None:
    _, delivery, _ = await support_riders.at_the_door(doors, city)
    rider = await riding_as(house, city)
    [error] = (await said(rider, "delivery_complete", pin="\ud800é\0", deliveryId=id_of(delivery)))[
        "errors"
    ]
    assert error["__typename"] == "WrongDeliveryCode"
