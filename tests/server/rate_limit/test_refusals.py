"""Refused requests and sockets are paid for, too."""

from collections.abc import Awaitable, Mapping
from typing import Any

import pytest

from execution import Limits
from resolvers.context import Container
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
)
from server.transport.websocket.frames import TRY_AGAIN
from services.core.rate_limiter import RateLimiter
from tests.support.actors import create_client
from tests.support.server.client import serve_engine
from tests.support.server.websocket_client import open_socket


async def test_a_socket_is_opened_and_renewed_by_those_who_can_pay(container: Container) -> None:
    """A handshake and a token were free: a client could open sockets without an end."""
    person = await create_client(container, "Spender")
    budgets = CallerBudgets(sizes=CallerBucketSizes.of(1))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    async with (
        serve_engine(container, limited) as client,
        open_socket(client.socket_url) as first,
    ):
        await first.init(person.token)
        budgets.take(person.actor, "", 1_000)
        await first.send(type="ping", payload={"authorization": f"Bearer {person.token}"})
        [error] = (await first.receive())["payload"]["errors"]
        assert error["extensions"]["code"] == "THROTTLED"
        assert error["extensions"]["retryAfterSeconds"] > 0
        async with open_socket(client.socket_url) as second:
            await second.send(
                type="connection_init", payload={"authorization": f"Bearer {person.token}"}
            )
            code, reason = await second.wait_closed()
    assert (code, "try again in" in reason) == (TRY_AGAIN, True)


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"{"},
        {"content": b"[" * 50_000},
        {"json": [{}]},
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
        {"json": {"query": "{ schemaVersion }"}, "headers": {"accept": "image/png"}},
        {"json": {"query": "subscription { unknown }"}, "headers": {"authorization": "Basic x"}},
        {"json": {"documentId": "0" * 64}},
    ],
)
@pytest.mark.parametrize("way", ["fast", "asgi"])
async def test_a_refused_request_is_paid_for_by_its_network(
    container: Container, sent: dict[str, Any], way: str
) -> None:
    """Malformed bodies, wrong media types and unknown documents were answered for nothing."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    headers = {"content-type": "application/json", **sent.get("headers", {})}
    # An upgrade that is none keeps a request from the fast path.
    headers |= {"upgrade": "none"} if way == "asgi" else {}
    async with serve_engine(container, limited, FarAuthenticator(container, budgets)) as client:
        first = await client.http.post("/graphql", **{**sent, "headers": headers})
        for _ in range(28):
            await client.http.post("/graphql", **{**sent, "headers": headers})
        last = await client.http.post("/graphql", **{**sent, "headers": headers})
    [error] = last.json()["errors"]
    assert first.status_code != 429
    assert last.status_code == 429
    assert last.headers["retry-after"] == str(error["extensions"]["retryAfterSeconds"])


class FarAuthenticator(HeaderAuthenticator):
    """Sees all callers at an address that is limited: tests connect from this machine."""

    address = "203.0.113.52"

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        return super().authenticate(headers, client=self.address)

    def charge_refusal(self, client: str) -> AuthenticationFailure | None:
        return super().charge_refusal(self.address)
