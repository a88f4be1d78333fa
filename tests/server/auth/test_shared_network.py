"""People and apps are answered whatever strangers of their network have sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from execution import Limits
from models.identity import ANONYMOUS
from models.ids import encode_id
from models.integrations import AppSecretKind
from models.stores import Store
from resolvers.context import Container
from resolvers.prices import FAILED_AUTHENTICATION
from schema.root import graph
from server.auth.header_authenticator import HeaderAuthenticator
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import (
    AuthenticatedCaller,
    Authentication,
    AuthenticationFailure,
    authentication_of,
)
from server.transport.websocket.frames import FORBIDDEN
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize
from services.identity.app_secrets import generate
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.server.client import ServerClient, serve_engine
from tests.support.server.integrator import ALERTS, REVOKE_SECRET, AppAdmin
from tests.support.server.websocket_client import WebSocketClient, open_socket
from workflows.identity import secret_index
from workflows.identity.secret_index import SecretIndex

VIEWER = "{ viewer { id } }"
FAILURES = 10
"""How many failures a network may have at once in these tests."""
ADDRESS_SIZE = BucketSize(FAILURES * FAILED_AUTHENTICATION, 5)
SIZES = replace(CallerBucketSizes.of(1_000), address=ADDRESS_SIZE, site=ADDRESS_SIZE)
OURS = "203.0.113.60"
ADDRESSES = [(OURS, OURS), ("2001:db8:1:1::5", "2001:db8:1:2::9")]
"""Addresses of a person and of a stranger: behind one router, and in one IPv6 /48."""


class OfficeAuthenticator(HeaderAuthenticator):
    """Sees all callers at one address: tests connect from this machine, which nothing limits."""

    address = OURS

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        return super().authenticate(headers, client=self.address)


@dataclass
class Office:
    """A network with a person, an app and a stranger, as a server sees it whose clock is `now`."""

    container: Container
    client: ServerClient
    authenticator: OfficeAuthenticator
    budgets: CallerBudgets
    person: ActorClient
    apps: AppAdmin
    stranger: str = OURS
    key: str = ""
    app_token: str = ""
    now: float = 0.0

    def forget(self) -> None:
        """Let four seconds pass: nothing that was looked up is known any more."""
        session_id = self.person.actor.session_id
        assert session_id is not None
        self.container.authenticator.forget_sessions(session_id)
        self.container.authenticator.apps.clear()

    def spend(self) -> None:
        """Spend as a stranger all that the network has for anonymous operations."""
        self.budgets.take(ANONYMOUS, self.stranger, 10**6)

    async def fail(self, token: str) -> tuple[str, int]:
        """Send a token as the stranger; the code and status of the refusal."""
        inner = HeaderAuthenticator(self.container, self.budgets)
        headers = {"authorization": f"Bearer {token}"}
        failure = await authentication_of(inner, headers, self.stranger)
        assert isinstance(failure, AuthenticationFailure)
        return failure.code, failure.status

    async def fail_all(self) -> None:
        """Fail as a stranger until the network may fail no more."""
        for _ in range(FAILURES):
            assert await self.fail(generate(AppSecretKind.API_KEY)) == ("UNAUTHENTICATED", 401)
        assert await self.fail(generate(AppSecretKind.API_KEY)) == ("THROTTLED", 429)

    async def post(self, bearer: str, query: str = VIEWER) -> httpx.Response:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return await self.client.http.post("/graphql", json={"query": query}, headers=headers)

    async def statuses(self) -> list[int]:
        """How the person, the key and the app's token are answered, none of them known."""
        found = []
        self.forget()
        found.append((await self.post(self.person.token)).status_code)
        for bearer in (self.key, self.app_token):
            self.forget()
            found.append((await self.apps.query_as(bearer)).status_code)
        return found


@pytest.fixture
async def office(
    container: Container,
    company_admin: ActorClient,
    shared_city: City,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Office]:
    # The keys of these tests are younger than the second in which a process may not know them.
    monkeypatch.setattr(secret_index, "REFRESH_SECONDS", 0)
    budgets = CallerBudgets(RateLimiter(lambda: network.now), SIZES)
    engine = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    authenticator = OfficeAuthenticator(container, budgets)
    person = await create_client(container, "Neighbor")
    async with serve_engine(container, engine, authenticator) as client:
        apps = await AppAdmin.create(company_admin, client, shared_city)
        network = Office(container, client, authenticator, budgets, person, apps)
        app = await apps.create_app()
        _, network.key = await apps.create_secret(app)
        _, secret = await apps.create_secret(app, "CLIENT_SECRET")
        network.app_token = (await apps.request_token(app, secret)).json()["access_token"]
        yield network


async def answer(socket: WebSocketClient, id: str, query: str, **more: object) -> dict[str, object]:
    """Run an operation on a socket; the message that answers it."""
    await socket.subscribe(id, query, **more)
    message = await socket.receive()
    assert message["id"] == id
    if message["type"] == "next":
        assert await socket.receive() == {"id": id, "type": "complete"}
    return message


@pytest.mark.parametrize(("ours", "stranger"), ADDRESSES)
async def test_people_and_apps_are_answered_when_strangers_have_spent_the_anonymous_budget(
    office: Office, ours: str, stranger: str
) -> None:
    """Each request of an app, and those of people every four seconds, were refused with 429."""
    office.authenticator.address, office.stranger = ours, stranger
    office.spend()
    assert (await office.post("", "{ schemaVersion }")).status_code == 429
    assert await office.statuses() == [200, 200, 200]


