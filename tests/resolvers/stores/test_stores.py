from typing import Any
from uuid import uuid4

import pytest

from database.sessions import Database
from models.identity import Actor
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, id_of

STORE = """
query Store($id: ID!) {
  store(id: $id) {
    id code name status timezone openNow zone location { latitude }
    hours { weekday opens closes }
  }
}
"""
DESK = "query Desk($id: ID!) { store(id: $id) { desk { version preparationSeconds } } }"
CREATE = """
mutation Create($input: StoreCreateInput!) {
  storeCreate(input: $input) { store { id status code openNow zone }
    errors { __typename ... on Problem { path message } } }
}
"""
UPDATE = """
mutation Update($input: StoreUpdateInput!) {
  storeUpdate(input: $input) { store { name status desk { version } }
    errors { __typename ... on VersionConflict { current } } }
}
"""
ZONE = """
mutation Zone($input: StoreZoneSetInput!) {
  storeZoneSet(input: $input) { store { zone desk { version } }
    errors { __typename ... on Problem { message } ... on InvalidZone { fault } } }
}
"""
HOURS = """
mutation Hours($input: StoreHoursSetInput!) {
  storeHoursSet(input: $input) { store { openNow hours { weekday opens closes } }
    errors { __typename ... on Problem { path } } }
}
"""
SERVED = "query($at: GeoPointInput!) { storefront(at: $at) { serviceable store { id } } }"


def kinds(told: Told, name: str) -> list[str]:
    assert not told.errors
    return [error["__typename"] for error in told.data[name]["errors"]]


def ring(latitude: float, longitude: float, half: float = 0.02) -> list[list[float]]:
    south, north, west, east = latitude - half, latitude + half, longitude - half, longitude + half
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def facts(city: City, **more: Any) -> dict[str, Any]:
    place = {"latitude": city.latitude + 0.5, "longitude": city.longitude}
    named = {"code": "NEW", "name": "New store", "timezone": "Europe/Lisbon", "at": place}
    return {"companyId": id_of(city.company), **named, **more}


async def test_anybody_may_know_a_store(ask: Asking, city: City) -> None:
    told = await ask(STORE, {"id": id_of(city.near)})
    assert not told.errors
    store = told.data["store"]
    assert (store["code"], store["openNow"], len(store["hours"])) == ("S1", True, 7)
    assert store["hours"][0] == {"weekday": "MONDAY", "opens": "00:00:00", "closes": "00:00:00"}
    assert store["zone"]["type"] == "MultiPolygon"
    for unknown in (id_of(city.near, uuid4()), id_of(city.company), "x"):
        assert (await ask(STORE, {"id": unknown})).codes == ["NOT_FOUND"]


async def test_only_its_people_see_the_desk(
    ask: Asking, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    given = {"id": id_of(city.near)}
    assert (await ask(DESK, given, staff)).data["store"]["desk"]["version"] == 1
    assert (await ask(DESK, given, stranger)).data["store"]["desk"] is None
    assert (await ask(DESK, given, buyer)).codes == ["FORBIDDEN"]
    assert (await ask(DESK, given)).codes == ["UNAUTHENTICATED"]


async def test_a_new_store_serves_once_it_has_a_zone_hours_and_is_open(
    ask: Asking, city: City, owner: Actor
) -> None:
    told = await ask(CREATE, {"input": facts(city)}, owner)
    assert kinds(told, "storeCreate") == []
    store = told.data["storeCreate"]["store"]
    assert (store["status"], store["openNow"], store["zone"]) == ("CLOSED", False, None)
    at = {"latitude": city.latitude + 0.5, "longitude": city.longitude}
    area = {"type": "Polygon", "coordinates": [ring(at["latitude"], at["longitude"])]}
    same = {"storeId": store["id"]}
    assert not kinds(await ask(ZONE, {"input": {**same, "area": area}}, owner), "storeZoneSet")
    week = [{"weekday": "MONDAY", "opens": "00:00", "closes": "00:00"}]
    week = [{**week[0], "weekday": day} for day in (
        "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"
    )]  # fmt: skip
    set_hours = await ask(HOURS, {"input": {**same, "hours": week}}, owner)
    assert set_hours.data["storeHoursSet"]["store"]["openNow"]
    assert not (await ask(SERVED, {"at": at})).data["storefront"]["serviceable"]
    opened = {**same, "expectedVersion": 3, "status": "OPEN"}
    assert not kinds(await ask(UPDATE, {"input": opened}, owner), "storeUpdate")
    window = (await ask(SERVED, {"at": at})).data["storefront"]
    assert window == {"serviceable": True, "store": {"id": store["id"]}}


async def test_a_store_is_created_within_ones_own_company_with_a_code_of_its_own(
    ask: Asking, city: City, owner: Actor, stranger: Actor, manager: Actor
) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        (facts(city, code="S1"), ["CodeTaken"]),
        (facts(city, code="no spaces"), ["InvalidInput"]),
        (facts(city, code=""), ["InvalidInput"]),
        (facts(city, name=""), ["InvalidInput"]),
        (facts(city, name="a\0b"), ["InvalidInput"]),
        (facts(city, timezone="Moon/Crater"), ["InvalidInput"]),
        (facts(city, preparationSeconds=-1), ["InvalidInput"]),
        (facts(city, at={"latitude": 91, "longitude": 0}), ["InvalidInput"]),
        (facts(city, companyId=id_of(city.second.company)), ["NotFound"]),
        (facts(city, companyId="nonsense"), ["NotFound"]),
    ]
    for given, expected in cases:
        told = await ask(CREATE, {"input": given}, owner)
        assert kinds(told, "storeCreate") == expected, given
    assert kinds(await ask(CREATE, {"input": facts(city)}, stranger), "storeCreate") == ["NotFound"]
    assert (await ask(CREATE, {"input": facts(city)}, manager)).codes == ["FORBIDDEN"]


