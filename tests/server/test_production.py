"""What production switches off: the explorer, introspection and documents of strangers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from server import gc_settings
from server.app import open_app
from server.settings import read_settings
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.graph_queries import operation

INTROSPECTION = {"query": "{ __schema { queryType { name } } }"}


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the garbage collector of the test process as it is."""
    monkeypatch.setattr(gc_settings, "freeze_gc", lambda: None)


@asynccontextmanager
async def serve_app(
    environment: str, database_url: str, redis_url: str, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application of an installation, called in this process."""
    own = {
        "DARKSTORE_ENV": environment,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(folder / "keys.json"),
    }
    settings = read_settings({**REQUIRED, **SMS_ACCOUNT, **own})
    async with open_app(settings) as app:
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            yield client


async def test_production_answers_documents_of_the_manifest_by_post_and_nothing_else(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with serve_app("production", database_url, redis_url, tmp_path) as client:
        own_document = await client.post(
            "/graphql", json={"query": _bare(operation("schema_version"))}
        )
        assert own_document.json()["data"]["schemaVersion"]
        assert own_document.json()["extensions"]["cost"]["budget"]["maximum"] == 200_000
        assert (await client.get("/graphql?query={schemaVersion}")).status_code == 405
        for document in (INTROSPECTION, {"query": "{ schemaVersion }"}):
            response = await client.post("/graphql", json=document)
            assert response.json()["errors"][0]["extensions"]["code"] == "PERSISTED_ONLY"
        for path in ("/", "/explorer", "/explorer/book.json", "/explorer/vendor/graphiql.js"):
            assert (await client.get(path)).status_code == 404


async def test_production_never_allows_introspection(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "server.persisted_queries.lookup.PersistedQueries._may_send", lambda *_: True
    )
    async with serve_app("production", database_url, redis_url, tmp_path) as client:
        response = await client.post("/graphql", json=INTROSPECTION)
        assert "introspection" in response.json()["errors"][0]["message"]
        assert "data" not in response.json()


async def test_development_is_open(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with serve_app("development", database_url, redis_url, tmp_path) as client:
        assert (await client.post("/graphql", json=INTROSPECTION)).json()["data"]
        assert (await client.get("/graphql?query={schemaVersion}")).status_code == 200
        assert (await client.get("/")).headers["location"] == "/explorer"


def _bare(document: str) -> str:
    lines = document.splitlines()
    return "\n".join(line for line in lines if not line.startswith("#")).strip()
