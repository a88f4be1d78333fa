"""Tokens, keys and secrets of ours that have ended are refused at a price, and nobody else is."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from execution import Limits
from resolvers import prices
from resolvers.context import Container
from schema.root import graph
from server.auth.header_authenticator import HeaderAuthenticator
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import AuthenticationFailure, authentication_of
from services.core.rate_limiter import RateLimiter
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import serve_engine
from tests.support.server.integrator import REVOKE_SECRET, AppAdmin
from workflows.identity import secret_index

ADDRESS = "203.0.113.71"
UNITS = 200
"""What a person gets in a second, and what an ended credential has at most."""
REFUSALS = UNITS // prices.FAILED_AUTHENTICATION
KINDS = ["expired token", "signed-out session", "revoked key", "token of a revoked secret"]


@dataclass
class Edge:
    """A server whose clock stands still, as one address sees it, and an admin of apps."""

    container: Container
    budgets: CallerBudgets
    apps: AppAdmin
    neighbor: ActorClient
    count: int = 0

    async def refusal(self, token: str) -> tuple[int, int | None] | None:
        """The status and the seconds to wait of the refusal of a token; None for a valid one."""
        authenticator = HeaderAuthenticator(self.container, self.budgets)
        headers = {"authorization": f"Bearer {token}"}
        caller = await authentication_of(authenticator, headers, ADDRESS)
        if isinstance(caller, AuthenticationFailure):
            return caller.status, caller.retry_after_seconds
        return None

    async def ended(self, kind: str) -> str:
        """A credential of this kind, each time another one."""
        authenticator = self.container.authenticator
        self.count += 1
        if kind == "expired token":
            return authenticator.sign(self.neighbor.actor, time.time() - 120 - self.count)[0]
        if kind == "signed-out session":
            gone = await create_client(self.container, "Gone")
            await gone.run(operation("session_revoke_all"))
            return gone.token
        app = await self.apps.create_app()
        secret_kind = "API_KEY" if kind == "revoked key" else "CLIENT_SECRET"
        secret_id, secret = await self.apps.create_secret(app, secret_kind)
        token = secret
        if kind != "revoked key":
            token = (await self.apps.request_token(app, secret)).json()["access_token"]
        await self.apps.run(REVOKE_SECRET, appSecretId=secret_id)
        return token


@pytest.fixture
async def edge(
    container: Container,
    company_admin: ActorClient,
    shared_city: City,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Edge]:
    # The keys of these tests are younger than the second in which a process may not know them.
    monkeypatch.setattr(secret_index, "REFRESH_SECONDS", 0)
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(UNITS))
    engine = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    neighbor = await create_client(container, "Neighbor")
    async with serve_engine(container, engine) as client:
        apps = await AppAdmin.create(company_admin, client, shared_city)
        yield Edge(container, budgets, apps, neighbor)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_has_ended_is_refused_at_a_price(edge: Edge, kind: str) -> None:
    """A 401 cost its caller nothing: an old token could be sent for ever, at full speed.

    It learns first that it has ended. A valid token of the same address is served all the while.
    """
    token = await edge.ended(kind)
    assert [await edge.refusal(token) for _ in range(REFUSALS)] == [(401, None)] * REFUSALS
    status, wait = await edge.refusal(token) or (0, None)
    assert (status, (wait or 0) > 0) == (429, True)
    assert await edge.refusal(edge.neighbor.token) is None
    assert (await edge.refusal(await edge.ended(kind)) or (0,))[0] == 401, "another one is told"


async def test_a_signature_in_another_spelling_is_the_same_token(edge: Edge) -> None:
    """Base64 may be padded: each spelling would be another token, with a bucket of its own."""
    token = await edge.ended("expired token")
    spellings = [token, f"{token}=="] * (REFUSALS // 2) + [token, f"{token}=="]
    statuses = [(await edge.refusal(spelling) or (0,))[0] for spelling in spellings]
    assert statuses == [401] * REFUSALS + [429, 429]


async def test_invented_tokens_take_no_bucket_each(edge: Edge) -> None:
    """The buckets of others would be forgotten, and full again."""
    before = len(edge.budgets.limiter)
    for number in range(50):
        await edge.refusal(f"{number}.invented.token")
    assert len(edge.budgets.limiter) <= before + 1


async def test_a_secret_with_the_id_of_another_client_is_paid_by_its_app(edge: Edge) -> None:
    """It was looked up and refused for nothing, as secrets of ours are checked in a flood, too."""
    app = await edge.apps.create_app()
    _, secret = await edge.apps.create_secret(app, "CLIENT_SECRET")
    statuses = []
    for _ in range(UNITS * 400 // prices.ACCESS_TOKEN + 1):
        response = await edge.apps.request_token("app_AZq3AAAAAAAAAAAAAAAAAA", secret)
        statuses.append(response.status_code)
        if response.status_code == 429:
            assert int(response.headers["retry-after"]) > 0
            break
    assert statuses[0] == 401
    assert statuses[-1] == 429


async def test_a_revoked_secret_is_refused_at_a_price_by_the_token_endpoint(edge: Edge) -> None:
    """So is a valid API key that is taken for a client secret: it stays a valid key."""
    app = await edge.apps.create_app()
    secret_id, secret = await edge.apps.create_secret(app, "CLIENT_SECRET")
    await edge.apps.run(REVOKE_SECRET, appSecretId=secret_id)
    _, key = await edge.apps.create_secret(app)
    for text in (secret, key):
        for _ in range(REFUSALS):
            assert (await edge.apps.request_token(app, text)).status_code == 401
        last = await edge.apps.request_token(app, text)
        assert last.status_code == 429
        assert last.headers["retry-after"] == str(last.json()["retryAfterSeconds"])
    assert await edge.refusal(key) is None
