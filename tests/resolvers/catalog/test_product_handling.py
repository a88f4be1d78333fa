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
from tests.support.customers import people
from tests.support.graph_queries import Asking, id_of, operation

SET = operation("product_handling_set")
ROOM = operation("company_headroom_set")
PRICE = """
mutation Price($input: ListingSetPriceInput!) {
  listingSetPrice(input: $input) { product { price { minor } kiloPrice { minor } } }
}
"""


async def told(ask: Asking, city: City, actor: Actor, **more: Any) -> Any:
    given = {"productId": id_of(city.products[0]), "temperatureZone": "CHILLED", **more}
    return await ask(SET, {"input": given}, actor)


async def test_an_admin_says_how_cold_a_product_is_kept(
    ask: Asking, city: City, database: Database
) -> None:
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    answer = await told(ask, city, admin)
    done = answer.data["productHandlingSet"]
    assert (done["errors"], done["product"]["temperatureZone"]) == ([], "CHILLED")
    async with database.read(PLATFORM) as session:
        stream = catalog_stream(city.company.id)
        event = (await session.scalars(select(Event).where(Event.stream == stream))).one()
        assert event.body["temperature_zone"] == "CHILLED"
        audited = select(AuditEntry.changes).where(AuditEntry.actor_id == admin.person_id)
        assert (await session.scalars(audited)).one()[0]["after"]["temperature_zone"] == "CHILLED"


@pytest.mark.parametrize("role", [Role.STORE_STAFF, Role.STORE_MANAGER, Role.CUSTOMER, Role.RIDER])
async def test_nobody_else_of_the_company_does(
    role: Role, ask: Asking, city: City, database: Database
) -> None:
    store = city.near.id if role in (Role.STORE_STAFF, Role.STORE_MANAGER) else None
    (actor,) = await people(database, 1, Grant(role, city.company.id, store))
    assert (await told(ask, city, actor)).codes == ["FORBIDDEN"]


async def test_the_products_of_others_do_not_exist(
    ask: Asking, city: City, database: Database
) -> None:
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.company.id))
    done = (await told(ask, city, admin)).data["productHandlingSet"]
    assert done["product"] is None
    assert [one["__typename"] for one in done["errors"]] == ["NotFound"]


async def room(
    ask: Asking, city: City, actor: Actor, headroom: int = 2000, key: str | None = None
) -> Any:
    given = {"companyId": id_of(city.company), "headroomBp": headroom}
    return await ask(ROOM, {"input": given}, actor, idempotency_key=key)


async def test_an_admin_says_how_much_is_held_beyond_an_estimate(
    ask: Asking, city: City, database: Database
) -> None:
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    for _ in range(2):
        done = (await room(ask, city, admin, key="room-1")).data["companyHeadroomSet"]
        assert (done["errors"], done["company"]["weighedHeadroomBp"]) == ([], 2000)
    async with database.read(PLATFORM) as session:
        stream = catalog_stream(city.company.id)
        events = (await session.scalars(select(Event).where(Event.stream == stream))).all()
        assert [one.type for one in events] == ["HEADROOM_CHANGED"]
        audited = select(AuditEntry.changes).where(AuditEntry.actor_id == admin.person_id)
        assert (await session.scalars(audited)).one()[0]["after"]["weighed_headroom_bp"] == 2000
    for wrong in (-1, 5001):
        done = (await room(ask, city, admin, wrong)).data["companyHeadroomSet"]
        assert [one["__typename"] for one in done["errors"]] == ["InvalidInput"]
    (stranger,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.company.id))
    done = (await room(ask, city, stranger)).data["companyHeadroomSet"]
    assert [one["__typename"] for one in done["errors"]] == ["NotFound"]
    (manager,) = await people(database, 1, Grant(Role.STORE_MANAGER, city.company.id, city.near.id))
    assert (await room(ask, city, manager)).codes == ["FORBIDDEN"]


async def test_a_product_by_weight_shows_both_prices_in_its_store(
    ask: Asking, city: City, database: Database
) -> None:
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    answer = await told(ask, city, admin, unitGrams=250)
    assert answer.data["productHandlingSet"]["product"]["unitGrams"] == 250
    given = {"storeId": id_of(city.near), "productId": id_of(city.products[0]), "priceMinor": 1000}
    shown = await ask(PRICE, {"input": given}, admin)
    product = shown.data["listingSetPrice"]["product"]
    assert product == {"price": {"minor": 250}, "kiloPrice": {"minor": 1000}}
