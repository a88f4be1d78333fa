"""Documents by their hash, and who may send others, on every transport."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from execution import Limits, PreparedOperation
from resolvers.context import Container
from schema.root import graph
from server.commands import manifest as command
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.persisted_queries.lookup import PersistedQueries
from server.persisted_queries.manifest import first_party_documents, hash_of, load_manifest
from server.persisted_queries.store import MAX_DOCUMENT_CHARS, PersistedQueryStore
from server.settings import BadSetting
from tests.support.actors import ActorClient
from tests.support.paths import OPERATIONS
from tests.support.server.client import ServerClient, serve_engine
from tests.support.server.websocket_client import open_socket

DOCUMENT = "query SchemaVersion {\n  schemaVersion\n}"
DOCUMENT_ID = hash_of(DOCUMENT)
WATCH = "subscription Watch($after: String) { supportQueueChanged(after: $after) { cursor } }"
MANIFEST = {DOCUMENT_ID: DOCUMENT, hash_of(WATCH): WATCH}
ANY_DOCUMENT = "{ __typename }"


def persisted(document_id: str, **more: Any) -> dict[str, Any]:
    """A request in the format of Apollo's link."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_id}}, **more}


@asynccontextmanager
async def serve_documents(
    container: Container, store: PersistedQueryStore | None = None, any_document: bool = False
) -> AsyncIterator[ServerClient]:
    engine = GraphQLEngine(graph, limits=Limits(), on_error=format_error)
    documents = PersistedQueries(MANIFEST, any_document=any_document, store=store)
    async with serve_engine(container, engine, documents=documents) as client:
        yield client


def code(response: Any) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    "body",
    [
        persisted(DOCUMENT_ID),
        {"documentId": DOCUMENT_ID},
        {"documentId": f"sha256:{DOCUMENT_ID.upper()}"},
        {"query": DOCUMENT},
        persisted(DOCUMENT_ID, query=DOCUMENT, operationName="SchemaVersion"),
    ],
)
async def test_in_production_a_document_of_the_manifest_runs_for_anybody(
    container: Container, nobody: ActorClient, body: dict[str, Any]
) -> None:
    async with serve_documents(container) as client:
        response = await client.post(nobody, body)
        assert response.json()["data"]["schemaVersion"]


async def test_a_document_of_the_manifest_can_be_requested_by_get(container: Container) -> None:
    extensions = json.dumps(persisted(DOCUMENT_ID)["extensions"])
    async with serve_documents(container) as client:
        for params in ({"extensions": extensions}, {"documentId": DOCUMENT_ID}):
            response = await client.http.get("/graphql", params=params)
            assert response.json()["data"]["schemaVersion"]


async def test_in_production_only_staff_support_and_admins_may_send_other_documents(
    container: Container,
    nobody: ActorClient,
    customer: ActorClient,
    rider: ActorClient,
    picker: ActorClient,
    support_agent: ActorClient,
    super_admin: ActorClient,
) -> None:
    async with serve_documents(container) as client:
        for who in (nobody, customer, rider):
            response = await client.post(who, {"query": ANY_DOCUMENT})
            assert (response.status_code, code(response)) == (403, "PERSISTED_ONLY")
        for who in (picker, support_agent, super_admin):
            assert (await client.post(who, {"query": ANY_DOCUMENT})).status_code == 200


async def test_in_development_anybody_may_send_anything(
    container: Container, nobody: ActorClient
) -> None:
    async with serve_documents(container, any_document=True) as client:
        assert (await client.post(nobody, {"query": ANY_DOCUMENT})).json()["data"]


async def test_the_same_holds_for_a_socket(container: Container, customer: ActorClient) -> None:
    async with serve_documents(container) as client, open_socket(client.socket_url) as socket:
        await socket.init(customer.token)
        await socket.send(id="1", type="subscribe", payload=persisted(DOCUMENT_ID))
        assert (await socket.receive())["payload"]["data"]["schemaVersion"]
        assert (await socket.receive())["type"] == "complete"
        await socket.subscribe("2", ANY_DOCUMENT)
        refusal = await socket.receive()
        assert (refusal["type"], refusal["id"]) == ("error", "2")
        assert refusal["payload"][0]["extensions"]["code"] == "PERSISTED_ONLY"


async def test_the_same_holds_for_server_sent_events(
    container: Container, customer: ActorClient
) -> None:
    async with serve_documents(container) as client:
        for body, expected in (
            (persisted(hash_of(WATCH)), "FORBIDDEN"),
            ({"query": WATCH.replace("cursor", "__typename")}, "PERSISTED_ONLY"),
        ):
            response = await client.post(customer, body, accept="text/event-stream")
            event = response.text.split("data: ")[1].split("\n")[0]
            assert orjson.loads(event)["errors"][0]["extensions"]["code"] == expected


