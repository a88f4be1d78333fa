"""Every way in which a right ends, by every entry point that is open at that moment.

A way is a column that says that a right is over. The columns are read from the tables, so that a
new one fails until it has a way here; and every module that writes one is listed.
"""

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from websockets.exceptions import ConnectionClosed

from database.audit import AuditContext
from database.base import Base
from database.scope import PLATFORM
from models.accounts import Membership
from models.identity import Grant, Role
from models.ids import decode_id, encode_id
from models.integrations import App, AppSecret
from models.stores import Store
from server.transport.websocket.frames import FORBIDDEN
from subscriptions.engine import access_monitor
from tests.support.actors import create_client
from tests.support.paths import ROOT
from tests.support.server.integrator import ALERTS, AppAdmin
from tests.support.server.websocket_client import WebSocketClient, open_socket
from workflows.identity import app_cache, session_grants

CHANGES = "subscription ($storeId: ID!) { storeQueueChanged(storeId: $storeId) { kind } }"
SCOPES = ("STOCK_READ", "FULFILLMENTS_READ", "CUSTOMERS_READ")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOLDERS = ("app", "app_secret", "company", "membership", "person", "sign_in_session")
"""Tables whose rows give a right to act."""
ENDING = re.compile(
    r"(revoked|expires|ended|archived|disabled|suspended|deleted|locked)(_at)?|opened"
)
WAYS: dict[str, Any] = {
    "app.opened": [],
    "app.revoked_at": LONG_AGO,
    "app_secret.expires_at": LONG_AGO,
    "app_secret.revoked_at": LONG_AGO,
    "membership.revoked_at": LONG_AGO,
    "sign_in_session.expires_at": LONG_AGO,
    "sign_in_session.revoked_at": LONG_AGO,
}
"""The columns, and a value that ends the right."""
WRITERS = {
    "services/accounts/memberships.py": "roleRevoke, and the end of an inviter's role",
    "services/identity/sign_in_sessions.py": "signing out, a new password, too many sessions,"
    " a refresh token that is used again",
    "services/integrations/apps.py": "appRevoke, appSecretRevoke, appSecretRotate, appUpdate",
}
WRITES = re.compile(r"\.(revoked_at|opened) = |\b(revoked_at|opened)=(?!None)|set revoked_at")


@dataclass(frozen=True, slots=True)
class Holder:
    """A bearer of a right, and the rows that give it, by table."""

    bearer: str
    rows: dict[str, UUID]
    admin: AppAdmin

    @property
    def store(self) -> str:
        return encode_id(Store, self.admin.city.near.id)

    async def end(self, way: str) -> None:
        """End the right as another process does: nothing is forgotten here."""
        name, column = way.split(".")
        table = Base.metadata.tables[name]
        values = {column: WAYS[way]}
        async with self.admin.admin.container.database.write(
            PLATFORM, AuditContext("t")
        ) as session:
            await session.execute(update(table).where(table.c.id == self.rows[name]).values(values))


async def staff_holder(app_admin: AppAdmin) -> Holder:
    city, container = app_admin.city, app_admin.admin.container
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    person = await create_client(container, "Staff", grant)
    async with container.database.read(PLATFORM) as session:
        query = select(Membership.id).where(Membership.person_id == person.id)
        membership = (await session.scalars(query)).one()
    rows = {"membership": membership}
    if person.actor.session_id is not None:
        rows["sign_in_session"] = person.actor.session_id
    return Holder(person.token, rows, app_admin)


async def app_holder(app_admin: AppAdmin) -> Holder:
    app = await app_admin.create_app(*SCOPES)
    key, secret = await app_admin.create_secret(app)
    app_id, secret_id = decode_id(App, app), decode_id(AppSecret, key)
    assert app_id is not None
    assert secret_id is not None
    rows = {"app": app_id, "app_secret": secret_id}
    return Holder(secret, rows, app_admin)


@pytest.fixture(params=sorted(WAYS))
async def ending(request: pytest.FixtureRequest, app_admin: AppAdmin) -> tuple[Holder, str]:
    """A way in which a right ends, and somebody who has it."""
    way: str = request.param
    is_app = way.split(".", maxsplit=1)[0].startswith("app")
    return await (app_holder if is_app else staff_holder)(app_admin), way


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)


