from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.identity import Actor, Grant, Role
from models.operations import AuditEntry
from services.events.event_log import catalog_stream
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner, operation, public_id

SET = operation("product_update")
PRICE = """
mutation Price($input: ListingPriceSetInput!) {
  listingPriceSet(input: $input) { product { price { minorUnits } pricePerKilogram { minorUnits } }
  }
}
"""


async def set_handling(ask: GraphRunner, city: City, actor: Actor, **more: Any) -> Any:
    variables = {"productId": public_id(city.products[0]), "temperatureZone": "CHILLED", **more}
    return await ask(SET, {"input": variables}, actor)


async def test_an_admin_sets_the_temperature_zone_of_a_product(
    ask: GraphRunner, city: City, database: Database
) -> None:
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    answer = await set_handling(ask, city, admin)
    payload = answer.data["productUpdate"]
    assert (payload["errors"], payload["product"]["temperatureZone"]) == ([], "CHILLED")
    async with database.read(PLATFORM) as session:
        stream = catalog_stream(city.company.id)
        event = (await session.scalars(select(Event).where(Event.stream == stream))).one()
        assert event.body["temperature_zone"] == "CHILLED"
        audited = select(AuditEntry.changes).where(AuditEntry.actor_id == admin.person_id)
        assert (await session.scalars(audited)).one()[0]["after"]["temperature_zone"] == "CHILLED"


@pytest.mark.parametrize("role", [Role.STORE_STAFF, Role.STORE_MANAGER, Role.CUSTOMER, Role.RIDER])
async def test_other_staff_may_not_set_the_handling(
    role: Role, ask: GraphRunner, city: City, database: Database
) -> None:
    store = city.near.id if role in (Role.STORE_STAFF, Role.STORE_MANAGER) else None
    (actor,) = await create_people(database, 1, Grant(role, city.company.id, store))
    assert (await set_handling(ask, city, actor)).codes == ["FORBIDDEN"]


async def test_products_of_other_companies_are_not_found(
    ask: GraphRunner, city: City, database: Database
) -> None:
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.company.id))
    payload = (await set_handling(ask, city, admin)).data["productUpdate"]
    assert payload["product"] is None
    assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]


async def test_a_product_by_weight_shows_both_prices_in_its_store(
    ask: GraphRunner, city: City, database: Database
) -> None:
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    answer = await set_handling(ask, city, admin, averageWeightGrams=250)
    assert answer.data["productUpdate"]["product"]["averageWeightGrams"] == 250
    variables = {
        "storeId": public_id(city.near),
        "productId": public_id(city.products[0]),
        "priceMinor": 1000,
    }
    visible = await ask(PRICE, {"input": variables}, admin)
    product = visible.data["listingPriceSet"]["product"]
    assert product == {"price": {"minorUnits": 250}, "pricePerKilogram": {"minorUnits": 1000}}
