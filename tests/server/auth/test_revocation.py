"""What was revoked ends on open sockets and streams as it does for requests, and nothing else."""

from typing import Any

import pytest
from sqlalchemy import func, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import Membership
from models.catalog import Product
from models.identity import Grant, Role, SignInSession
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from server.transport.websocket.frames import FORBIDDEN
from subscriptions.engine import access_monitor
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.integrator import ALERTS, REVOKE_SECRET, AppAdmin
from tests.support.server.websocket_client import WebSocketClient, open_socket
from workflows.identity import session_grants

VIEWER = "{ viewer { id roles } }"
QUEUE = "subscription ($store: ID!) { storeQueueChanged(storeId: $store) { kind } }"


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access_monitor.SESSION_CHECK_SECONDS + access_monitor.POLL_SECONDS <= 5
    assert session_grants.FRESH_SECONDS <= 5
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)


async def revoke_roles(who: ActorClient, role: Role) -> None:
    """Revoke the person's role as another process does: nothing is forgotten here."""
    async with who.container.database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(
            update(Membership)
            .where(Membership.person_id == who.id, Membership.role == role)
            .values(revoked_at=func.now())
        )


async def end_session(who: ActorClient) -> None:
    async with who.container.database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(SignInSession, who.actor.session_id)
        row.revoked_at = row.created_at


async def answer(socket: WebSocketClient, id: str, query: str, **more: Any) -> dict[str, Any]:
    """Run a query or mutation on a socket; its data, or its errors."""
    await socket.subscribe(id, query, **more)
    message = await socket.receive()
    assert message["id"] == id
    if message["type"] == "error":
        return {"errors": message["payload"]}
    assert await socket.receive() == {"id": id, "type": "complete"}
    payload: dict[str, Any] = message["payload"]
    return payload


def code_of(payload: dict[str, Any]) -> str:
    return str(payload["errors"][0]["extensions"]["code"])


@pytest.fixture
async def staff(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container,
        "Staff who order, too",
        Grant(Role.CUSTOMER),
        Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id),
    )


async def test_a_dismissed_staff_member_cannot_adjust_stock_on_an_open_socket(
    app_admin: AppAdmin, staff: ActorClient, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 s after the dismissal HTTP was refused, and the socket carried the change out."""
    monkeypatch.setattr(session_grants, "FRESH_SECONDS", 0.0)
    values = {
        "storeId": encode_id(Store, shared_city.near.id),
        "productId": encode_id(Product, shared_city.products[0].id),
        "delta": 1,
        "reason": "RECEIPT",
    }
    request = {"variables": {"input": values}}
    adjust = operation("stock_adjust")
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(staff.token)
        payload = await answer(socket, "1", adjust, **request)
        assert payload["data"]["stockAdjust"]["errors"] == []
        await revoke_roles(staff, Role.STORE_STAFF)
        assert code_of(await answer(socket, "2", adjust, **request)) == "FORBIDDEN"
        payload = await answer(socket, "3", VIEWER)
        assert payload["data"]["viewer"]["roles"] == ["CUSTOMER"]
    response = await app_admin.client.post(staff, {"query": VIEWER})
    assert response.json()["data"]["viewer"]["roles"] == ["CUSTOMER"]


async def test_a_socket_closes_with_its_session(app_admin: AppAdmin, staff: ActorClient) -> None:
    """A phone is lost and its session revoked: the open socket of the thief must not stay."""
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(staff.token)
        await end_session(staff)
        code, reason = await socket.wait_closed()
    assert (code, reason) == (FORBIDDEN, "This session was signed out.")


async def test_a_socket_closes_with_the_last_role_of_its_caller(
    app_admin: AppAdmin, container: Container, shared_city: City
) -> None:
    """The dismissed member of staff kept the socket of the shop's tablet open."""
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id)
    only_staff = await create_client(container, "Only staff", grant)
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(only_staff.token)
        await revoke_roles(only_staff, Role.STORE_STAFF)
        assert (await socket.wait_closed())[0] == FORBIDDEN


async def test_a_socket_closes_with_the_key_that_opened_it(app_admin: AppAdmin) -> None:
    """A revoked key read on for up to ten minutes."""
    key, secret = await app_admin.create_secret(await app_admin.create_app())
    store = {"variables": {"store": encode_id(Store, app_admin.city.near.id)}}
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(secret)
        assert "data" in await answer(socket, "1", ALERTS, **store)
        await app_admin.run(REVOKE_SECRET, appSecretId=key)
        await socket.subscribe("2", ALERTS, **store)
        assert (await socket.wait_closed())[0] == FORBIDDEN


async def test_a_revoked_role_ends_its_own_streams_and_no_others(
    app_admin: AppAdmin, staff: ActorClient, container: Container, shared_city: City
) -> None:
    """The socket of the person, and the streams of colleagues, go on."""
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id)
    colleague = await create_client(container, "Colleague", grant)
    store = {"variables": {"store": encode_id(Store, shared_city.near.id)}}
    url = app_admin.client.socket_url
    async with open_socket(url) as socket, open_socket(url) as other:
        for one, who in ((socket, staff), (other, colleague)):
            await one.init(who.token)
            await one.subscribe("queue", QUEUE, **store)
            assert (await one.receive())["payload"]["data"]["storeQueueChanged"]
        await revoke_roles(staff, Role.STORE_STAFF)
        assert code_of((await socket.receive())["payload"]) == "FORBIDDEN"
        assert await socket.receive() == {"id": "queue", "type": "complete"}
        assert "data" in await answer(socket, "viewer", VIEWER)
        payload = await answer(other, "viewer", VIEWER)
        assert payload["data"]["viewer"]["roles"] == ["STORE_STAFF"]


async def test_frames_wait_for_the_admission_of_the_operation_before_them(
    app_admin: AppAdmin,
) -> None:
    """An API key is looked up for each operation: the answers come for all, in any order."""
    _, secret = await app_admin.create_secret(await app_admin.create_app())
    store = {"variables": {"store": encode_id(Store, app_admin.city.near.id)}}
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(secret)
        for name in "abc":
            await socket.subscribe(name, ALERTS, **store)
        completed: set[str] = set()
        while len(completed) < 3:
            message = await socket.receive()
            assert message["type"] in ("next", "complete")
            if message["type"] == "complete":
                completed.add(message["id"])
