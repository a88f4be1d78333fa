"""A house that fails to open leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest

from database.sessions import Database
from server.container import open_house
from server.settings import settings_of
from subscriptions.engine.hub import Hub
from tests.server.test_settings import DEVELOPMENT


@pytest.mark.parametrize("broken", ["start", "__init__"])
async def test_what_was_opened_is_closed_when_the_hub_does_not_start(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    closed: list[str] = []
    close = Database.close

    async def closing(database: Database) -> None:
        closed.append("database")
        await close(database)

    def fail(*_args: Any) -> None:
        raise ConnectionError("no hub today")

    monkeypatch.setattr(Database, "close", closing)
    monkeypatch.setattr(Hub, broken, fail)
    keys = {"DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"), "DATABASE_URL": database_url}
    with pytest.raises(ConnectionError, match="no hub today"):
        async with open_house(settings_of({**DEVELOPMENT, **keys})):
            pass
    assert closed == ["database"]
