from typing import Any

import pytest
from sqlalchemy import select

from models import PLATFORM, Actor, AuditEntry, Event, Grant, Role
from models.database import Database
from services.event import catalog_stream
from tests.asking import Asking, id_of, operation
from tests.city import City
from tests.services.customers import people

SET = operation("product_handling_set")


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
