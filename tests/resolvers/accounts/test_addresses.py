from typing import Any
from uuid import uuid4

import pytest

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.accounts import Address
from models.identity import Actor
from models.ids import encode
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking

SAVE = """
mutation Save($input: AddressSaveInput!) {
  addressSave(input: $input) {
    address { id label line gateCode dropNote serviceable point { latitude longitude } }
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
    return {"input": {"label": "Home", "line": "Rua das Flores 1", "at": city.point, **more}}


async def test_an_address_is_kept_changed_and_taken_out(
    ask: Asking, city: City, buyer: Actor
) -> None:
    told = await ask(SAVE, home(city, gateCode="12#"), buyer)
    assert not told.errors
    made = told.data["addressSave"]
    assert (made["serviceable"], made["address"]["serviceable"]) == (True, True)
    assert made["address"]["gateCode"] == "12#"
    key = made["address"]["id"]
    ocean = {"latitude": 30, "longitude": -40}
    told = await ask(SAVE, home(city, addressId=key, at=ocean, label=" Boat "), buyer)
    moved = told.data["addressSave"]
    assert (moved["errors"], moved["serviceable"]) == ([], False)
    assert (moved["address"]["id"], moved["address"]["label"]) == (key, "Boat")
    for expected in ([], [{"__typename": "NotFound"}]):
        told = await ask(REMOVE, {"input": {"addressId": key}}, buyer)
        assert told.data["addressRemove"]["errors"] == expected


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"label": ""}, ["input", "label"]),
        ({"label": "x" * 61}, ["input", "label"]),
        ({"line": "a\0b"}, ["input", "line"]),
        ({"dropNote": "x" * 281}, ["input", "dropNote"]),
        ({"at": {"latitude": -91, "longitude": 0}}, ["input", "at", "latitude"]),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(
    ask: Asking, city: City, buyer: Actor, more: dict[str, Any], path: list[str]
) -> None:
    told = await ask(SAVE, home(city, **more), buyer)
    assert told.data["addressSave"]["errors"] == [{"__typename": "InvalidInput", "path": path}]


async def test_the_address_of_another_is_not_found(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    told = await ask(SAVE, home(city), buyer)
    key = told.data["addressSave"]["address"]["id"]
    [other] = await people(database)
    for other_id in (key, encode(Address, uuid4()), "nonsense"):
        told = await ask(SAVE, home(city, addressId=other_id), other)
        assert told.data["addressSave"]["errors"][0]["__typename"] == "NotFound"
        told = await ask(REMOVE, {"input": {"addressId": other_id}}, other)
        assert told.data["addressRemove"]["errors"] == [{"__typename": "NotFound"}]


async def test_an_address_book_holds_fifty(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        session.add_all(
            Address(person_id=buyer.person_id, label="a", line="b", latitude=0, longitude=0)
            for _ in range(50)
        )
    told = await ask(SAVE, home(city), buyer)
    assert told.data["addressSave"]["errors"][0]["__typename"] == "AddressLimit"
