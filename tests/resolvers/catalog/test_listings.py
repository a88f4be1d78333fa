from typing import Any

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.identity import Actor
from models.operations import AuditEntry
from services.events.event_log import inventory_stream
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, public_id

SWITCH = """
mutation Switch($input: ListingAvailabilitySetInput!) {
  listingAvailabilitySet(input: $input) {
    product { availability price { minorUnits } listingVersion }
    errors { __typename ... on VersionConflict { currentVersion } }
  }
}
"""
PRICE = """
mutation Price($input: ListingPriceSetInput!) {
  listingPriceSet(input: $input) {
    product { price { minorUnits } listingVersion }
    errors { __typename ... on Problem { path } }
  }
}
"""


def at(city: City, index: int = 0, **more: Any) -> dict[str, Any]:
    named = {"storeId": public_id(city.near), "productId": public_id(city.products[index])}
    return {"input": {**named, **more}}


async def test_hiding_a_product_is_recorded_in_the_inventory_stream(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    answer = await ask(SWITCH, at(city, published=False), staff)
    assert not answer.errors
    product = answer.data["listingAvailabilitySet"]["product"]
    assert (product["availability"], product["listingVersion"]) == ("OUT_OF_STOCK", 2)
    again = await ask(SWITCH, at(city, published=False), staff)
    assert again.data["listingAvailabilitySet"]["product"]["listingVersion"] == 2
    async with database.read(PLATFORM) as session:
        events = list(
            await session.scalars(
                select(Event).where(Event.stream == inventory_stream(city.near.id))
            )
        )
        audited = await session.scalars(
            select(AuditEntry.changes).where(AuditEntry.actor_id == staff.person_id)
        )
        assert audited.one()[0]["after"]["available"] is False
    assert [event.type for event in events] == ["LISTING_CHANGED"]
    assert events[0].body == {
        "product_id": str(city.products[0].id),
        "price_minor": city.first.prices[0],
        "available": False,
        "version": 2,
    }


async def test_a_price_changes_in_one_store_only(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    answer = await ask(PRICE, at(city, 3, priceMinor=12345, expectedVersion=1), staff)
    assert answer.data["listingPriceSet"]["product"] == {
        "price": {"minorUnits": 12345},
        "listingVersion": 2,
    }
    stale = await ask(SWITCH, at(city, 3, published=True, expectedVersion=1), staff)
    assert stale.data["listingAvailabilitySet"]["errors"] == [
        {"__typename": "VersionConflict", "currentVersion": 2}
    ]
    for price in (0, -1, 10**12):
        answer = await ask(PRICE, at(city, 3, priceMinor=price), staff)
        assert answer.data["listingPriceSet"]["errors"][0]["path"] == ["input", "priceMinor"]


async def test_listings_of_other_companies_are_not_found(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    cases: list[tuple[Actor, dict[str, Any]]] = [
        (stranger, {}),
        (staff, {"storeId": public_id(city.next)}),
        (staff, {"storeId": "nonsense"}),
        (staff, {"productId": public_id(city.second.products[0])}),
        (staff, {"productId": "nonsense"}),
    ]
    for actor, more in cases:
        answer = await ask(SWITCH, at(city, published=False, **more), actor)
        kinds = [error["__typename"] for error in answer.data["listingAvailabilitySet"]["errors"]]
        assert kinds == ["NotFound"]
    assert (await ask(SWITCH, at(city, published=False), buyer)).codes == ["FORBIDDEN"]
