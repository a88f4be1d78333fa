from typing import Any
from uuid import uuid4

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Address
from models.identity import Actor
from models.ids import encode_id
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner

SAVE = """
mutation Save($input: AddressSaveInput!) {
  addressSave(input: $input) {
    address { id label addressLine gateCode deliveryInstructions serviceable location { latitude
    longitude } }
    serviceable
    errors { __typename ... on Problem { path } }
  }
}
"""
REMOVE = """
mutation Remove($input: AddressRemoveInput!) {
  addressRemove(input: $input) { address { id } errors { __typename } }
}
"""


def home(city: City, **more: Any) -> dict[str, Any]:
    return {
        "input": {
            "label": "Home",
            "addressLine": "Rua das Flores 1",
            "location": city.point,
            **more,
        }
    }


async def test_an_address_is_saved_changed_and_removed(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    answer = await ask(SAVE, home(city, gateCode="12#"), buyer)
    assert not answer.errors
    saved = answer.data["addressSave"]
    assert (saved["serviceable"], saved["address"]["serviceable"]) == (True, True)
    assert saved["address"]["gateCode"] == "12#"
    key = saved["address"]["id"]
    ocean = {"latitude": 30, "longitude": -40}
    answer = await ask(SAVE, home(city, addressId=key, location=ocean, label=" Boat "), buyer)
    moved = answer.data["addressSave"]
    assert (moved["errors"], moved["serviceable"]) == ([], False)
    assert (moved["address"]["id"], moved["address"]["label"]) == (key, "Boat")
    for expected in ([], [{"__typename": "NotFound"}]):
        answer = await ask(REMOVE, {"input": {"addressId": key}}, buyer)
        assert answer.data["addressRemove"]["errors"] == expected


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"label": ""}, ["input", "label"]),
        ({"label": "x" * 61}, ["input", "label"]),
        ({"addressLine": "a\x07b"}, ["input", "addressLine"]),
        ({"deliveryInstructions": "x" * 281}, ["input", "deliveryInstructions"]),
        ({"location": {"latitude": -91, "longitude": 0}}, ["input", "location", "latitude"]),
    ],
)
async def test_an_invalid_field_is_refused_with_its_path(
    ask: GraphRunner, city: City, buyer: Actor, more: dict[str, Any], path: list[str]
) -> None:
    answer = await ask(SAVE, home(city, **more), buyer)
    assert answer.data["addressSave"]["errors"] == [{"__typename": "InvalidInput", "path": path}]


async def test_another_persons_address_is_not_found(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    answer = await ask(SAVE, home(city), buyer)
    key = answer.data["addressSave"]["address"]["id"]
    [other] = await create_people(database)
    for other_id in (key, encode_id(Address, uuid4()), "nonsense"):
        answer = await ask(SAVE, home(city, addressId=other_id), other)
        assert answer.data["addressSave"]["errors"][0]["__typename"] == "NotFound"
        answer = await ask(REMOVE, {"input": {"addressId": other_id}}, other)
        assert answer.data["addressRemove"]["errors"] == [{"__typename": "NotFound"}]


async def test_a_person_has_at_most_fifty_addresses(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        session.add_all(
            Address(person_id=buyer.person_id, label="a", address_line="b", latitude=0, longitude=0)
            for _ in range(50)
        )
    answer = await ask(SAVE, home(city), buyer)
    assert answer.data["addressSave"]["errors"][0]["__typename"] == "AddressLimit"
