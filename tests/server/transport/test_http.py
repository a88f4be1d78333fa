"""GraphQL over HTTP: methods, media types, malformed requests, statuses and headers."""

import asyncio

import httpx
import pytest

from server.transport.limits import MAX_BODY_BYTES
from tests.support.server.small_server import RunningServer

RESPONSE_JSON = "application/graphql-response+json"
URQL = f"{RESPONSE_JSON}, application/graphql+json, application/json, text/event-stream"


def code_of(response: httpx.Response) -> str:
    body = response.json()
    assert set(body) == {"errors"}, body
    code = body["errors"][0]["extensions"]["code"]
    assert isinstance(code, str)
    return code


async def test_a_query_is_answered_with_its_data(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"})
    assert (response.status_code, response.json()) == (200, {"data": {"hello": "hello world"}})


async def test_a_query_can_be_sent_by_get_with_variables(client: httpx.AsyncClient) -> None:
    query = "query Q($name: String!) { hello(name: $name) }"
    params = {"query": query, "variables": '{"name": "Ana"}', "operationName": "Q"}
    response = await client.get("/graphql", params=params)
    assert response.json() == {"data": {"hello": "hello Ana"}}


async def test_a_mutation_by_get_is_refused_and_not_run(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    before = served.seen.bumps
    response = await client.get("/graphql", params={"query": "mutation { bump }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert code_of(response) == "METHOD_NOT_ALLOWED"
    assert served.seen.bumps == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
async def test_other_methods_are_named_in_allow(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (RESPONSE_JSON, RESPONSE_JSON),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json;q=0.9", RESPONSE_JSON),
        (URQL, RESPONSE_JSON),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/json;q=nan, */*;q=2, application/*;q=0.3", "application/json"),
    ],
)
async def test_the_accept_header_chooses_the_media_type(
    client: httpx.AsyncClient, accept: str, media: str
) -> None:
    response = await client.post(
        "/graphql", json={"query": "{ hello }"}, headers={"accept": accept}
    )
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        f"{media}; charset=utf-8",
    )


async def test_an_unsupported_accept_header_is_a_406(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "{ hello }"}, headers={"accept": "image/png"}
    )
    assert (response.status_code, code_of(response)) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query ($a: Int!) { hello }"])
async def test_a_request_error_is_400_in_the_new_media_type_and_200_in_the_old(
    client: httpx.AsyncClient, query: str
) -> None:
    for accept, status in [(RESPONSE_JSON, 400), ("application/json", 200)]:
        response = await client.post("/graphql", json={"query": query}, headers={"accept": accept})
        assert response.status_code == status
        assert "data" not in response.json()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"null", "JSON object"),
        (b"1", "JSON object"),
        (b"true", "JSON object"),
        (b'"{ hello }"', "JSON object"),
        (b"[]", "batches"),
        (b'[{"query":"{ hello }"}]', "batches"),
        (b"{}", "'query'"),
        (b'{"query":null}', "'query'"),
        (b'{"query":["{ hello }"]}', "'query'"),
        (b'{"query":"{ hello }","variables":[]}', "'variables'"),
        (b'{"query":"{ hello }","variables":"{}"}', "'variables'"),
        (b'{"query":"{ hello }","extensions":0}', "'extensions'"),
        (b'{"query":"{ hello }","operationName":{}}', "'operationName'"),
        (b'{"query":"\xff\xfe"}', "not valid JSON"),
        (b'{"query":"\\ud800"}', "not valid JSON"),
        (b'{"query":"{ hello }","variables":{"a":NaN}}', "not valid JSON"),
        ("{}".encode("utf-16"), "not valid JSON"),
        (b"[" * 50_000, "not valid JSON"),
        (b'{"a":' * 15_000, "not valid JSON"),
        (
            b'{"query":"{ hello }","variables":{"a":' + b"[" * 500 + b"]" * 500 + b"}}",
            "levels deep",
        ),
    ],
)
async def test_a_malformed_body_is_a_400_that_says_why(
    client: httpx.AsyncClient, body: bytes, reason: str
) -> None:
    response = await client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    assert reason in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/graphql"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_only_plain_json_may_be_posted(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/graphql", content=b'{"query":"{ hello }"}', headers=headers)
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("size_bytes", [MAX_BODY_BYTES + 1, 1_000_000, 20_000_000])
async def test_a_large_body_is_a_413_with_or_without_its_length(
    client: httpx.AsyncClient, size_bytes: int
) -> None:
    async def pieces() -> object:
        for _ in range(0, size_bytes, 65_536):
            yield b" " * 65_536

    for content in (b" " * size_bytes, pieces()):
        response = await client.post(
            "/graphql",
            content=content,  # type: ignore[arg-type]  # httpx takes any async iterable of bytes
            headers={"content-type": "application/json"},
        )
        assert (response.status_code, code_of(response)) == (413, "PAYLOAD_TOO_LARGE")
    assert (await client.post("/graphql", json={"query": "{ hello }"})).status_code == 200


async def test_a_body_that_never_ends_is_a_408(served: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b'content-length: 50\r\n\r\n{"query":'
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 3)
    writer.close()


async def test_a_client_that_disconnects_in_its_body_causes_no_error(served: RunningServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b'content-length: 50\r\n\r\n{"query":'
    )
    await writer.drain()
    writer.transport.abort()
    await asyncio.sleep(0.1)


async def test_a_long_query_string_is_a_414_and_a_doubled_one_a_400(
    client: httpx.AsyncClient,
) -> None:
    long = await client.get("/graphql", params={"query": "{ hello }" + " " * 20_000})
    assert (long.status_code, code_of(long)) == (414, "URI_TOO_LONG")
    twice = await client.get("/graphql?query={hello}&query={broken}")
    assert (twice.status_code, code_of(twice)) == (400, "BAD_REQUEST")
    bad = await client.get("/graphql", params={"query": "{ hello }", "variables": "{"})
    assert (bad.status_code, code_of(bad)) == (400, "BAD_REQUEST")


async def test_a_get_with_cookies_from_another_page_is_refused(client: httpx.AsyncClient) -> None:
    params = {"query": "{ hello }"}
    foreign = await client.get("/graphql", params=params, headers={"cookie": "a=b"})
    assert (foreign.status_code, code_of(foreign)) == (403, "FORBIDDEN")
    for proof in ({"graphql-preflight": "1"}, {"sec-fetch-site": "same-origin"}):
        response = await client.get("/graphql", params=params, headers={"cookie": "a=b", **proof})
        assert response.status_code == 200


async def test_an_operation_past_its_time_limit_is_canceled_and_a_typed_error(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    before = served.seen.canceled
    response = await client.post("/graphql", json={"query": "{ slow(seconds: 20) }"})
    assert (response.status_code, code_of(response)) == (504, "TIMEOUT")
    assert served.seen.canceled == before + 1


async def test_a_failing_field_is_a_200_with_data_and_errors(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "{ broken }"}, headers={"accept": "*/*"}
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"broken": None}
    assert response.json()["errors"][0]["path"] == ["broken"]


async def test_a_denied_caller_is_a_401_with_a_code(client: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer bad"}
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
    assert (response.status_code, code_of(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_an_authenticator_that_fails_on_purpose_is_a_503_with_a_reference(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"authorization": "Bearer broken", "x-request-id": "ref-1"}
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
    assert (response.status_code, code_of(response)) == (503, "UNAVAILABLE")
    assert "ref-1" in response.json()["errors"][0]["message"]
    assert "ref-1" in caplog.text


async def test_headers_reach_the_context_and_the_request_id_comes_back(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    headers = {"Accept-Language": "pt", "Idempotency-Key": "k-1", "x-request-id": "abc-1"}
    response = await client.post("/graphql", json={"query": "{ language }"}, headers=headers)
    assert response.json() == {"data": {"language": "pt"}}
    assert response.headers["x-request-id"] == "abc-1"
    seen = served.seen.headers[-1]
    assert (seen["idempotency-key"], seen["x-request-id"]) == ("k-1", "abc-1")


@pytest.mark.parametrize("offered", ["", "a b", "x" * 65, "é"])
async def test_a_malformed_request_id_is_replaced(client: httpx.AsyncClient, offered: str) -> None:
    headers = {"x-request-id": offered.encode()}
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers=headers)  # type: ignore[arg-type]  # httpx takes bytes values
    assert response.headers["x-request-id"] != offered
    assert len(response.headers["x-request-id"]) == 32