async def test_a_manager_changes_only_the_own_store_and_knows_its_version(
    ask: Asking, city: City, manager: Actor, stranger: Actor
) -> None:
    own = {"storeId": id_of(city.near), "expectedVersion": 1}
    told = await ask(UPDATE, {"input": {**own, "status": "PAUSED", "name": "Baixa"}}, manager)
    assert told.data["storeUpdate"] == {
        "store": {"name": "Baixa", "status": "PAUSED", "desk": {"version": 2}},
        "errors": [],
    }
    stale = await ask(UPDATE, {"input": own}, manager)
    assert stale.data["storeUpdate"]["errors"] == [{"__typename": "VersionConflict", "current": 2}]
    for store in (city.next, city.second.stores[0]):
        told = await ask(UPDATE, {"input": {**own, "storeId": id_of(store)}}, manager)
        assert kinds(told, "storeUpdate") == ["NotFound"]
    assert kinds(await ask(UPDATE, {"input": own}, stranger), "storeUpdate") == ["NotFound"]


BOW = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
BAD_ZONES: list[tuple[Any, str]] = [
    ({"type": "Point", "coordinates": [0, 0]}, "MALFORMED"),
    ({"type": "Polygon"}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": []}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": "x"}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0, "a"], [1, 1], [1, 0], [0, 0]]]}, "MALFORMED"),
    ({"type": "Polygon", "coordinates": [[[0, 99], [1, 1], [1, 0], [0, 99]]]}, "MALFORMED"),
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


@pytest.mark.parametrize(("area", "fault"), BAD_ZONES, ids=range(len(BAD_ZONES)))
async def test_a_bad_zone_is_refused_with_its_fault(
    ask: Asking, city: City, manager: Actor, area: Any, fault: str
) -> None:
    given = {"input": {"storeId": id_of(city.near), "area": area}}
    told = await ask(ZONE, given, manager)
    if told.errors:
        assert told.codes == ["BAD_USER_INPUT"]
        return
    payload = told.data["storeZoneSet"]
    assert payload["store"] is None
    assert [error["fault"] for error in payload["errors"]] == [fault], payload


async def test_what_is_no_geometry_is_a_clear_error(
    ask: Asking, city: City, manager: Actor
) -> None:
    nothings: list[Any] = [1, "x", [], {}, {"type": "Feature"}]
    for area in nothings:
        given = {"input": {"storeId": id_of(city.near), "area": area}}
        assert (await ask(ZONE, given, manager)).codes == ["BAD_USER_INPUT"], area


async def test_hours_may_not_begin_twice_at_the_same_time(
    ask: Asking, city: City, manager: Actor, database: Database
) -> None:
    one = {"weekday": "SUNDAY", "opens": "09:00", "closes": "12:00"}
    same = {"storeId": id_of(city.near)}
    told = await ask(HOURS, {"input": {**same, "hours": [one, one]}}, manager)
    assert kinds(told, "storeHoursSet") == ["InvalidInput"]
    told = await ask(HOURS, {"input": {**same, "hours": [one] * 29}}, manager)
    assert kinds(told, "storeHoursSet") == ["InvalidInput"]
    told = await ask(HOURS, {"input": {**same, "hours": []}}, manager)
    assert told.data["storeHoursSet"]["store"] == {"openNow": False, "hours": []}
    [customer] = await people(database)
    assert (await ask(HOURS, {"input": {**same, "hours": []}}, customer)).codes == ["FORBIDDEN"]