@pytest.fixture
def nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before is read again, as it is after five seconds; nothing is closed."""
    monkeypatch.setattr(session_grants, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(app_cache, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 3_600.0)


def is_refused(payload: dict[str, Any]) -> bool:
    """Whether an answer has nothing but the refusal of its caller."""
    codes = {error["extensions"]["code"] for error in payload.get("errors", ())}
    data = payload.get("data") or {}
    return bool(codes & {"UNAUTHENTICATED", "FORBIDDEN"}) and not any(data.values())


@pytest.mark.usefixtures("nothing_cached")
async def test_a_request_is_refused_after_the_end(
    ending: tuple[Holder, str], app_admin: AppAdmin
) -> None:
    """Session, role, key or scope has ended: the next request is refused."""
    holder, way = ending
    assert not is_refused((await app_admin.query_as(holder.bearer)).json())
    await holder.end(way)
    assert is_refused((await app_admin.query_as(holder.bearer)).json())


@pytest.mark.usefixtures("nothing_cached")
async def test_an_operation_on_an_open_socket_is_refused_after_the_end(
    ending: tuple[Holder, str], app_admin: AppAdmin
) -> None:
    """By itself, before anything has closed the socket."""
    holder, way = ending
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(holder.bearer)
        assert not is_refused(await ask(socket, "1", holder))
        await holder.end(way)
        assert is_refused(await ask(socket, "2", holder))


async def ask(socket: WebSocketClient, id: str, holder: Holder) -> dict[str, Any]:
    """The answer of a query; a refusal where the socket was closed instead of an answer."""
    await socket.subscribe(id, ALERTS, variables={"store": holder.store})
    try:
        message = await socket.receive()
    except ConnectionClosed:
        assert socket.connection.close_code == FORBIDDEN
        return {"errors": [{"extensions": {"code": "FORBIDDEN"}}]}
    if message["type"] == "error":
        return {"errors": message["payload"]}
    assert await socket.receive() == {"id": id, "type": "complete"}
    payload: dict[str, Any] = message["payload"]
    return payload


@pytest.mark.usefixtures("quick_checks")
async def test_a_stream_on_a_socket_ends(ending: tuple[Holder, str], app_admin: AppAdmin) -> None:
    """The dismissed went on reading the store's orders on the socket that was open."""
    holder, way = ending
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(holder.bearer)
        await socket.subscribe("1", CHANGES, variables={"storeId": holder.store})
        assert not is_refused((await socket.receive())["payload"])
        await holder.end(way)
        assert await is_over(socket)


async def is_over(socket: WebSocketClient) -> bool:
    """Read until the stream 1 is refused, or the socket is closed for it."""
    with suppress(ConnectionClosed):
        while (message := await socket.receive())["type"] != "complete":
            if message["type"] == "error" or is_refused(message["payload"]):
                return True
        return False
    return socket.connection.close_code == FORBIDDEN


@pytest.mark.usefixtures("quick_checks")
async def test_a_stream_of_server_sent_events_ends(
    ending: tuple[Holder, str], app_admin: AppAdmin
) -> None:
    """The same over HTTP, where no message of the client comes that could be checked."""
    holder, way = ending
    lines = events(app_admin, holder)
    assert '"errors"' not in await anext(lines)
    await holder.end(way)
    rest = [line async for line in lines]
    assert any("UNAUTHENTICATED" in line or "FORBIDDEN" in line for line in rest)


async def events(app_admin: AppAdmin, holder: Holder) -> AsyncIterator[str]:
    """The data of the events of a stream, until it ends."""
    headers = {"authorization": f"Bearer {holder.bearer}", "accept": "text/event-stream"}
    body = {"query": CHANGES, "variables": {"storeId": holder.store}}
    http = app_admin.client.http
    async with http.stream("POST", "/graphql", json=body, headers=headers, timeout=60) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                yield line


async def test_what_was_opened_by_an_old_answer_ends_at_once(
    ending: tuple[Holder, str], app_admin: AppAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that was opened just after the end, by what was read before it, had 9 seconds."""
    holder, way = ending
    monkeypatch.setattr(session_grants, "FRESH_SECONDS", 3_600.0)
    monkeypatch.setattr(app_cache, "CACHE_SECONDS", 3_600.0)
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 3_600.0)
    assert not is_refused((await app_admin.query_as(holder.bearer)).json())
    await holder.end(way)
    async with open_socket(app_admin.client.socket_url) as socket:
        await socket.init(holder.bearer)
        await socket.subscribe("1", CHANGES, variables={"storeId": holder.store})
        assert await is_over(socket)


def test_all_ages_together_are_below_five_seconds() -> None:
    """What is known may be as old, and what was opened by it is checked at the next poll."""
    for seconds in (
        session_grants.FRESH_SECONDS, app_cache.CACHE_SECONDS, access_monitor.SESSION_CHECK_SECONDS,
    ):  # fmt: skip
        assert seconds + access_monitor.POLL_SECONDS < 5


def test_every_column_that_ends_a_right_has_a_way() -> None:
    """A new way to end a right that no case of this file tries would reach HTTP only."""
    columns = {
        f"{name}.{column.name}"
        for name in HOLDERS
        for column in Base.metadata.tables[name].columns
        if ENDING.fullmatch(column.name)
    }
    assert columns == set(WAYS)


def test_every_module_that_ends_a_right_is_listed() -> None:
    """The same, seen from the code."""
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("services", "workflows", "jobs", "resolvers", "server")
        for path in (ROOT / package).rglob("*.py")
        if WRITES.search(path.read_text())
    }
    assert found == set(WRITERS)