@pytest.mark.parametrize(("ours", "stranger"), ADDRESSES)
async def test_a_flood_of_invalid_tokens_is_bounded_and_refuses_nobody_else(
    office: Office, ours: str, stranger: str
) -> None:
    """Unknown keys are looked up no more, and those that we issued are."""
    office.authenticator.address, office.stranger = ours, stranger
    assert await office.statuses() == [200, 200, 200]
    await office.fail_all()
    forged = office.person.token[:-8] + "AAAAAAAA"
    assert await office.fail(forged) == ("THROTTLED", 429)
    assert await office.statuses() == [200, 200, 200]
    assert (await office.post("", "{ schemaVersion }")).status_code == 200
    office.now += 4  # five units flow back in a second
    assert await office.fail(forged) == ("UNAUTHENTICATED", 401)
    assert await office.fail(forged) == ("THROTTLED", 429)


async def test_valid_tokens_pay_nothing_from_the_budget_of_failures(office: Office) -> None:
    """A busy shop behind one address would be refused like somebody who guesses tokens."""
    for _ in range(2 * FAILURES):
        office.forget()
        assert (await office.post(office.person.token)).status_code == 200
    await office.fail_all()


async def test_checks_of_invalid_keys_at_one_moment_are_all_paid_for(office: Office) -> None:
    """All of them are asked before the first has failed, so they put the network into debt."""
    keys = [generate(AppSecretKind.API_KEY) for _ in range(FAILURES + 2)]
    await asyncio.gather(*map(office.fail, keys))
    rejected = office.budgets.failure_rejection(OURS)
    assert rejected is not None
    assert (
        rejected.retry_after_seconds == 3 * FAILED_AUTHENTICATION / ADDRESS_SIZE.refill_per_second
    )


async def test_an_expired_token_and_a_revoked_key_learn_it_whatever_others_sent(
    office: Office,
) -> None:
    """With 429 a client would wait instead of signing in again."""
    assert await office.statuses() == [200, 200, 200]
    key_id, revoked = await office.apps.create_secret(await office.apps.create_app())
    assert (await office.apps.query_as(revoked)).status_code == 200
    await office.apps.run(REVOKE_SECRET, appSecretId=key_id)
    await office.fail_all()
    expired, _ = office.container.authenticator.sign(office.person.actor, time.time() - 120)
    assert (await office.post(expired)).status_code == 401
    assert (await office.apps.query_as(revoked)).status_code == 401
    office.forget()
    assert (await office.apps.query_as(revoked)).status_code == 401


async def test_an_open_socket_is_served_whatever_strangers_have_sent(office: Office) -> None:
    """The next operation after four seconds closed it with 4403, and its streams with it."""
    values = {"variables": {"store": encode_id(Store, office.apps.city.near.id)}}
    async with (
        open_socket(office.client.socket_url) as mine,
        open_socket(office.client.socket_url) as of_app,
    ):
        await mine.init(office.person.token)
        await of_app.init(office.key)
        office.spend()
        await office.fail_all()
        for number in range(3):
            office.forget()
            assert (await answer(mine, f"a{number}", VIEWER))["type"] == "next"
            assert (await answer(of_app, f"b{number}", ALERTS, **values))["type"] == "next"


async def test_a_socket_is_renewed_whatever_strangers_have_sent(office: Office) -> None:
    """It was closed with 4401, and its client signed out."""
    later = float(int(time.time()) + 500)
    token, _ = office.container.authenticator.sign(office.person.actor, later)
    async with open_socket(office.client.socket_url) as socket:
        await socket.init(office.person.token)
        office.spend()
        await office.fail_all()
        office.forget()
        await socket.send(type="ping", payload={"authorization": f"Bearer {token}"})
        assert (await socket.receive())["payload"] == {"expiresAt": later}
        assert (await answer(socket, "a", VIEWER))["type"] == "next"


async def test_a_caller_who_must_wait_loses_an_operation_and_no_socket(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was issued a moment ago by another process is not known everywhere at once."""
    values = {"variables": {"store": encode_id(Store, office.apps.city.near.id)}}
    async with open_socket(office.client.socket_url) as socket:
        await socket.init(office.key)
        await office.fail_all()
        office.forget()
        apps = office.container.authenticator.apps
        apps.index = SecretIndex(office.container.database, lambda: office.now)
        monkeypatch.setattr(secret_index, "MAX_SECRETS", 0)
        assert not await apps.index.contains(office.key), "the index is as old as the key"
        monkeypatch.undo()
        for name in ("a", "b"):
            refused = await answer(socket, name, ALERTS, **values)
            assert refused["type"] == "error"
            assert "THROTTLED" in str(refused["payload"])
            assert "retryAfterSeconds" in str(refused["payload"])
        await socket.send(type="ping", payload={"authorization": f"Bearer {office.key}"})
        [error] = (await socket.receive())["payload"]["errors"]
        assert error["extensions"] == {"code": "THROTTLED", "retryAfterSeconds": 4}
        office.now += 4
        assert (await answer(socket, "c", ALERTS, **values))["type"] == "next"


async def test_a_revoked_session_closes_its_socket_whatever_strangers_have_sent(
    office: Office,
) -> None:
    """The budget of failures must not keep a socket open whose right has ended."""
    key_id, key = await office.apps.create_secret(await office.apps.create_app())
    async with open_socket(office.client.socket_url) as socket:
        await socket.init(key)
        await office.fail_all()
        await office.apps.run(REVOKE_SECRET, appSecretId=key_id)
        with suppress(ConnectionClosed):
            await socket.subscribe("a", VIEWER)
        code, _ = await socket.wait_closed()
        assert code == FORBIDDEN
