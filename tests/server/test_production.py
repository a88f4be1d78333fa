"""The switches that production turns: nothing to explore, and no documents of strangers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from server import app as application
from server import gc_settings
from server.settings import settings_of
from tests.server.test_settings import ACCOUNT, GIVEN
from tests.support.graph_queries import operation

INTROSPECTION = {"query": "{ __schema { queryType { name } } }"}


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector keeps watching what the tests make."""
    monkeypatch.setattr(gc_settings, "settle", lambda: None)


@asynccontextmanager
async def served(
    environment: str, database_url: str, redis_url: str, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application of an installation, asked in process."""
    own = {
        "DARKSTORE_ENV": environment,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(folder / "keys.json"),
    }
    app = application.build_app(settings_of({**GIVEN, **ACCOUNT, **own}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
            yield client


async def test_production_answers_the_manifest_by_post_and_nothing_else(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with served("production", database_url, redis_url, tmp_path) as client:
        ours = await client.post("/graphql", json={"query": _bare(operation("schema_version"))})
        assert ours.json()["data"]["schemaVersion"]
        assert ours.json()["extensions"]["cost"]["budget"]["maximum"] == 200_000
        assert (await client.get("/graphql?query={schemaVersion}")).status_code == 405
        for document in (INTROSPECTION, {"query": "{ schemaVersion }"}):
            response = await client.post("/graphql", json=document)
            assert response.json()["errors"][0]["extensions"]["code"] == "PERSISTED_ONLY"
        for path in ("/", "/explorer", "/explorer/book.json", "/explorer/vendor/graphiql.js"):
            assert (await client.get(path)).status_code == 404


async def test_production_is_not_introspected_even_by_documents_that_may_run(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.persisted_queries.library.HouseLibrary._may_send", lambda *_: True)
    async with served("production", database_url, redis_url, tmp_path) as client:
        refused = await client.post("/graphql", json=INTROSPECTION)
        assert "introspection" in refused.json()["errors"][0]["message"]
        assert "data" not in refused.json()


async def test_development_is_open(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with served("development", database_url, redis_url, tmp_path) as client:
        assert (await client.post("/graphql", json=INTROSPECTION)).json()["data"]
        assert (await client.get("/graphql?query={schemaVersion}")).status_code == 200
        assert (await client.get("/")).headers["location"] == "/explorer"


def _bare(document: str) -> str:
    lines = document.splitlines()
    return "\n".join(line for line in lines if not line.startswith("#")).strip()
