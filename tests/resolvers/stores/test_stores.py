from datetime import time
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor
from models.stores import Store
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, public_id

STORE = """
query Store($id: ID!) {
  store(id: $id) {
    id code name status timezone isOpen deliveryZone location { latitude }
    openingHours { weekday opens closes }
  }
}
"""
DESK = "query Desk($id: ID!) { store(id: $id) { desk { version preparationSeconds } } }"
CREATE = """
mutation Create($input: StoreCreateInput!) {
  storeCreate(input: $input) { store { id status code isOpen deliveryZone }
    errors { __typename ... on Problem { path message } } }
}
"""
UPDATE = """
mutation Update($input: StoreUpdateInput!) {
  storeUpdate(input: $input) { store { name status desk { version } }
    errors { __typename ... on VersionConflict { currentVersion } } }
}
"""
ZONE = """
mutation Zone($input: StoreZoneSetInput!) {
  storeZoneSet(input: $input) { store { deliveryZone desk { version } }
    errors { __typename ... on Problem { message } ... on InvalidZone { reason } } }
}
"""
HOURS = """
mutation Hours($input: StoreHoursSetInput!) {
  storeHoursSet(input: $input) { store { isOpen openingHours { weekday opens closes } }
    errors { __typename ... on Problem { path } } }
}
"""
SERVICEABLE = (
    "query($location: GeoPointInput!) { storefront(location: $location) { serviceable"
    " store { id } } }"
)


def error_types(answer: GraphAnswer, name: str) -> list[str]:
    assert not answer.errors
    return [error["__typename"] for error in answer.data[name]["errors"]]


def ring(latitude: float, longitude: float, half: float = 0.02) -> list[list[float]]:
    south, north, west, east = latitude - half, latitude + half, longitude - half, longitude + half
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def store_input(city: City, **more: Any) -> dict[str, Any]:
    place = {"latitude": city.latitude + 0.5, "longitude": city.longitude}
    properties = {
        "code": "NEW",
        "name": "New store",
        "timezone": "Europe/Lisbon",
        "location": place,
    }
    return {"companyId": public_id(city.company), **properties, **more}


async def test_anonymous_callers_can_read_a_store(ask: GraphRunner, city: City) -> None:
    answer = await ask(STORE, {"id": public_id(city.near)})
    assert not answer.errors
    store = answer.data["store"]
    assert (store["code"], store["isOpen"], len(store["openingHours"])) == ("S1", True, 7)
    assert store["openingHours"][0] == {
        "weekday": "MONDAY",
        "opens": "00:00:00",
        "closes": "00:00:00",
    }
    assert store["deliveryZone"]["type"] == "MultiPolygon"
    for unknown in (public_id(city.near, uuid4()), public_id(city.company), "x"):
        assert (await ask(STORE, {"id": unknown})).codes == ["NOT_FOUND"]


