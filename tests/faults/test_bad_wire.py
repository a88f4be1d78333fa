"""Bytes that are no request and tokens that are no good: refused clearly, and nothing written."""

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
from models.ids import encode
from models.orders import Order
from services.identity.access_tokens import ALGORITHM, load_keys
from tests.server.transport.test_malformed_frames import MALFORMED
from tests.support.faults.http_client import PLACE, Neighborhood, line, troubles
from tests.support.server.websocket_client import talk

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
async def untouched(neighborhood: Neighborhood) -> AsyncIterator[None]:
    """No test here leaves a row behind, nor a fault in the log."""
    async with neighborhood.nothing_written():
        yield


async def said(one: Neighborhood, body: bytes, headers: dict[str, str]) -> tuple[int, set[str]]:
    """The status and the codes of the answer to these bytes."""
    async with one.http.post(one.town.graph, data=body, headers=headers) as response:
        return response.status, troubles(json.loads(await response.read()))


@pytest.mark.parametrize(("body", "headers", "status", "code"), BODIES, ids=range(len(BODIES)))
async def test_a_body_that_is_no_request(
    neighborhood: Neighborhood, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    assert await said(neighborhood, body, headers) == (status, {code})


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
async def test_a_document_that_is_none(neighborhood: Neighborhood, document: str) -> None:
    status, codes = await said(neighborhood, json.dumps({"query": document}).encode(), JSON)
    assert status in (200, 400, 413)
    assert codes
    assert "INTERNAL" not in codes


@pytest.mark.parametrize("frame", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_frame_that_is_no_message(neighborhood: Neighborhood, frame: str | bytes) -> None:
    async with talk(neighborhood.town.graph.replace("http", "ws", 1)) as t:
        if "connection_init" not in str(frame):
            await t.init()
        await t.socket.send(frame)
        code, reason = await t.until_closed()
        assert code == 4400
        assert reason


async def test_a_socket_of_another_protocol_is_refused(neighborhood: Neighborhood) -> None:
    url = neighborhood.town.graph.replace("http", "ws", 1)
    with suppress(InvalidStatus):
        async with talk(url, "graphql-ws") as t:
            assert (await t.until_closed())[0] == 4406


def bad_tokens(one: Neighborhood) -> dict[str, str]:
    """Tokens by what is wrong with them."""
    good = one.owner.token
    claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
    key = load_keys(one.town.keys_file).keys[0]
    names = {"kid": key.kid}

    def signed(changed: dict[str, Any], private: Any = key.private, **head: Any) -> str:
        return jwt.encode(claims | changed, private, ALGORITHM, headers=names | head)

    head, body, signature = good.split(".")
    past = int(time.time()) - 60
    return {
        "expired": signed({"exp": past, "iat": past - 600}),
        "of another key": signed({}, Ed25519PrivateKey.generate()),
        "of an unknown key": signed({}, Ed25519PrivateKey.generate(), kid="0" * 16),
        "unsigned": jwt.encode(claims, "", "none", headers=names),
        "signed with the public key": jwt.encode(claims, "x" * 32, "HS256", headers=names),
        "for somebody else": signed({"aud": "another-graph"}),
        "of another house": signed({"iss": "somebody"}),
        "without an end": signed({"exp": None}),
        "of nobody": signed({"sub": "root"}),
        "of no role": signed({"grants": [["KING", None, None]]}),
        "of a session that never was": signed({"sid": str(uuid7())}),
        "cut": good[:-5],
        "with another body": f"{head}.{body[:-4]}AAAA.{signature}",
        "empty": "",
        "of one word": "x",
        "very long": "x" * 8000,
    }


async def test_a_token_that_is_no_good_opens_nothing(neighborhood: Neighborhood) -> None:
    one = neighborhood
    given = {"input": {"at": one.quarter.point, "lines": [line(one.quarter)]}}
    for wrong, token in bad_tokens(one).items():
        for query, variables in ((VIEWER, None), (PLACE, given)):
            body = json.dumps({"query": query, "variables": variables}).encode()
            headers = JSON | {"authorization": f"Bearer {token}"}
            assert await said(one, body, headers) == (401, {"UNAUTHENTICATED"}), wrong
        async with talk(one.town.graph.replace("http", "ws", 1)) as t:
            payload = {"authorization": f"Bearer {token}"}
            await t.say(type="connection_init", payload=payload)
            assert (await t.until_closed())[0] == 4401, wrong


async def test_a_stream_of_another_customers_order_is_one_of_nothing(
    neighborhood: Neighborhood,
) -> None:
    one = neighborhood
    for order_id in (one.order_id, encode(Order, uuid7()), "nothing"):
        async with talk(one.town.graph.replace("http", "ws", 1)) as t:
            await t.init(one.stranger.token)
            await t.subscribe("1", TRACK % order_id)
            async with asyncio.timeout(5):
                heard = await t.hear()
        assert heard["type"] in ("error", "next"), heard
        payload = heard["payload"]
        errors = payload if heard["type"] == "error" else payload["errors"]
        assert {error["extensions"]["code"] for error in errors} == {"NOT_FOUND"}


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b"x" * 300_000])
@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "t=x", "v1", "é"])
async def test_a_webhook_that_the_provider_did_not_sign(
    neighborhood: Neighborhood, body: bytes, signature: str
) -> None:
    url = f"{neighborhood.town.url}/webhooks/stripe"
    headers = {"stripe-signature": signature}
    async with neighborhood.http.post(url, data=body, headers=headers) as response:
        assert response.status in (400, 413)
        assert (await response.json())["code"] in ("BAD_SIGNATURE", "PAYLOAD_TOO_LARGE")


async def test_paths_that_lead_nowhere(neighborhood: Neighborhood) -> None:
    one = neighborhood
    for path in (
        "/",
        "/graphql/",
        "/..%2f..%2fetc/passwd",
        "/%00",
        "/static/%ff",
        "/explorer/../x",
    ):
        async with one.http.get(URL(one.town.url + path, encoded=True)) as response:
            assert response.status < 500, path
