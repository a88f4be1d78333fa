import math
from datetime import UTC, datetime, time
from uuid import uuid4

import pytest
from sqlalchemy import delete, text, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Product
from models.geo_point import Point
from models.identity import Actor
from models.stock import StockLevel
from models.stores import Store, StoreHours, StoreStatus, UnserviceableReason
from services.stores import coverage
from tests.resolvers.carts.test_carts import SET, line
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, public_id, record_statements

STOREFRONT = """
query Storefront($location: GeoPointInput!, $first: Int!) {
  storefront(location: $location) {
    serviceable unserviceableReason message distanceToNearestZoneMeters
    store { id name status isOpen location { latitude longitude } }
    deliveryEstimate {
      p50Seconds p90Seconds dropoffDistanceMeters expiresAt fee { minorUnits currency }
    }
    minimumOrder { minorUnits } deliveryFee { formatted }
    categories { slug name productCount children { slug children { slug } }
      products(first: 3) { nodes { name } } }
    category(slug: "food") { name products(first: $first, sort: PRICE_ASC) { nodes { name } } }
    products(first: $first) {
      pageInfo { hasNextPage endCursor }
      nodes { id sku barcode name availability promotionLabel price { minorUnits }
        brand { name } category { slug productCount } }
    }
    search(query: "bran", first: $first) { nodes { name } }
    cart { version lines { quantity product { name } } totals { total { minorUnits } } }
    company { name } activeOrder { code stage }
  }
}
"""
LISTED = """
query Listed($location: GeoPointInput!, $after: String, $sort: ProductSort!) {
  storefront(location: $location) {
    products(first: 5, after: $after, sort: $sort) {
      nodes { name price { minorUnits } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
SEARCH = """
query Search($location: GeoPointInput!, $query: String!) {
  storefront(location: $location) {
    search(query: $query, first: 12) { nodes { name availability } }
  }
}
"""


async def test_one_request_reads_the_whole_storefront(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    await ask(SET, {"input": {"location": city.point, "lines": [line(city, 0, 2)]}}, buyer)
    answer = await ask(STOREFRONT, {"location": city.point, "first": 12}, buyer)
    assert not answer.errors
    data = answer.data["storefront"]
    assert data["serviceable"]
    assert data["store"]["id"] == public_id(city.near)
    assert data["store"]["isOpen"]
    estimate = data["deliveryEstimate"]
    assert 0 < estimate["p50Seconds"] < estimate["p90Seconds"] < 1800
    assert [category["slug"] for category in data["categories"]] == ["food", "home"]
    assert [category["productCount"] for category in data["categories"]] == [6, 6]
    assert [len(category["products"]["nodes"]) for category in data["categories"]] == [3, 3]
    cheapest = [node["name"] for node in data["category"]["products"]["nodes"]]
    assert cheapest == [city.products[index].name for index in range(0, 12, 2)]
    assert {node["name"] for node in data["products"]["nodes"]} == {p.name for p in city.products}
    assert data["products"]["nodes"][0]["availability"] == "IN_STOCK"
    assert data["products"]["nodes"][0]["brand"] == {"name": "Own Brand"}
    assert len(data["search"]["nodes"]) == 12
    assert data["cart"]["lines"] == [{"quantity": 2, "product": {"name": city.products[0].name}}]


async def test_the_storefront_takes_at_most_twelve_statements_for_1_or_100_products(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    await ask(SET, {"input": {"location": city.point, "lines": [line(city, 0, 2)]}}, buyer)
    counts = []
    for first in (1, 1, 100):  # The first request counts the tree, which is then cached.
        with record_statements(database) as sent:
            answer = await ask(STOREFRONT, {"location": city.point, "first": first}, buyer)
        assert not answer.errors
        counts.append(len(sent))
    assert counts[0] <= 12
    assert counts[1] == counts[2] <= counts[0]


@pytest.mark.parametrize("sort", ["CATALOG", "NAME", "PRICE_ASC", "PRICE_DESC"])
async def test_pages_follow_each_other_without_gap_or_repeat(
    ask: GraphRunner, city: City, sort: str
) -> None:
    nodes, cursor = [], None
    while True:
        answer = await ask(LISTED, {"location": city.point, "after": cursor, "sort": sort})
        assert not answer.errors
        page = answer.data["storefront"]["products"]
        nodes += page["nodes"]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(node["name"] for node in nodes) == sorted(p.name for p in city.products)
    prices = [node["price"]["minorUnits"] for node in nodes]
    if sort.startswith("PRICE"):
        assert prices == sorted(prices, reverse=sort == "PRICE_DESC")
    if sort == "NAME":
        assert [node["name"] for node in nodes] == sorted(p.name for p in city.products)


@pytest.mark.parametrize(
    "cursor",
    ["?", "e30", "WzFd", "WyIxIl0", "WzFlMzAwXQ", "WyJhIiwiYiJd", "bnVsbA", "WzFlMzAwLCJiIl0"],
)
@pytest.mark.parametrize("sort", ["CATALOG", "NAME", "PRICE_ASC"])
async def test_a_cursor_of_another_list_is_invalid_input(
    ask: GraphRunner, city: City, cursor: str, sort: str
) -> None:
    answer = await ask(LISTED, {"location": city.point, "after": cursor, "sort": sort})
    assert answer.codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("first", [0, -1, 101, 1_000_000])
async def test_a_page_has_from_1_to_100_rows(ask: GraphRunner, city: City, first: int) -> None:
    answer = await ask(STOREFRONT, {"location": city.point, "first": first})
    assert set(answer.codes) <= {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}
    assert answer.errors


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(91, 0), (-90.5, 0), (0, 181), (0, -1e9), (1e300, 0)]
)
async def test_a_point_out_of_range_is_invalid_input(
    ask: GraphRunner, latitude: float, longitude: float
) -> None:
    at = {"latitude": latitude, "longitude": longitude}
    answer = await ask(STOREFRONT, {"location": at, "first": 1})
    assert answer.codes == ["INVALID_INPUT"]
    assert answer.data == {"storefront": None}


async def test_a_latitude_that_is_not_a_number_is_invalid_input(ask: GraphRunner) -> None:
    answer = await ask(STOREFRONT, {"location": {"latitude": math.nan, "longitude": 0}, "first": 1})
    assert answer.errors
    assert answer.codes[0] in {"BAD_USER_INPUT", "INVALID_INPUT"}


async def test_a_point_in_the_ocean_is_unserviceable_with_the_distance_to_the_nearest_zone(
    ask: GraphRunner, city: City
) -> None:
    answer = await ask(STOREFRONT, {"location": {"latitude": 30, "longitude": -40}, "first": 1})
    assert not answer.errors
    data = answer.data["storefront"]
    assert (data["serviceable"], data["unserviceableReason"]) == (False, "OUTSIDE_ZONES")
    assert data["distanceToNearestZoneMeters"] > 1_000_000
    assert data["store"] is data["deliveryEstimate"] is data["products"] is data["cart"] is None
    assert data["categories"] == []


async def test_closed_and_paused_stores_are_reported_as_such(
    ask: GraphRunner, city: City, database: Database
) -> None:
    for status, reason in ((StoreStatus.CLOSED, "CLOSED"), (StoreStatus.PAUSED, "PAUSED")):
        async with database.write(PLATFORM, AuditContext("test")) as session:
            await session.execute(
                update(Store).where(Store.company_id == city.company.id).values(status=status)
            )
        answer = await ask(STOREFRONT, {"location": city.point, "first": 1})
        assert answer.data["storefront"]["unserviceableReason"] == reason
        assert answer.data["storefront"]["distanceToNearestZoneMeters"] == 0


async def test_opening_hours_are_in_the_time_zone_of_the_store(
    city: City, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        ids = [city.near.id, city.next.id]
        await session.execute(update(Store).where(Store.id.in_(ids)).values(timezone="Asia/Tokyo"))
        await session.execute(delete(StoreHours).where(StoreHours.store_id.in_(ids)))
        session.add_all(
            # Friday 20:00 to Saturday 02:00 in Tokyo, which is nine hours ahead of UTC.
            StoreHours(
                store_id=key, company_id=city.company.id, weekday=4, opens=time(20), closes=time(2)
            )
            for key in ids
        )
    point = Point(city.latitude, city.longitude)
    expected = {(20, 10, 59): False, (20, 11, 0): True, (20, 16, 59): True, (20, 17, 0): False}
    async with database.read_public() as session:
        for (day, hour, minute), is_open in expected.items():
            at = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
            store_coverage = await coverage.find_coverage(session, point, at=at)
            assert bool(store_coverage.serving_stores) is is_open, at
            assert store_coverage.reason is (None if is_open else UnserviceableReason.CLOSED)


async def test_sold_out_products_come_last_and_availability_hides_quantities(
    ask: GraphRunner, city: City, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        for index, units in ((0, 0), (1, 3)):
            row = await session.get(StockLevel, (city.near.id, city.products[index].id))
            assert row is not None
            row.on_hand = units
    answer = await ask(SEARCH, {"location": city.point, "query": "own brand"})
    products = answer.data["storefront"]["search"]["nodes"]
    assert products[-1] == {"name": city.products[0].name, "availability": "OUT_OF_STOCK"}
    assert {"name": city.products[1].name, "availability": "LOW_STOCK"} in products


async def test_search_finds_stems_prefixes_and_chinese(
    ask: GraphRunner, city: City, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        tea = await session.get(Product, city.products[7].id)
        assert tea is not None
        tea.search_text = "Own Brand\n烏龍茶 500ml\n乌龙茶"
    expected = {"apple": "Apples", "chee": "Cheese"}
    expected |= {"烏龍": "Tea", "龍茶 500": "Tea", "乌龙茶": "Tea"}
    for query, noun in expected.items():
        answer = await ask(SEARCH, {"location": city.point, "query": query})
        names = [node["name"] for node in answer.data["storefront"]["search"]["nodes"]]
        assert names == [f"{noun} First"], query
    for query in ("", " ", "!?", "x" * 201):
        answer = await ask(SEARCH, {"location": city.point, "query": query})
        assert answer.codes == ["INVALID_INPUT"], query
    for query in ("'; drop table product", "a:*|b", "\x07", "\\"):
        answer = await ask(SEARCH, {"location": city.point, "query": query})
        assert "INTERNAL" not in answer.codes


async def test_unknown_ids_and_slugs_are_not_found(ask: GraphRunner, city: City) -> None:
    foreign = public_id(city.second.products[0])
    unknown = public_id(city.products[0], uuid4())
    elsewhere = public_id(city.second.categories[0])
    for field in (
        f'product(id: "{foreign}") {{ id }}',
        f'product(id: "{unknown}") {{ id }}',
        'product(id: "x") { id }',
        'category(slug: "nope") { slug }',
        'category(slug: "") { slug }',
        r'category(slug: "food\u0007") { slug }',
        f'category(id: "{elsewhere}") {{ slug }}',
        f'products(first: 1, categoryId: "{elsewhere}") {{ nodes {{ id }} }}',
    ):
        document = f"query($at: GeoPointInput!) {{ storefront(location: $at) {{ {field} }} }}"
        answer = await ask(document, {"at": city.point})
        assert answer.codes == ["NOT_FOUND"], field


async def test_names_come_in_the_language_of_the_request(ask: GraphRunner, city: City) -> None:
    document = f'{{ product(id: "{public_id(city.products[0])}") {{ name }} }}'
    query = f"query($location: GeoPointInput!) {{ storefront(location: $location) {document} }}"
    answer = await ask(query, {"location": city.point}, language="zh-Hant")
    assert answer.data["storefront"]["product"]["name"] == "商品1"


async def test_zones_are_found_through_their_index(city: City, database: Database) -> None:
    queries = (
        "select store_id from store_zone where st_covers(area, 'POINT(-8.61 41.15)'::geography)",
        "select from store_zone order by area <-> 'POINT(-8.61 41.15)'::geography limit 1",
    )
    async with database.read_public() as session:
        await session.execute(text("set enable_seqscan = off"))
        try:
            for query in queries:
                plan = "\n".join(await session.scalars(text(f"explain {query}")))
                assert "ix_store_zone_area" in plan
        finally:
            await session.execute(text("reset enable_seqscan"))


@pytest.mark.parametrize("status", [StoreStatus.PAUSED, StoreStatus.CLOSED, None])
async def test_the_storefront_is_that_of_the_next_store_while_the_nearest_is_closed(
    ask: GraphRunner, city: City, database: Database, status: StoreStatus | None
) -> None:
    """Paused, closed, or outside its opening hours: the stock is that of the next store too."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        (await session.get_one(Store, city.near.id)).status = status or StoreStatus.OPEN
        if status is None:
            await session.execute(delete(StoreHours).where(StoreHours.store_id == city.near.id))
        row = {"store_id": city.next.id, "product_id": city.products[0].id}
        emptied = update(StockLevel).filter_by(**row).values(on_hand=0, reserved=0)
        await session.execute(emptied)
    document = """query($location: GeoPointInput!) { storefront(location: $location) {
        unserviceableReason store { id } products(first: 100) { nodes { name availability } } } }"""
    data = (await ask(document, {"location": city.point})).data["storefront"]
    assert (data["unserviceableReason"], data["store"]) == (None, {"id": public_id(city.next)})
    availability = {node["name"]: node["availability"] for node in data["products"]["nodes"]}
    assert availability[city.products[0].name] == "OUT_OF_STOCK"
