import math
from datetime import UTC, datetime, time
from uuid import uuid4

import pytest
from sqlalchemy import delete, text, update

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.catalog import Product
from models.geo_point import Point
from models.identity import Actor
from models.stock import Stock
from models.stores import Store, StoreHours, StoreStatus, Unserved
from services.catalog.search_text import search_text
from services.stores import coverage
from tests.resolvers.carts.test_carts import SET, line
from tests.support.city import City
from tests.support.graph_queries import Asking, id_of, statements

WINDOW = """
query Window($at: GeoPointInput!, $first: Int!) {
  storefront(at: $at) {
    serviceable reason message distanceToNearestZoneM
    store { id name status openNow location { latitude longitude } }
    promise { p50Seconds p90Seconds distanceM expiresAt fee { minor currency } }
    minimumOrder { minor } deliveryFee { formatted }
    categories { slug name productCount children { slug children { slug } }
      products(first: 3) { nodes { name } } }
    category(slug: "food") { name products(first: $first, sort: PRICE_ASC) { nodes { name } } }
    products(first: $first) {
      pageInfo { hasNextPage endCursor }
      nodes { id code barcode name availability offerText price { minor }
        brand { name } category { slug productCount } }
    }
    search(query: "bran", first: $first) { nodes { name } }
    cart { version lines { quantity product { name } } quote { total { minor } } }
    company { name } activeOrder { code stage }
  }
}
"""
LISTED = """
query Listed($at: GeoPointInput!, $after: String, $sort: ProductSort!) {
  storefront(at: $at) {
    products(first: 5, after: $after, sort: $sort) {
      nodes { name price { minor } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
SEARCH = """
query Search($at: GeoPointInput!, $query: String!) {
  storefront(at: $at) { search(query: $query, first: 12) { nodes { name availability } } }
}
"""


async def test_one_request_shows_the_whole_window(ask: Asking, city: City, buyer: Actor) -> None:
    await ask(SET, {"input": {"at": city.point, "lines": [line(city, 0, 2)]}}, buyer)
    told = await ask(WINDOW, {"at": city.point, "first": 12}, buyer)
    assert not told.errors
    window = told.data["storefront"]
    assert window["serviceable"]
    assert window["store"]["id"] == id_of(city.near)
    assert window["store"]["openNow"]
    assert 0 < window["promise"]["p50Seconds"] < window["promise"]["p90Seconds"] < 1800
    assert [one["slug"] for one in window["categories"]] == ["food", "home"]
    assert [one["productCount"] for one in window["categories"]] == [6, 6]
    assert [len(one["products"]["nodes"]) for one in window["categories"]] == [3, 3]
    cheapest = [one["name"] for one in window["category"]["products"]["nodes"]]
    assert cheapest == [city.products[index].name for index in range(0, 12, 2)]
    assert {one["name"] for one in window["products"]["nodes"]} == {p.name for p in city.products}
    assert window["products"]["nodes"][0]["availability"] == "IN_STOCK"
    assert window["products"]["nodes"][0]["brand"] == {"name": "Own Brand"}
    assert len(window["search"]["nodes"]) == 12
    assert window["cart"]["lines"] == [{"quantity": 2, "product": {"name": city.products[0].name}}]


async def test_the_window_takes_at_most_twelve_statements_for_1_or_100_products(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    await ask(SET, {"input": {"at": city.point, "lines": [line(city, 0, 2)]}}, buyer)
    counts = []
    for first in (1, 1, 100):  # The first one counts the tree, which lasts for a while.
        with statements(database) as sent:
            told = await ask(WINDOW, {"at": city.point, "first": first}, buyer)
        assert not told.errors
        counts.append(len(sent))
    assert counts[0] <= 12
    assert counts[1] == counts[2] <= counts[0]


@pytest.mark.parametrize("sort", ["CATALOG", "NAME", "PRICE_ASC", "PRICE_DESC"])
async def test_pages_follow_each_other_without_gap_or_repeat(
    ask: Asking, city: City, sort: str
) -> None:
    seen, cursor = [], None
    while True:
        told = await ask(LISTED, {"at": city.point, "after": cursor, "sort": sort})
        assert not told.errors
        page = told.data["storefront"]["products"]
        seen += page["nodes"]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(one["name"] for one in seen) == sorted(p.name for p in city.products)
    prices = [one["price"]["minor"] for one in seen]
    if sort.startswith("PRICE"):
        assert prices == sorted(prices, reverse=sort == "PRICE_DESC")
    if sort == "NAME":
        assert [one["name"] for one in seen] == sorted(p.name for p in city.products)


@pytest.mark.parametrize(
    "cursor",
    ["?", "e30", "WzFd", "WyIxIl0", "WzFlMzAwXQ", "WyJhIiwiYiJd", "bnVsbA", "WzFlMzAwLCJiIl0"],
)
@pytest.mark.parametrize("sort", ["CATALOG", "NAME", "PRICE_ASC"])
async def test_a_foreign_cursor_is_a_clear_error(
    ask: Asking, city: City, cursor: str, sort: str
) -> None:
    told = await ask(LISTED, {"at": city.point, "after": cursor, "sort": sort})
    assert told.codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("first", [0, -1, 101, 1_000_000])
async def test_a_page_has_from_1_to_100_rows(ask: Asking, city: City, first: int) -> None:
    told = await ask(WINDOW, {"at": city.point, "first": first})
    assert set(told.codes) <= {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}
    assert told.errors


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(91, 0), (-90.5, 0), (0, 181), (0, -1e9), (1e300, 0)]
)
async def test_a_place_nowhere_on_earth_is_a_clear_error(
    ask: Asking, latitude: float, longitude: float
) -> None:
    at = {"latitude": latitude, "longitude": longitude}
    told = await ask(WINDOW, {"at": at, "first": 1})
    assert told.codes == ["INVALID_INPUT"]
    assert told.data == {"storefront": None}


async def test_a_latitude_that_is_no_number_is_a_clear_error(ask: Asking) -> None:
    told = await ask(WINDOW, {"at": {"latitude": math.nan, "longitude": 0}, "first": 1})
    assert told.errors
    assert told.codes[0] in {"BAD_USER_INPUT", "INVALID_INPUT"}


async def test_the_ocean_is_unserviceable_and_says_how_far_the_nearest_zone_is(
    ask: Asking, city: City
) -> None:
    told = await ask(WINDOW, {"at": {"latitude": 30, "longitude": -40}, "first": 1})
    assert not told.errors
    window = told.data["storefront"]
    assert (window["serviceable"], window["reason"]) == (False, "OUTSIDE_ZONES")
    assert window["distanceToNearestZoneM"] > 1_000_000
    assert window["store"] is window["promise"] is window["products"] is window["cart"] is None
    assert window["categories"] == []


async def test_shut_and_paused_stores_say_so(ask: Asking, city: City, database: Database) -> None:
    for status, reason in ((StoreStatus.CLOSED, "CLOSED"), (StoreStatus.PAUSED, "PAUSED")):
        async with database.write(PLATFORM, Origin("test")) as session:
            await session.execute(
                update(Store).where(Store.company_id == city.company.id).values(status=status)
            )
        told = await ask(WINDOW, {"at": city.point, "first": 1})
        assert told.data["storefront"]["reason"] == reason
        assert told.data["storefront"]["distanceToNearestZoneM"] == 0


async def test_hours_are_read_in_the_time_zone_of_the_store(city: City, database: Database) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
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
    async with database.public() as session:
        for (day, hour, minute), is_open in expected.items():
            at = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
            found = await coverage.coverage(session, point, at=at)
            assert bool(found.serving) is is_open, at
            assert found.reason is (None if is_open else Unserved.CLOSED)


async def test_what_is_sold_out_sinks_and_bands_hide_the_numbers(
    ask: Asking, city: City, database: Database
) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        for index, left in ((0, 0), (1, 3)):
            row = await session.get(Stock, (city.near.id, city.products[index].id))
            assert row is not None
            row.on_hand = left
    told = await ask(SEARCH, {"at": city.point, "query": "own brand"})
    found = told.data["storefront"]["search"]["nodes"]
    assert found[-1] == {"name": city.products[0].name, "availability": "OUT"}
    assert {"name": city.products[1].name, "availability": "LOW"} in found


async def test_search_finds_stems_prefixes_and_chinese(
    ask: Asking, city: City, database: Database
) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        tea = await session.get(Product, city.products[7].id)
        assert tea is not None
        tea.search_text = search_text("Own Brand", "烏龍茶 500ml", "乌龙茶")
    expected = {
        "apple": "Apples",
        "chee": "Cheese",
        "烏龍": "Tea",
        "龍茶 500": "Tea",
        "乌龙茶": "Tea",
    }
    for query, noun in expected.items():
        told = await ask(SEARCH, {"at": city.point, "query": query})
        names = [one["name"] for one in told.data["storefront"]["search"]["nodes"]]
        assert names == [f"{noun} First"], query
    for query in ("", " ", "!?", "x" * 101):
        told = await ask(SEARCH, {"at": city.point, "query": query})
        assert told.codes == ["INVALID_INPUT"], query
    for query in ("'; drop table product", "a:*|b", "\0", "\\"):
        told = await ask(SEARCH, {"at": city.point, "query": query})
        assert "INTERNAL" not in told.codes


async def test_unknown_ids_and_slugs_are_not_found(ask: Asking, city: City) -> None:
    foreign = id_of(city.second.products[0])
    unknown = id_of(city.products[0], uuid4())
    elsewhere = id_of(city.second.categories[0])
    for asked in (
        f'product(id: "{foreign}") {{ id }}',
        f'product(id: "{unknown}") {{ id }}',
        'product(id: "x") { id }',
        'category(slug: "nope") { slug }',
        'category(slug: "") { slug }',
        r'category(slug: "food\u0000") { slug }',
        f'category(id: "{elsewhere}") {{ slug }}',
        f'products(first: 1, categoryId: "{elsewhere}") {{ nodes {{ id }} }}',
    ):
        document = f"query($at: GeoPointInput!) {{ storefront(at: $at) {{ {asked} }} }}"
        told = await ask(document, {"at": city.point})
        assert told.codes == ["NOT_FOUND"], asked


async def test_names_come_in_the_language_of_the_request(ask: Asking, city: City) -> None:
    document = f'{{ product(id: "{id_of(city.products[0])}") {{ name }} }}'
    query = f"query($at: GeoPointInput!) {{ storefront(at: $at) {document} }}"
    told = await ask(query, {"at": city.point}, language="zh-Hant")
    assert told.data["storefront"]["product"]["name"] == "商品1"


async def test_zones_are_found_through_their_index(city: City, database: Database) -> None:
    queries = (
        "select store_id from store_zone where st_covers(area, 'POINT(-8.61 41.15)'::geography)",
        "select from store_zone order by area <-> 'POINT(-8.61 41.15)'::geography limit 1",
    )
    async with database.public() as session:
        await session.execute(text("set enable_seqscan = off"))
        try:
            for query in queries:
                plan = "\n".join(await session.scalars(text(f"explain {query}")))
                assert "ix_store_zone_area" in plan
        finally:
            await session.execute(text("reset enable_seqscan"))


@pytest.mark.parametrize("status", [StoreStatus.PAUSED, StoreStatus.CLOSED, None])
async def test_the_window_is_that_of_the_next_store_while_the_nearest_rests(
    ask: Asking, city: City, database: Database, status: StoreStatus | None
) -> None:
    """Paused, closed by its manager, or outside its hours: the shelf is the next one's too."""
    async with database.write(PLATFORM, Origin("test")) as session:
        (await session.get_one(Store, city.near.id)).status = status or StoreStatus.OPEN
        if status is None:
            await session.execute(delete(StoreHours).where(StoreHours.store_id == city.near.id))
        there = (Stock.store_id == city.next.id, Stock.product_id == city.products[0].id)
        await session.execute(update(Stock).where(*there).values(on_hand=0, held=0))
    document = """query($at: GeoPointInput!) { storefront(at: $at) {
        reason store { id } products(first: 100) { nodes { name availability } } } }"""
    window = (await ask(document, {"at": city.point})).data["storefront"]
    assert (window["reason"], window["store"]) == (None, {"id": id_of(city.next)})
    bands = {one["name"]: one["availability"] for one in window["products"]["nodes"]}
    assert bands[city.products[0].name] == "OUT"
