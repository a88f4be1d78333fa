"""`python -m server migrate`: bring the database to the newest revision."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from database.connections import driver_address
from server.commands.error_sentence import error_sentence
from server.settings.declarations import DATABASE_URL

CONFIGURATION = Path(__file__).resolve().parents[2] / "alembic.ini"
CONNECT_SECONDS = 5.0


class PostgisMissing(Exception):
    """The database server lacks the extension."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Migrate and return 0; on failure print one sentence and return 1."""
    try:
        upgrade(DATABASE_URL.read(environment))
    except (PostgisMissing, CommandError) as error:
        print(f"migrate: {error_sentence(error)}", file=sys.stderr)
        return 1
    return 0


def upgrade(url: str) -> None:
    """Bring the database at this SQLAlchemy address to the newest revision."""
    asyncio.run(_check_server(url))
    config = Config(CONFIGURATION)
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


async def _check_server(url: str) -> None:
    """Fail early and clearly if the database can't be reached or has no PostGIS."""
    connection = await asyncpg.connect(driver_address(url), timeout=CONNECT_SECONDS)
    try:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'"
        if not await connection.fetchval(query):
            raise PostgisMissing("the database server has no PostGIS: install it there")
    finally:
        await connection.close()
