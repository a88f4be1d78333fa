"""Malformed requests and invalid tokens: refused with a clear error, and nothing is written."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import InvalidStatus
from yarl import URL

from database.base import uuid7
from models.ids import encode_id
from models.orders import Order
from services.identity.access_tokens import ALGORITHM, load_keys
from tests.server.transport.test_malformed_frames import MALFORMED
from tests.support.faults.http_client import PLACE, FaultScenario, error_codes, order_line
from tests.support.server.websocket_client import open_socket

JSON = {"content-type": "application/json"}
VIEWER = "{ viewer { id } }"
TRACK = 'subscription { orderTracked(orderId: "%s") { kind } }'
BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", JSON, 400, "BAD_REQUEST"),
    (b"{", JSON, 400, "BAD_REQUEST"),
    (b"null", JSON, 400, "BAD_REQUEST"),
    (b"[]", JSON, 400, "BAD_REQUEST"),
    (b"42", JSON, 400, "BAD_REQUEST"),
    (b'"{ viewer { id } }"', JSON, 400, "BAD_REQUEST"),
    (b"\xff\xfe{", JSON, 400, "BAD_REQUEST"),
    (b'{"query": "\\ud800"}', JSON, 400, "BAD_REQUEST"),
    (b'{"query": null}', JSON, 400, "BAD_REQUEST"),
    (b'{"query": 1}', JSON, 400, "BAD_REQUEST"),
    (b'{"query": "{ viewer { id } }", "variables": []}', JSON, 400, "BAD_REQUEST"),
    (b'{"query": "{ viewer { id } }", "variables": {"a": NaN}}', JSON, 400, "BAD_REQUEST"),
    (b'{"query": "{ viewer { id } }", "operationName": 7}', JSON, 400, "BAD_REQUEST"),
    (b"[" * 90_000, JSON, 400, "BAD_REQUEST"),
    (b'{"query":"{ viewer { id } }","variables":' + b'{"a":' * 200 + b"1" + b"}" * 201, JSON, 400,
     "BAD_REQUEST"),
    (b'{"query": "# ' + b"x" * 1_000_000 + b'"}', JSON, 413, "PAYLOAD_TOO_LARGE"),
    (b"{ viewer { id } }", {"content-type": "application/graphql"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"query=x", {"content-type": "application/x-www-form-urlencoded"}, 415,
     "UNSUPPORTED_MEDIA_TYPE"),
    (b"{}", JSON | {"content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"{}", JSON | {"accept": "image/png"}, 406, "NOT_ACCEPTABLE"),
]  # fmt: skip
DOCUMENTS = [
    "",
    "}",
    "{",
    "{ viewer",
    "{ nothing }",
    "query A { viewer { id } } query B { viewer { id } }",
    "fragment F on Query { ...F } { ...F }",
    "{ " + "viewer { id } " * 5000 + "}",
    "{" * 2000,
    "{ viewer " + "@skip(if: false) " * 50 + "{ id } }",
    "subscription { orderTracked }",
    "mutation { orderPlace(input: {}) { errors { __typename } } }",
    "{ order(id: 1.5) { id } }",
    "query ($n: Nothing) { viewer { id } }",
    "\u0000",
]


@pytest.fixture(autouse=True)
async def nothing_is_written(scenario: FaultScenario) -> AsyncIterator[None]:
    """Assert that no test of this module writes a row or an error to the log."""
    async with scenario.assert_nothing_written():
        yield


async def send(
    scenario: FaultScenario, body: bytes, headers: dict[str, str]
) -> tuple[int, set[str]]:
    """Send a body and return the status and the error codes of the response."""
    url = scenario.servers.graph_url
    async with scenario.http.post(url, data=body, headers=headers) as response:
        return response.status, error_codes(json.loads(await response.read()))


@pytest.mark.parametrize(("body", "headers", "status", "code"), BODIES, ids=range(len(BODIES)))
async def test_an_invalid_body_is_refused(
    scenario: FaultScenario, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    assert await send(scenario, body, headers) == (status, {code})


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
async def test_an_invalid_document_is_refused(scenario: FaultScenario, document: str) -> None:
    status, codes = await send(scenario, json.dumps({"query": document}).encode(), JSON)
    assert status in (200, 400, 413)
    assert codes
    assert "INTERNAL" not in codes


@pytest.mark.parametrize("frame", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_frame_closes_the_socket(
    scenario: FaultScenario, frame: str | bytes
) -> None:
    async with open_socket(scenario.servers.graph_url.replace("http", "ws", 1)) as t:
        if "connection_init" not in str(frame):
            await t.init()
        await t.connection.send(frame)
        code, reason = await t.wait_closed()
        assert code == 4400
        assert reason


async def test_a_socket_with_another_subprotocol_is_refused(scenario: FaultScenario) -> None:
    url = scenario.servers.graph_url.replace("http", "ws", 1)
    with suppress(InvalidStatus):
        async with open_socket(url, "graphql-ws") as t:
            assert (await t.wait_closed())[0] == 4406


def bad_tokens(scenario: FaultScenario) -> dict[str, str]:
    """Return invalid tokens by their defect."""
    valid = scenario.owner.token
    claims: dict[str, Any] = jwt.decode(valid, options={"verify_signature": False})
    key = load_keys(scenario.servers.keys_file).keys[0]
    names = {"kid": key.kid}

    def signed(changes: dict[str, Any], private: Any = key.private, **head: Any) -> str:
        return jwt.encode(claims | changes, private, ALGORITHM, headers=names | head)

    head, body, signature = valid.split(".")
    past = int(time.time()) - 60
    return {
        "expired": signed({"exp": past, "iat": past - 600}),
        "of another key": signed({}, Ed25519PrivateKey.generate()),
        "of an unknown key": signed({}, Ed25519PrivateKey.generate(), kid="0" * 16),
        "unsigned": jwt.encode(claims, "", "none", headers=names),
        "signed with the public key": jwt.encode(claims, "x" * 32, "HS256", headers=names),
        "for another audience": signed({"aud": "another-graph"}),
        "of another issuer": signed({"iss": "somebody"}),
        "without an expiry": signed({"exp": None}),
        "without a person": signed({"sub": "root"}),
        "of an unknown role": signed({"grants": [["KING", None, None]]}),
        "of an unknown session": signed({"sid": str(uuid7())}),
        "truncated": valid[:-5],
        "with another body": f"{head}.{body[:-4]}AAAA.{signature}",
        "empty": "",
        "a single letter": "x",
        "very long": "x" * 8000,
    }


async def test_an_invalid_token_gives_no_access(scenario: FaultScenario) -> None:
    given = {"input": {"location": scenario.city.point, "lines": [order_line(scenario.city)]}}
    for defect, token in bad_tokens(scenario).items():
        for query, variables in ((VIEWER, None), (PLACE, given)):
            body = json.dumps({"query": query, "variables": variables}).encode()
            headers = JSON | {"authorization": f"Bearer {token}"}
            assert await send(scenario, body, headers) == (401, {"UNAUTHENTICATED"}), defect
        async with open_socket(scenario.servers.graph_url.replace("http", "ws", 1)) as t:
            payload = {"authorization": f"Bearer {token}"}
            await t.send(type="connection_init", payload=payload)
            assert (await t.wait_closed())[0] == 4401, defect


async def test_a_stream_of_another_customers_order_is_not_found(
    scenario: FaultScenario,
) -> None:
    for order_id in (scenario.order_id, encode_id(Order, uuid7()), "nothing"):
        async with open_socket(scenario.servers.graph_url.replace("http", "ws", 1)) as t:
            await t.init(scenario.stranger.token)
            await t.subscribe("1", TRACK % order_id)
            async with asyncio.timeout(5):
                message = await t.receive()
        assert message["type"] in ("error", "next"), message
        payload = message["payload"]
        errors = payload if message["type"] == "error" else payload["errors"]
        assert {error["extensions"]["code"] for error in errors} == {"NOT_FOUND"}


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b"x" * 300_000])
@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "t=x", "v1", "é"])
async def test_a_webhook_without_a_valid_signature_is_refused(
    scenario: FaultScenario, body: bytes, signature: str
) -> None:
    url = f"{scenario.servers.url}/webhooks/stripe"
    headers = {"stripe-signature": signature}
    async with scenario.http.post(url, data=body, headers=headers) as response:
        assert response.status in (400, 413)
        assert (await response.json())["code"] in ("BAD_SIGNATURE", "PAYLOAD_TOO_LARGE")


async def test_unknown_paths_are_no_server_errors(scenario: FaultScenario) -> None:
    for path in (
        "/",
        "/graphql/",
        "/..%2f..%2fetc/passwd",
        "/%00",
        "/static/%ff",
        "/explorer/../x",
    ):
        async with scenario.http.get(URL(scenario.servers.url + path, encoded=True)) as response:
            assert response.status < 500, path
