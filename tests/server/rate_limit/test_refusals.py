"""Refused requests and sockets are paid for, too."""

import json
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from execution import Limits
from models.identity import ANONYMOUS, Actor
from resolvers.context import Container
from resolvers.prices import REFUSED_REQUEST, request_price
from schema.root import graph
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.unknown_addresses import UnknownAddresses
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
from server.transport.http import body
from server.transport.websocket.frames import BAD_REQUEST, TRY_AGAIN
from services.core.rate_limiter import CostReservation, RateLimiter
from tests.support.actors import create_client
from tests.support.graph_queries import record_statements
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
        {"content": b"[" * 2_000},
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


PING = {"type": "ping", "payload": {"a": [{}] * 15_000}}


@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_large_frame_is_paid_for_before_it_is_parsed(
    container: Container, signed_in: bool
) -> None:
    """A ping of 60 KB took two milliseconds of CPU and no units, 45 times a second.

    The caller pays on an open socket; its client network on one that has not begun.
    """
    person = await create_client(container, "Pinger")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    authenticator = FarAuthenticator(container, budgets)
    payer = (person.actor if signed_in else ANONYMOUS, authenticator.address)
    async with (
        serve_engine(container, limited, authenticator) as client,
        open_socket(client.socket_url) as paid,
        open_socket(client.socket_url) as unpaid,
    ):
        if signed_in:
            await paid.init(person.token)
            await unpaid.init(person.token)
        before = level(budgets, *payer)
        await paid.send(**PING)
        code, reason = await paid.wait_closed()
        assert (code, "at most" in reason) == (BAD_REQUEST, True)
        assert before - level(budgets, *payer) >= request_price(len(json.dumps(PING)))
        budgets.take(*payer, level(budgets, *payer))
        await unpaid.send(**PING)
        code, reason = await unpaid.wait_closed()
        assert (code, "try again in" in reason) == (TRY_AGAIN, True)


async def test_the_size_of_an_operation_on_a_socket_is_paid_once(container: Container) -> None:
    """Its frame is paid for before it is parsed: the operation does not pay for it again."""
    person = await create_client(container, "Author")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    query = "{ schemaVersion }"
    padded = {"query": query, "extensions": {"padding": "x" * 20_000}}
    frame = {"type": "subscribe", "id": "2", "payload": padded}
    async with (
        serve_engine(container, limited) as client,
        open_socket(client.socket_url) as socket,
    ):
        await socket.init(person.token)
        costs = []
        for key, payload in enumerate([{"query": query}, {"query": query}, padded]):
            before = level(budgets, person.actor, "")
            await socket.send(type="subscribe", id=str(key), payload=payload)
            assert (await socket.receive())["type"] == "next"
            assert (await socket.receive())["type"] == "complete"
            costs.append(before - level(budgets, person.actor, ""))
    assert costs[2] - costs[1] == request_price(len(json.dumps(frame)))


