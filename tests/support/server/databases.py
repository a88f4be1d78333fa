"""The private servers' folder of a test process, and databases that it clones and migrates."""

import os
import secrets
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from alembic import command
from alembic.config import Config

from tests.support.paths import ROOT

# Each worker of pytest-xdist has servers of its own: readers of the event log wait for the oldest
# transaction of the whole cluster, so a neighbor's open transaction would delay them.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FOLDER = ROOT / ".darkstore" / "test" / WORKER
TEMPLATE = "darkstore_template_"
SESSION = "darkstore_test_"


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