async def test_only_staff_see_the_staff_details(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    variables = {"id": public_id(city.near)}
    assert (await ask(DESK, variables, staff)).data["store"]["desk"]["version"] == 1
    assert (await ask(DESK, variables, stranger)).data["store"]["desk"] is None
    assert (await ask(DESK, variables, buyer)).codes == ["FORBIDDEN"]
    assert (await ask(DESK, variables)).codes == ["UNAUTHENTICATED"]


async def test_a_new_store_delivers_once_it_has_a_zone_and_hours_and_is_open(
    ask: GraphRunner, city: City, owner: Actor
) -> None:
    answer = await ask(CREATE, {"input": store_input(city)}, owner)
    assert error_types(answer, "storeCreate") == []
    store = answer.data["storeCreate"]["store"]
    assert (store["status"], store["isOpen"], store["deliveryZone"]) == ("CLOSED", False, None)
    at = {"latitude": city.latitude + 0.5, "longitude": city.longitude}
    area = {"type": "Polygon", "coordinates": [ring(at["latitude"], at["longitude"])]}
    same = {"storeId": store["id"]}
    assert not error_types(
        await ask(ZONE, {"input": {**same, "deliveryZone": area}}, owner), "storeZoneSet"
    )
    week = [{"weekday": "MONDAY", "opens": "00:00", "closes": "00:00"}]
    week = [{**week[0], "weekday": day} for day in (
        "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"
    )]  # fmt: skip
    set_hours = await ask(HOURS, {"input": {**same, "openingHours": week}}, owner)
    assert set_hours.data["storeHoursSet"]["store"]["isOpen"]
    assert not (await ask(SERVICEABLE, {"location": at})).data["storefront"]["serviceable"]
    opened = {**same, "expectedVersion": 3, "status": "OPEN"}
    assert not error_types(await ask(UPDATE, {"input": opened}, owner), "storeUpdate")
    storefront = (await ask(SERVICEABLE, {"location": at})).data["storefront"]
    assert storefront == {"serviceable": True, "store": {"id": store["id"]}}


async def test_a_store_is_created_in_the_callers_company_with_a_unique_code(
    ask: GraphRunner, city: City, owner: Actor, stranger: Actor, manager: Actor
) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        (store_input(city, code="S1"), ["CodeTaken"]),
        (store_input(city, code="s1"), ["CodeTaken"]),
        (store_input(city, code="no spaces"), ["InvalidInput"]),
        (store_input(city, code=""), ["InvalidInput"]),
        (store_input(city, name=""), ["InvalidInput"]),
        (store_input(city, name="a\x07b"), ["InvalidInput"]),
        (store_input(city, timezone="Moon/Crater"), ["InvalidInput"]),
        (store_input(city, preparationSeconds=-1), ["InvalidInput"]),
        (store_input(city, businessDayStart="12:01"), ["InvalidInput"]),
        (store_input(city, businessDayStart="04:00:30"), ["InvalidInput"]),
        (store_input(city, location={"latitude": 91, "longitude": 0}), ["InvalidInput"]),
        (store_input(city, companyId=public_id(city.second.company)), ["NotFound"]),
        (store_input(city, companyId="nonsense"), ["NotFound"]),
    ]
    for variables, expected in cases:
        answer = await ask(CREATE, {"input": variables}, owner)
        assert error_types(answer, "storeCreate") == expected, variables
    assert error_types(
        await ask(CREATE, {"input": store_input(city)}, stranger), "storeCreate"
    ) == ["NotFound"]
    assert (await ask(CREATE, {"input": store_input(city)}, manager)).codes == ["FORBIDDEN"]


async def test_a_manager_changes_only_their_store_and_sends_its_version(
    ask: GraphRunner, city: City, manager: Actor, stranger: Actor
) -> None:
    own = {"storeId": public_id(city.near), "expectedVersion": 1}
    answer = await ask(UPDATE, {"input": {**own, "status": "PAUSED", "name": "Baixa"}}, manager)
    assert answer.data["storeUpdate"] == {
        "store": {"name": "Baixa", "status": "PAUSED", "desk": {"version": 2}},
        "errors": [],
    }
    stale = await ask(UPDATE, {"input": own}, manager)
    assert stale.data["storeUpdate"]["errors"] == [
        {"__typename": "VersionConflict", "currentVersion": 2}
    ]
    for store in (city.next, city.second.stores[0]):
        answer = await ask(UPDATE, {"input": {**own, "storeId": public_id(store)}}, manager)
        assert error_types(answer, "storeUpdate") == ["NotFound"]
    assert error_types(await ask(UPDATE, {"input": own}, stranger), "storeUpdate") == ["NotFound"]


FAR_EAST, FAR_WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


