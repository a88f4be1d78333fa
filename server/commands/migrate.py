"""`python -m server migrate`: bring the database to the newest revision."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

CONFIGURATION = Path(__file__).resolve().parents[2] / "alembic.ini"
CONNECT_SECONDS = 5.0


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Migrate and return 0; on failure print one sentence and return 1."""
    url = environment.get("DATABASE_URL", "")
    try:
        upgrade(url)
    except (OSError, ValueError, CommandError, DBAPIError, asyncpg.PostgresError) as error:
        print(f"migrate: {error_sentence(error)}", file=sys.stderr)
        return 1
    return 0


def upgrade(url: str) -> None:
    """Bring the database at this SQLAlchemy address to the newest revision."""
    if not url:
        raise ValueError("DATABASE_URL is not set")
    asyncio.run(_check_server(url))
    config = Config(CONFIGURATION)
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


def error_sentence(error: Exception) -> str:
    """Explain a failure to the person who runs the command."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip().split("\n", 1)[0] or type(cause).__name__
    if isinstance(error, OSError | asyncpg.CannotConnectNowError):
        return f"the database can't be reached ({text}): is it up, and is DATABASE_URL right?"
    if isinstance(error, CommandError):
        return f"{text}: the database is of another release than this code."
    return f"{text}."


async def _check_server(url: str) -> None:
    """Fail early and clearly if the database can't be reached or has no PostGIS."""
    address = url.replace("+asyncpg", "", 1)
    connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS)
    try:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'"
        if not await connection.fetchval(query):
            raise ValueError("the database server has no PostGIS: install it there")
    finally:
        await connection.close()