@pytest.mark.parametrize("way", ["fast", "asgi"])
async def test_a_refused_body_is_paid_for_by_its_size(container: Container, way: str) -> None:
    """A list of 100 KB was parsed and refused for the price of an empty request."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    body = b"[" + b",".join([b"{}"] * 30_000) + b"]"
    headers = {"content-type": "application/json"}
    headers |= {"upgrade": "none"} if way == "asgi" else {}
    authenticator = FarAuthenticator(container, budgets)
    async with serve_engine(container, limited, authenticator) as client:
        before = level(budgets, ANONYMOUS, authenticator.address)
        response = await client.http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    paid = before - level(budgets, ANONYMOUS, authenticator.address)
    assert paid == REFUSED_REQUEST + request_price(len(body))


@pytest.mark.parametrize("way", ["fast", "asgi"])
@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_large_body_is_paid_for_before_it_is_parsed(
    container: Container, monkeypatch: pytest.MonkeyPatch, way: str, signed_in: bool
) -> None:
    """The JSON and the document of 100 KB were read before the answer was 429."""
    person = await create_client(container, "Broke")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1_000))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    authenticator = FarAuthenticator(container, budgets)
    payer = (person.actor if signed_in else ANONYMOUS, authenticator.address)
    parsed: list[bytes] = []
    monkeypatch.setattr(body, "decode_json", parsed.append)
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {person.token}"} if signed_in else {}
    headers |= {"upgrade": "none"} if way == "asgi" else {}
    async with serve_engine(container, limited, authenticator) as client:
        budgets.take(*payer, level(budgets, *payer))
        large = await client.http.post("/graphql", content=b"[" * 50_000, headers=headers)
    [error] = large.json()["errors"]
    assert (large.status_code, error["extensions"]["code"]) == (429, "THROTTLED")
    assert large.headers["retry-after"] == str(error["extensions"]["retryAfterSeconds"])
    assert parsed == []


@pytest.mark.parametrize(
    "headers", [{"origin": "https://foreign.example"}, {"subprotocols": ["mqtt"]}]
)
async def test_a_refused_handshake_is_paid_for_by_its_network(
    container: Container, headers: dict[str, Any]
) -> None:
    """Sockets of foreign pages and of other protocols were refused for nothing.

    Without budget there is no handshake, only to say why it is closed.
    """
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    limited = GraphQLEngine(graph, limits=Limits(), on_error=format_error, budgets=budgets)
    authenticator = FarAuthenticator(container, budgets)
    async with serve_engine(container, limited, authenticator) as client:
        before = level(budgets, ANONYMOUS, authenticator.address)
        with suppress(InvalidStatus):
            async with connect(client.socket_url, **headers) as socket:
                await socket.wait_closed()
        assert before - level(budgets, ANONYMOUS, authenticator.address) == REFUSED_REQUEST
        budgets.take(ANONYMOUS, authenticator.address, before)
        with pytest.raises(InvalidStatus) as refused:
            await connect(client.socket_url, **headers)
        assert refused.value.response.status_code == 403


async def test_an_upgrade_of_an_unknown_address_is_paid_for(container: Container) -> None:
    """It was closed for nothing."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        raise AssertionError

    scope = {"type": "websocket", "client": (FarAuthenticator.address, 1), "path": "/none"}
    before = level(budgets, ANONYMOUS, FarAuthenticator.address)
    await UnknownAddresses(budgets)(scope, receive, send)
    assert before - level(budgets, ANONYMOUS, FarAuthenticator.address) == REFUSED_REQUEST
    assert sent == ["websocket.close"]


async def test_a_session_is_not_read_for_somebody_who_can_pay_nothing(
    container: Container,
) -> None:
    """A socket or request without budget read the database before it was refused."""
    person = await create_client(container, "Broke")
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    authenticator = HeaderAuthenticator(container, budgets)
    headers = {"authorization": f"Bearer {person.token}"}
    assert person.actor.session_id is not None
    container.authenticator.forget_sessions(person.actor.session_id)
    budgets.take(person.actor, "", 1_000)
    with record_statements(container.database) as statements:
        refused = await authentication_of(authenticator, headers, "203.0.113.53")
    assert isinstance(refused, AuthenticationFailure)
    assert (refused.status, refused.retry_after_seconds is None) == (429, False)
    assert statements == []


def level(budgets: CallerBudgets, actor: Actor, address: str) -> int:
    """What the narrowest bucket of a caller holds."""
    reserved = budgets.reserve(actor, address, 0)
    assert isinstance(reserved, CostReservation)
    return int(reserved.buckets[0].level(budgets.limiter.now()))


class FarAuthenticator(HeaderAuthenticator):
    """Sees all callers at an address that is limited: tests connect from this machine."""

    address = "203.0.113.52"

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        return super().authenticate(headers, client=self.address)

    def charge_refusal(self, client: str, size_bytes: int = 0) -> AuthenticationFailure | None:
        return super().charge_refusal(self.address, size_bytes)