@pytest.mark.parametrize("zones", [(FAR_EAST, FAR_WEST), (FAR_WEST, FAR_EAST)])
async def test_a_business_day_that_is_too_long_or_left_out_is_refused(
    ask: GraphRunner, city: City, manager: Actor, database: Database, zones: tuple[str, str]
) -> None:
    """Across the date line, 25 hours: the next day would last 49 hours, or end before it begins.

    Nothing of the change is made; a smaller step is, whatever the time.
    """
    async with database.write(PLATFORM, AuditContext("test")) as session:
        of_store = update(Store).where(Store.id == city.near.id)
        await session.execute(of_store.values(timezone=zones[0], business_day_start=time(0)))
    document = """mutation ($input: StoreUpdateInput!) { storeUpdate(input: $input) {
      store { name timezone } errors { __typename ... on Problem { path message } } } }"""
    own = {"storeId": public_id(city.near), "expectedVersion": 1}
    too_far = {**own, "timezone": zones[1], "name": "Moved"}
    payload = (await ask(document, {"input": too_far}, manager)).data["storeUpdate"]
    [error] = payload["errors"]
    assert (error["__typename"], error["path"]) == ("InvalidInput", ["input", "timezone"])
    assert "48 hours" in error["message"]
    near = {**own, "timezone": "Pacific/Honolulu" if zones[0] == FAR_WEST else "Pacific/Auckland"}
    payload = (await ask(document, {"input": near}, manager)).data["storeUpdate"]
    assert payload["errors"] == []
    assert payload["store"] == {"name": city.near.name, "timezone": near["timezone"]}


BOW = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
INVALID_ZONES: list[tuple[Any, str]] = [
    ({"type": "Point", "coordinates": [0, 0]}, "MALFORMED"),
    ({"type": "Polygon"}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": []}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": "x"}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0, "a"], [1, 1], [1, 0], [0, 0]]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0, 199], [1, 1], [1, 0], [0, 199]]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0], [1], [1], [0]]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[True, 0], [1, 1], [1, 0], [True, 0]]]}, "MALFORMED"),
    ({"type": "MultiPolygon", "coordinates": [[]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0]]]}, "OPEN_RING"),
    ({"type": "Polygon", "coordinates": [[[0, 0]] * 5001]}, "TOO_MANY_POINTS"),
    ({"type": "Polygon", "coordinates": [BOW]}, "INVALID_SHAPE"),
    ({"type": "Polygon", "coordinates": [ring(0, 0)]}, "TOO_FAR"),
    ({"type": "Polygon", "coordinates": [ring(0, 0, 0.0001)]}, "TOO_SMALL"),
    ({"type": "Polygon", "coordinates": [ring(0, 0, 10)]}, "TOO_LARGE"),
]  # fmt: skip


@pytest.mark.parametrize(("area", "fault"), INVALID_ZONES, ids=range(len(INVALID_ZONES)))
async def test_an_invalid_zone_is_refused_with_its_reason(
    ask: GraphRunner, city: City, manager: Actor, area: Any, fault: str
) -> None:
    variables = {"input": {"storeId": public_id(city.near), "deliveryZone": area}}
    answer = await ask(ZONE, variables, manager)
    if answer.errors:
        assert answer.codes == ["BAD_USER_INPUT"]
        return
    payload = answer.data["storeZoneSet"]
    assert payload["store"] is None
    assert [error["reason"] for error in payload["errors"]] == [fault], payload


async def test_a_value_that_is_no_geometry_is_refused(
    ask: GraphRunner, city: City, manager: Actor
) -> None:
    values: list[Any] = [1, "x", [], {}, {"type": 1}]
    for area in values:
        variables = {"input": {"storeId": public_id(city.near), "deliveryZone": area}}
        assert (await ask(ZONE, variables, manager)).codes == ["BAD_USER_INPUT"], area


async def test_two_intervals_must_not_begin_at_the_same_time(
    ask: GraphRunner, city: City, manager: Actor, database: Database
) -> None:
    interval = {"weekday": "SUNDAY", "opens": "09:00", "closes": "12:00"}
    same = {"storeId": public_id(city.near)}
    answer = await ask(HOURS, {"input": {**same, "openingHours": [interval, interval]}}, manager)
    assert error_types(answer, "storeHoursSet") == ["OpeningHoursOverlap"]
    answer = await ask(HOURS, {"input": {**same, "openingHours": [interval] * 29}}, manager)
    assert error_types(answer, "storeHoursSet") == ["InvalidInput"]
    answer = await ask(HOURS, {"input": {**same, "openingHours": []}}, manager)
    assert answer.data["storeHoursSet"]["store"] == {"isOpen": False, "openingHours": []}
    [customer] = await create_people(database)
    assert (await ask(HOURS, {"input": {**same, "openingHours": []}}, customer)).codes == [
        "FORBIDDEN"
    ]