async def test_without_a_store_persisted_queries_are_not_supported(
    container: Container, super_admin: ActorClient
) -> None:
    async with serve_documents(container) as client:
        response = await client.post(super_admin, persisted(hash_of(ANY_DOCUMENT)))
        assert code(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"


async def test_documents_stored_by_staff_are_found_by_staff_only(
    container: Container,
    super_admin: ActorClient,
    picker: ActorClient,
    customer: ActorClient,
    redis_url: str,
) -> None:
    document = f"{{ a{uuid4().hex}: __typename }}"
    request = persisted(hash_of(document))
    first, second = PersistedQueryStore(redis_url), PersistedQueryStore(redis_url)
    async with (
        serve_documents(container, first) as client,
        serve_documents(container, second) as other,
    ):
        response = await client.post(super_admin, request)
        assert code(response) == "PERSISTED_QUERY_NOT_FOUND"
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert (await client.post(super_admin, {**request, "query": document})).json()["data"]
        assert (await client.post(picker, request)).json()["data"]
        assert (await other.post(picker, request)).json()["data"]
        assert code(await client.post(customer, request)) == "PERSISTED_ONLY"
        invalid = persisted(hash_of("{ nothing }"))
        await client.post(super_admin, {**invalid, "query": "{ nothing }"})
        assert code(await client.post(super_admin, invalid)) == "PERSISTED_QUERY_NOT_FOUND"
    await first.aclose()
    await second.aclose()


async def test_a_store_keeps_the_newest_short_documents(redis_url: str) -> None:
    store, other = PersistedQueryStore(redis_url, max_documents=3), PersistedQueryStore(redis_url)
    texts = [f"{{ a{uuid4().hex}: __typename }}" for _ in range(5)]
    for text in texts:
        await store.put(hash_of(text), text)
    stored = [await other.find(hash_of(text)) for text in texts]
    assert len([text for text in stored if text is not None]) == 3
    long = "{ __typename }" + " " * MAX_DOCUMENT_CHARS
    await store.put(hash_of(long), long)
    assert await other.find(hash_of(long)) is None
    await store.aclose()
    await other.aclose()


async def test_a_store_without_redis_finds_nothing_and_raises_nothing(
    container: Container, super_admin: ActorClient
) -> None:
    store = PersistedQueryStore("redis://127.0.0.1:9/0")
    request = persisted(hash_of(ANY_DOCUMENT))
    async with serve_documents(container, store) as client:
        assert (await client.post(super_admin, {**request, "query": ANY_DOCUMENT})).json()["data"]
        assert code(await client.post(super_admin, request)) == "PERSISTED_QUERY_NOT_FOUND"
    await store.aclose()


@pytest.mark.parametrize(
    "body",
    [
        persisted("f" * 63),
        persisted("g" * 64),
        {"documentId": 5},
        {"documentId": ""},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": DOCUMENT_ID}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": [1]}},
        persisted(DOCUMENT_ID, query="{ another }"),
        persisted(DOCUMENT_ID, query=5),
        persisted(DOCUMENT_ID, documentId="f" * 64),
        {},
    ],
)
async def test_a_request_without_a_valid_document_is_rejected(
    container: Container, super_admin: ActorClient, body: dict[str, Any]
) -> None:
    async with serve_documents(container) as client:
        response = await client.post(super_admin, body)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


def test_the_manifest_holds_each_of_our_operations_and_all_are_valid() -> None:
    engine = GraphQLEngine(graph, limits=Limits(), introspection=False)
    documents = first_party_documents()
    assert len(documents) == len(list(OPERATIONS.glob("*.graphql")))
    for name, text in documents.items():
        assert name == hash_of(text)
        assert isinstance(engine.prepare(text), PreparedOperation)


def test_the_output_of_the_command_is_a_valid_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([], {}) == 0
    file = tmp_path / "manifest.json"
    file.write_text(capsys.readouterr().out)
    assert load_manifest(str(file)) == first_party_documents() == load_manifest(None)


@pytest.mark.parametrize("text", ["", "[]", '{"a": "{ b }"}', '{"a": 1}'])
def test_an_invalid_manifest_is_rejected(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(BadSetting, match="DARKSTORE_MANIFEST"):
        load_manifest(str(file))
    with pytest.raises(BadSetting, match="DARKSTORE_MANIFEST"):
        load_manifest(str(tmp_path / "nowhere.json"))
