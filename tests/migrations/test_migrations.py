"""The migrations make exactly the tables that the models declare."""

import asyncio
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from server.__main__ import main
from server.commands import migrate
from tests.support.paths import ROOT


@pytest.fixture
def configuration() -> Config:
    return Config(ROOT / "alembic.ini")


def test_the_migrations_are_one_line_without_branches(configuration: Config) -> None:
    assert len(ScriptDirectory.from_config(configuration).get_heads()) == 1


async def test_the_models_ask_for_nothing_that_no_migration_makes(
    configuration: Config, fresh_database_url: str
) -> None:
    configuration.attributes["database_url"] = fresh_database_url
    await asyncio.to_thread(command.check, configuration)


async def test_migrating_twice_changes_nothing(fresh_database_url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, fresh_database_url)


def test_an_unreachable_database_gets_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"
    assert main(["migrate"], {"DATABASE_URL": url}) == 2
    said = capsys.readouterr().err
    assert said.startswith("migrate: DATABASE_URL: the database at 127.0.0.1:1 can't be reached")
    assert said.count("\n") == 1


def test_a_missing_address_gets_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"], {}) == 2
    assert capsys.readouterr().err.startswith("migrate: DATABASE_URL is not set")


def test_no_migration_leaves_the_transaction(configuration: Config) -> None:
    """All migrations of a release are one transaction, so no index is built concurrently.

    The record is docs/decisions/0017-migrations-in-one-transaction.md.
    """
    words = re.compile(r"concurrently|autocommit_block|op\.execute\(\"commit", re.IGNORECASE)
    folder = Path(ScriptDirectory.from_config(configuration).versions)
    assert [path.name for path in folder.glob("*.py") if words.search(path.read_text())] == []
