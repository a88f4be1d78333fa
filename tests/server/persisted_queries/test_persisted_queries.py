"""Documents by their hash, and who may send others, on every way in."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from execution import Limits, Prepared
from resolvers.context import House
from schema.root import graph
from server.commands import manifest as command
from server.errors import present
from server.graphql_engine import HouseEngine
from server.persisted_queries.library import SHELF_DOCUMENT_CHARACTERS, HouseLibrary, Shelf
from server.persisted_queries.manifest import first_party, hash_of, load
from server.settings import BadSetting
from tests.support.actors import Standing
from tests.support.paths import OPERATIONS
from tests.support.server.client import Doors, opened
from tests.support.server.websocket_client import talk

OURS = "query SchemaVersion {\n  schemaVersion\n}"
OURS_ID = hash_of(OURS)
WATCH = "subscription Watch($after: String) { supportQueueChanged(after: $after) { cursor } }"
MANIFEST = {OURS_ID: OURS, hash_of(WATCH): WATCH}
FREE = "{ __typename }"


def persisted(document_id: str, **more: Any) -> dict[str, Any]:
    """A request as Apollo's link makes it."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_id}}, **more}


@asynccontextmanager
async def library(
    house: House, shelf: Shelf | None = None, free: bool = False
) -> AsyncIterator[Doors]:
    engine = HouseEngine(graph, limits=Limits(), on_error=present)
    kept = HouseLibrary(MANIFEST, free=free, shelf=shelf)
    async with opened(house, engine, library=kept) as doors:
        yield doors


def code(response: Any) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    "body",
    [
        persisted(OURS_ID),
        {"documentId": OURS_ID},
        {"documentId": f"sha256:{OURS_ID.upper()}"},
        {"query": OURS},
        persisted(OURS_ID, query=OURS, operationName="SchemaVersion"),
    ],
)
async def test_in_production_a_document_of_the_manifest_runs_for_anybody(
    house: House, nobody: Standing, body: dict[str, Any]
) -> None:
    async with library(house) as doors:
        told = (await doors.post(nobody, body)).json()
        assert told["data"]["schemaVersion"]


async def test_a_document_of_the_manifest_may_come_by_get(house: House) -> None:
    extensions = json.dumps(persisted(OURS_ID)["extensions"])
    async with library(house) as doors:
        for params in ({"extensions": extensions}, {"documentId": OURS_ID}):
            response = await doors.http.get("/graphql", params=params)
            assert response.json()["data"]["schemaVersion"]


async def test_in_production_free_documents_are_for_staff_support_and_admins(
    house: House,
    nobody: Standing,
    customer: Standing,
    rider: Standing,
    picker: Standing,
    support_agent: Standing,
    super_admin: Standing,
) -> None:
    async with library(house) as doors:
        for who in (nobody, customer, rider):
            response = await doors.post(who, {"query": FREE})
            assert (response.status_code, code(response)) == (403, "PERSISTED_ONLY")
        for who in (picker, support_agent, super_admin):
            assert (await doors.post(who, {"query": FREE})).status_code == 200


async def test_in_development_anybody_may_send_anything(house: House, nobody: Standing) -> None:
    async with library(house, free=True) as doors:
        assert (await doors.post(nobody, {"query": FREE})).json()["data"]


async def test_over_a_socket_the_same_holds(house: House, customer: Standing) -> None:
    async with library(house) as doors, talk(doors.socket_url) as socket:
        await socket.init(customer.token)
        await socket.say(id="1", type="subscribe", payload=persisted(OURS_ID))
        assert (await socket.hear())["payload"]["data"]["schemaVersion"]
        assert (await socket.hear())["type"] == "complete"
        await socket.subscribe("2", FREE)
        refusal = await socket.hear()
        assert (refusal["type"], refusal["id"]) == ("error", "2")
        assert refusal["payload"][0]["extensions"]["code"] == "PERSISTED_ONLY"


async def test_over_server_sent_events_the_same_holds(house: House, customer: Standing) -> None:
    async with library(house) as doors:
        for body, expected in (
            (persisted(hash_of(WATCH)), "FORBIDDEN"),
            ({"query": WATCH.replace("cursor", "__typename")}, "PERSISTED_ONLY"),
        ):
            response = await doors.post(customer, body, accept="text/event-stream")
            event = response.text.split("data: ")[1].split("\n")[0]
            assert orjson.loads(event)["errors"][0]["extensions"]["code"] == expected


