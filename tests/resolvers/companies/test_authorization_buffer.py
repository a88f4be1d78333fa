"""Company admins set what is authorized beyond the estimate of goods sold by weight."""

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

UPDATE = operation("company_update")


@pytest.fixture
async def admin(database: Database, city: City) -> Actor:
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    return admin


async def set_buffer(
    ask: GraphRunner, city: City, actor: Actor, basis_points: int, key: str | None = None
) -> Any:
    values = {
        "companyId": public_id(city.company),
        "authorizationBufferBasisPoints": basis_points,
    }
    answer = await ask(UPDATE, {"input": values}, actor, idempotency_key=key)
    return answer.codes or answer.data["companyUpdate"]


async def test_an_admin_sets_the_authorization_buffer(
    ask: GraphRunner, city: City, database: Database, admin: Actor
) -> None:
    """The change is one event of the catalog and one audit row, also when it is sent again."""
    for _ in range(2):
        payload = await set_buffer(ask, city, admin, 2000, key="buffer-1")
        assert payload["errors"] == []
        assert payload["company"]["authorizationBufferBasisPoints"] == 2000
    async with database.read(PLATFORM) as session:
        stream = catalog_stream(city.company.id)
        event = (await session.scalars(select(Event).where(Event.stream == stream))).one()
        audited = select(AuditEntry.changes).where(AuditEntry.actor_id == admin.person_id)
        (changes,) = (await session.scalars(audited)).all()
    assert event.type == "COMPANY_UPDATED"
    assert event.body["authorization_buffer_basis_points"] == 2000
    assert changes[0]["after"]["authorization_buffer_basis_points"] == 2000


@pytest.mark.parametrize("basis_points", [-1, 5001])
async def test_the_authorization_buffer_is_at_most_half_of_the_estimate(
    ask: GraphRunner, city: City, admin: Actor, basis_points: int
) -> None:
    payload = await set_buffer(ask, city, admin, basis_points)
    assert payload["company"] is None
    [error] = payload["errors"]
    assert error["__typename"] == "InvalidInput"
    assert error["path"] == ["input", "authorizationBufferBasisPoints"]


async def test_only_admins_of_the_company_set_the_authorization_buffer(
    ask: GraphRunner, city: City, database: Database
) -> None:
    other_company = Grant(Role.COMPANY_ADMIN, city.second.company.id)
    (stranger,) = await create_people(database, 1, other_company)
    payload = await set_buffer(ask, city, stranger, 2000)
    assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]
    of_store = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    (manager,) = await create_people(database, 1, of_store)
    assert await set_buffer(ask, city, manager, 2000) == ["FORBIDDEN"]
