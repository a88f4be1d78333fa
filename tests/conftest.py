"""Test infrastructure: a private PostgreSQL and Valkey, and a database per test session.

The migrations build one template database; each test session uses a clone of it, and so does a
test that requests `fresh_database_url`. Several sessions may run concurrently in a working copy.
"""

import asyncio
import gc
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from local import process, share
from local.postgres import postgres
from local.valkey import valkey
from tests.support.paths import ROOT
from tests.support.server.databases import (
    FOLDER,
    SESSION,
    TEMPLATE,
    WORKER,
    clone_database,
    migrate,
    superuser,
    with_database,
)

pytest_plugins = [
    "tests.support.actors",
    "tests.support.plugins.declared_facts",
    "tests.support.plugins.left_states",
    "tests.support.plugins.missing_programs",
    "tests.support.plugins.whole_batches",
]


# Tests speak plain HTTP to this machine. From a file each client of httpx reads all authorities,
# which takes 57 ms of CPU; a folder is only read when a certificate is checked.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(FOLDER)


SERVER_FIXTURES = frozenset({"postgres_url", "redis_url"})
PROCESS_FOLDERS = tuple(str(ROOT / "tests" / name) for name in ("clients", "faults", "local"))
WITHOUT_PROCESSES = "not processes"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need a process besides their own; workers begin with long files.

    A worker that got a long file last would keep the other one waiting.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if SERVER_FIXTURES.intersection(fixtures) or str(item.path).startswith(PROCESS_FOLDERS):
            item.add_marker("processes")
    if WORKER:
        seconds: dict[Path, float] = {}
        for item in items:
            seconds[item.path] = max(_most_seconds(config, item), seconds.get(item.path, 0.0))
        items.sort(key=lambda item: -seconds[item.path])


def _most_seconds(config: pytest.Config, item: pytest.Item) -> float:
    """How long a test may take, if it says that it takes longer than most; else 0."""
    if limit := item.get_closest_marker("timeout"):
        return float(limit.args[0])
    return float(config.getini("timeout")) if item.get_closest_marker("slow") else 0.0


def pytest_collection_finish() -> None:
    """Leave what the collection made out of every later garbage collection: it stays anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The superuser's URL of a PostgreSQL with PostGIS for tests."""
    if request.config.getoption("markexpr") == WITHOUT_PROCESSES:
        pytest.fail("the test requests PostgreSQL by a name that its collection did not see")
    if url := os.environ.get("DARKSTORE_TEST_DATABASE_URL"):
        yield url
        return
    server = postgres(FOLDER, durable=False)
    with share.shared(FOLDER, server.start, server.stop):
        yield server.url("postgres")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Valkey of this session alone, because channels ignore database numbers."""
    if url := os.environ.get("DARKSTORE_TEST_REDIS_URL"):
        yield url
        return
    _stop_orphaned_valkeys()
    server = valkey(FOLDER / f"valkey-{os.getpid()}")
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(server.place, ignore_errors=True)


@pytest.fixture(scope="session")
async def template(postgres_url: str) -> str:
    """The name of a template database with the newest schema and no rows; it has no connections."""
    name = TEMPLATE + _digest_of_migrations()
    with share.locked(FOLDER / "template.lock"):
        async with superuser(postgres_url) as connection:
            await _drop_stale_databases(connection, name)
            query = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate"
            if await connection.fetchval(query, name):
                return name
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {name}")
            await asyncio.to_thread(migrate, with_database(postgres_url, name))
            await connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE true")
    return name


@pytest.fixture(scope="session")
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The owner's URL of this session's database, a clone of the template."""
    async with clone_database(postgres_url, template) as url:
        yield url


@pytest.fixture
async def fresh_database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The owner's URL of a database for one test alone."""
    async with clone_database(postgres_url, template) as url:
        yield url


def _digest_of_migrations() -> str:
    files = sorted((ROOT / "migrations").rglob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


async def _drop_stale_databases(connection: asyncpg.Connection, current: str) -> None:
    """Drop databases of killed sessions and templates of older migrations."""
    for row in await connection.fetch("SELECT datname FROM pg_database"):
        name = str(row["datname"])
        if name.startswith(SESSION) and not process.alive(int(name.split("_")[2])):
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if name.startswith(TEMPLATE) and name != current:
            await connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE false")
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _stop_orphaned_valkeys() -> None:
    """Stop the Valkey servers of killed sessions."""
    for place in FOLDER.glob("valkey-*"):
        if not process.alive(int(place.name.split("-")[1])):
            valkey(place).stop()
            shutil.rmtree(place, ignore_errors=True)
