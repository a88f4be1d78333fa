"""Test infrastructure: a private PostgreSQL and Valkey, and a database per test session.

The migrations build one template database; each test session uses a clone of it, and so does a
test that requests `fresh_database_url`. Several sessions may run concurrently in a working copy.
"""

import asyncio
import gc
import hashlib
import os
import secrets
import shutil
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from local import process, share
from local.postgres import postgres
from local.valkey import valkey
from tests.support.paths import ROOT

pytest_plugins = [
    "tests.support.actors",
    "tests.support.plugins.missing_programs",
    "tests.support.plugins.whole_batches",
]

# Each worker of pytest-xdist has servers of its own: readers of the event log wait for the oldest
# transaction of the whole cluster, so a neighbor's open transaction would delay them.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FOLDER = ROOT / ".darkstore" / "test" / WORKER
TEMPLATE = "darkstore_template_"
SESSION = "darkstore_test_"

# Tests speak plain HTTP to this machine. From a file each client of httpx reads all authorities,
# which takes 57 ms of CPU; a folder is only read when a certificate is checked.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(FOLDER)


SERVER_FIXTURES = frozenset({"postgres_url", "redis_url"})
PROCESS_FOLDERS = tuple(str(ROOT / "tests" / name) for name in ("clients", "faults", "local"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a process besides their own."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if SERVER_FIXTURES.intersection(fixtures) or str(item.path).startswith(PROCESS_FOLDERS):
            item.add_marker("processes")


def pytest_collection_finish() -> None:
    """Leave what the collection made out of every later garbage collection: it stays anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The superuser's URL of a PostgreSQL with PostGIS for tests."""
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


@asynccontextmanager
async def clone_database(postgres_url: str, template: str) -> AsyncIterator[str]:
    """Create a clone of `template` and drop it at the end."""
    name = f"{SESSION}{os.getpid()}_{secrets.token_hex(4)}"
    async with superuser(postgres_url) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield with_database(postgres_url, name)
    finally:
        async with superuser(postgres_url) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def superuser(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection outside any pool and transaction."""
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", "", 1))
    try:
        yield connection
    finally:
        await connection.close()


def with_database(url: str, database: str) -> str:
    """Return the URL with another database name."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{database}" + (
        f"?{parts.query}" if parts.query else ""
    )


def migrate(url: str) -> None:
    """Upgrade a database to the newest revision."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


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
