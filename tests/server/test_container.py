"""A container that fails to open closes what it has opened."""

from pathlib import Path
from typing import Any

import pytest

from database.sessions import Database
from server.container import open_container
from server.settings import read_settings
from subscriptions.engine.hub import Hub
from tests.server.test_settings import DEVELOPMENT


@pytest.mark.parametrize("failing", ["start", "__init__"])
async def test_what_was_opened_is_closed_when_the_hub_does_not_start(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    closed: list[str] = []
    close = Database.close

    async def recorded_close(database: Database) -> None:
        closed.append("database")
        await close(database)

    def fail(*_args: Any) -> None:
        raise ConnectionError("no hub today")

    monkeypatch.setattr(Database, "close", recorded_close)
    monkeypatch.setattr(Hub, failing, fail)
    keys = {"DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"), "DATABASE_URL": database_url}
    with pytest.raises(ConnectionError, match="no hub today"):
        async with open_container(read_settings({**DEVELOPMENT, **keys})):
            pass
    assert closed == ["database"]