async def test_without_a_shelf_apollo_hears_that_nothing_is_kept(
    house: House, super_admin: Standing
) -> None:
    async with library(house) as doors:
        response = await doors.post(super_admin, persisted(hash_of(FREE)))
        assert code(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"


async def test_what_staff_teaches_is_known_to_staff_alone(
    house: House, super_admin: Standing, picker: Standing, customer: Standing, redis_url: str
) -> None:
    document = f"{{ a{uuid4().hex}: __typename }}"
    taught = persisted(hash_of(document))
    one, two = Shelf(redis_url), Shelf(redis_url)
    async with library(house, one) as doors, library(house, two) as other:
        response = await doors.post(super_admin, taught)
        assert code(response) == "PERSISTED_QUERY_NOT_FOUND"
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert (await doors.post(super_admin, {**taught, "query": document})).json()["data"]
        assert (await doors.post(picker, taught)).json()["data"]
        assert (await other.post(picker, taught)).json()["data"]
        assert code(await doors.post(customer, taught)) == "PERSISTED_ONLY"
        broken = persisted(hash_of("{ nothing }"))
        await doors.post(super_admin, {**broken, "query": "{ nothing }"})
        assert code(await doors.post(super_admin, broken)) == "PERSISTED_QUERY_NOT_FOUND"
    await one.aclose()
    await two.aclose()


async def test_a_shelf_keeps_the_newest_of_short_documents(redis_url: str) -> None:
    shelf, other = Shelf(redis_url, documents_count=3), Shelf(redis_url)
    texts = [f"{{ a{uuid4().hex}: __typename }}" for _ in range(5)]
    for text in texts:
        await shelf.put(hash_of(text), text)
    found = [await other.find(hash_of(text)) for text in texts]
    assert len([text for text in found if text is not None]) == 3
    long = "{ __typename }" + " " * SHELF_DOCUMENT_CHARACTERS
    await shelf.put(hash_of(long), long)
    assert await other.find(hash_of(long)) is None
    await shelf.aclose()
    await other.aclose()


async def test_a_shelf_without_redis_finds_nothing_and_breaks_nothing(
    house: House, super_admin: Standing
) -> None:
    shelf = Shelf("redis://127.0.0.1:9/0")
    taught = persisted(hash_of(FREE))
    async with library(house, shelf) as doors:
        assert (await doors.post(super_admin, {**taught, "query": FREE})).json()["data"]
        assert code(await doors.post(super_admin, taught)) == "PERSISTED_QUERY_NOT_FOUND"
    await shelf.aclose()


@pytest.mark.parametrize(
    "body",
    [
        persisted("f" * 63),
        persisted("g" * 64),
        {"documentId": 5},
        {"documentId": ""},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": OURS_ID}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": [1]}},
        persisted(OURS_ID, query="{ another }"),
        persisted(OURS_ID, query=5),
        persisted(OURS_ID, documentId="f" * 64),
        {},
    ],
)
async def test_a_request_for_no_document_is_refused(
    house: House, super_admin: Standing, body: dict[str, Any]
) -> None:
    async with library(house) as doors:
        response = await doors.post(super_admin, body)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


def test_the_manifest_holds_every_operation_of_ours_and_each_is_valid() -> None:
    engine = HouseEngine(graph, limits=Limits(), introspection=False)
    documents = first_party()
    files = OPERATIONS
    assert len(documents) == len(list(files.glob("*.graphql")))
    for name, text in documents.items():
        assert name == hash_of(text)
        assert isinstance(engine.prepare(text), Prepared)


def test_the_command_writes_what_the_setting_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([], {}) == 0
    file = tmp_path / "manifest.json"
    file.write_text(capsys.readouterr().out)
    assert load(str(file)) == first_party() == load(None)


@pytest.mark.parametrize("text", ["", "[]", '{"a": "{ b }"}', '{"a": 1}'])
def test_a_manifest_that_can_not_be_right_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(BadSetting, match="DARKSTORE_MANIFEST"):
        load(str(file))
    with pytest.raises(BadSetting, match="DARKSTORE_MANIFEST"):
        load(str(tmp_path / "nowhere.json"))
