"""Rotating the key that signs access tokens: by a command, while servers run."""

import asyncio
import time
from pathlib import Path

import pytest

from database.base import uuid7
from database.sessions import Database
from models.identity import Actor
from server.commands import keys
from services.identity.access_tokens import KEPT_SECONDS, RETIRED_KEYS, load_keys, rotate_keys
from workflows.identity.authenticator import Identity

ACTOR = Actor(uuid7(), uuid7())


def names(file: Path) -> list[str]:
    """The keys that outsiders are told of."""
    return [key["kid"] for key in load_keys(file).jwks()["keys"]]


def test_the_command_rotates_and_says_which_key_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    environment = {"DARKSTORE_KEYS_FILE": str(file)}
    first, second = (key.kid for key in load_keys(file).keys)
    assert keys.main(["rotate"], environment) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"keys: {second} signs; {first} verifies for 15 minutes")
    assert load_keys(file).keys[0].kid == second
    assert first in names(file)


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys.main([], {}) == 2
    assert keys.main(["rotate"], {}) == 1
    assert keys.main(["rotate"], {"DARKSTORE_KEYS_FILE": "/proc/none/keys.json"}) == 1
    assert "DARKSTORE_KEYS_FILE is not set" in capsys.readouterr().err


def test_a_retired_key_is_published_until_its_last_token_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    old, now = load_keys(file), time.time()
    signed, ends = old.sign(ACTOR)
    rotate_keys(file)
    rotate_keys(file)
    assert old.keys[0].kid in names(file)
    assert load_keys(file).read(signed).actor == ACTOR
    assert ends < now + KEPT_SECONDS
    monkeypatch.setattr(time, "time", lambda: now + KEPT_SECONDS + 60)
    assert old.keys[0].kid not in names(file)
    rotate_keys(file)
    assert len(load_keys(file).keys) == 3


def test_nobody_rotates_without_end(tmp_path: Path) -> None:
    environment = {"DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json")}
    done = [keys.main(["rotate"], environment) for _ in range(RETIRED_KEYS + 1)]
    assert done == [0] * RETIRED_KEYS + [1]


async def test_a_running_server_signs_with_the_new_key_at_once(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.identity.authenticator.RELOAD_SECONDS", 0.0)
    file = tmp_path / "keys.json"
    identity = Identity(keys_file=file, database=database)
    signed, _ = identity.sign(ACTOR)
    await asyncio.sleep(0.02)  # file systems tell time in steps
    rotate_keys(file)
    assert identity.read(identity.sign(ACTOR)[0]).actor == ACTOR
    assert load_keys(file).keys[0].kid == identity._ring.keys[0].kid
    assert identity.read(signed).actor == ACTOR
