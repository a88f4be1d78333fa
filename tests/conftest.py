"""What every test stands on: a private PostgreSQL and Valkey, and a database of its own.

The migrations build one template database; each test session works in a clone of it, and so does
a test that asks for `fresh_database_url`. Several sessions may run at once in one working copy.
"""

import asyncio
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

pytest_plugins = ["tests.support.actors"]

FOLDER = ROOT / ".darkstore" / "test"
TEMPLATE = "darkstore_template_"
SESSION = "darkstore_test_"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The superuser's address of a PostgreSQL with PostGIS that tests may fill and empty."""
    if given := os.environ.get("DARKSTORE_TEST_DATABASE_URL"):
        yield given
        return
    server = postgres(FOLDER, durable=False)
    with share.shared(FOLDER, server.start, server.stop):
        yield server.url("postgres")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey of this session alone: channels are not kept apart by database number."""
    if given := os.environ.get("DARKSTORE_TEST_REDIS_URL"):
        yield given
        return
    _forget_the_dead()
    server = valkey(FOLDER / f"valkey-{os.getpid()}")
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(server.place, ignore_errors=True)


@pytest.fixture(scope="session")
async def template(postgres_url: str) -> str:
    """The name of a database that holds the newest schema and no rows: nobody connects to it."""
    name = TEMPLATE + _digest_of_migrations()
    with share.locked(FOLDER / "template.lock"):
        async with superuser(postgres_url) as connection:
            await _drop_the_stale(connection, name)
            made = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate"
            if await connection.fetchval(made, name):
                return name
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {name}")
            await asyncio.to_thread(migrate, named(postgres_url, name))
            await connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE true")
    return name


@pytest.fixture(scope="session")
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The owner's address of this session's database, a clone of the template."""
    async with cloned(postgres_url, template) as url:
        yield url


@pytest.fixture
async def fresh_database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The owner's address of a database for one test alone."""
    async with cloned(postgres_url, template) as url:
        yield url


@asynccontextmanager
async def cloned(postgres_url: str, template: str) -> AsyncIterator[str]:
    """A new database like `template`, dropped at the end."""
    name = f"{SESSION}{os.getpid()}_{secrets.token_hex(4)}"
    async with superuser(postgres_url) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield named(postgres_url, name)
    finally:
        async with superuser(postgres_url) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def superuser(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """One plain connection, outside of any pool and transaction."""
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", "", 1))
    try:
        yield connection
    finally:
        await connection.close()


def named(url: str, database: str) -> str:
    """The same server's address with another database."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{database}" + (
        f"?{parts.query}" if parts.query else ""
    )


def migrate(url: str) -> None:
    """Bring a database to the newest revision."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


def _digest_of_migrations() -> str:
    files = sorted((ROOT / "migrations").rglob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


async def _drop_the_stale(connection: asyncpg.Connection, current: str) -> None:
    """Drop databases of sessions that were killed and templates of older migrations."""
    for row in await connection.fetch("SELECT datname FROM pg_database"):
        name = str(row["datname"])
        if name.startswith(SESSION) and not process.alive(int(name.split("_")[2])):
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if name.startswith(TEMPLATE) and name != current:
            await connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE false")
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _forget_the_dead() -> None:
    """Stop the Valkeys of sessions that were killed."""
    for place in FOLDER.glob("valkey-*"):
        if not process.alive(int(place.name.split("-")[1])):
            valkey(place).stop()
            shutil.rmtree(place, ignore_errors=True)
