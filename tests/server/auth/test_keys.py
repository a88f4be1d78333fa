"""Rotating the key that signs access tokens: by a command, while servers run."""

import asyncio
import time
from pathlib import Path

import pytest

from database.base import uuid7
from database.sessions import Database
from models.identity import Actor
from server.__main__ import main
from server.commands import keys
from services.identity.access_tokens import (
    MAX_RETIRED_KEYS,
    RETIRED_KEY_SECONDS,
    load_keys,
    rotate_keys,
)
from workflows.identity.authenticator import Authenticator

ACTOR = Actor(uuid7(), uuid7())


def published_key_ids(file: Path) -> list[str]:
    """The ids of the published keys."""
    return [key["kid"] for key in load_keys(file).jwks()["keys"]]


def test_the_command_rotates_and_tells_which_key_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    environment = {"DARKSTORE_KEYS_FILE": str(file)}
    first, second = (key.kid for key in load_keys(file).keys)
    assert keys.main(["rotate"], environment) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"keys: {second} signs; {first} verifies for 16 minutes")
    assert load_keys(file).keys[0].kid == second
    assert first in published_key_ids(file)


def test_the_command_explains_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys.main([], {}) == 2
    assert main(["keys", "rotate"], {}) == 2
    assert main(["keys", "rotate"], {"DARKSTORE_KEYS_FILE": "/proc/none/keys.json"}) == 2
    assert "DARKSTORE_KEYS_FILE is not set" in capsys.readouterr().err


def test_a_retired_key_is_published_until_its_last_token_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    old, now = load_keys(file), time.time()
    token, expires_at = old.sign(ACTOR)
    rotate_keys(file)
    rotate_keys(file)
    assert old.keys[0].kid in published_key_ids(file)
    assert load_keys(file).verify(token).actor == ACTOR
    assert expires_at < now + RETIRED_KEY_SECONDS
    monkeypatch.setattr(time, "time", lambda: now + RETIRED_KEY_SECONDS + 60)
    assert old.keys[0].kid not in published_key_ids(file)
    rotate_keys(file)
    assert len(load_keys(file).keys) == 3


def test_the_number_of_retired_keys_is_limited(tmp_path: Path) -> None:
    environment = {"DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json")}
    statuses = [keys.main(["rotate"], environment) for _ in range(MAX_RETIRED_KEYS + 1)]
    assert statuses == [0] * MAX_RETIRED_KEYS + [1]


async def test_a_running_server_signs_with_the_new_key_at_once(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.identity.authenticator.KEY_RELOAD_SECONDS", 0.0)
    file = tmp_path / "keys.json"
    identity = Authenticator(keys_file=file, database=database)
    token, _ = identity.sign(ACTOR)
    await asyncio.sleep(0.02)  # the clock of file systems is coarse
    rotate_keys(file)
    assert identity.verify(identity.sign(ACTOR)[0]).actor == ACTOR
    assert load_keys(file).keys[0].kid == identity._keys.keys[0].kid
    assert identity.verify(token).actor == ACTOR
