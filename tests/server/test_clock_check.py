"""The clocks of servers differ: tokens are accepted, and an offset is told."""

import time
from pathlib import Path

import pytest

from database.sessions import Database
from server.clock_check import MAX_OFFSET_SECONDS, measure_offset, warn_of_offset
from services.identity.access_tokens import (
    ACCESS_TOKEN_SECONDS,
    LEEWAY_SECONDS,
    InvalidAccessToken,
    load_keys,
)
from tests.workflows.identity.test_authenticator import ACTOR
from workflows.identity.authenticator import Authenticator


@pytest.mark.parametrize("apart_seconds", range(-55, 56, 10))
def test_a_token_of_a_server_whose_clock_differs_is_accepted(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch, apart_seconds: int
) -> None:
    """Generated over the offsets: a clock 30 s ahead refused fresh tokens of all other servers."""
    authenticator = Authenticator(keys_file=tmp_path / "keys.json", database=database)
    real = time.time()
    ring = load_keys(tmp_path / "keys.json")
    fresh, _ = ring.sign(ACTOR, real + apart_seconds)
    ending, _ = ring.sign(ACTOR, real - ACCESS_TOKEN_SECONDS + 3 + min(0, apart_seconds))
    for token in (fresh, ending):
        assert authenticator.verify(token).actor == ACTOR
        assert authenticator.cached_claims(token) is not None
    ended, _ = ring.sign(ACTOR, real - ACCESS_TOKEN_SECONDS - LEEWAY_SECONDS - 1)
    with pytest.raises(InvalidAccessToken, match="expired"):
        authenticator.verify(ended)


async def test_the_offset_from_the_database_is_measured(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ahead_seconds = time.time, 3_600
    monkeypatch.setattr("server.clock_check.time.time", lambda: real() + ahead_seconds)
    # Whatever the query takes, it is far less than an hour.
    assert abs(await measure_offset(database) - ahead_seconds) < 600


def test_an_offset_is_logged_with_its_size(caplog: pytest.LogCaptureFixture) -> None:
    """A server whose clock was wrong refused sign-ins, and nothing in its log said why."""
    warn_of_offset(MAX_OFFSET_SECONDS / 2)
    assert not caplog.records
    warn_of_offset(-31.5)
    warn_of_offset(42)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "this machine's clock is 31.5 s behind the database's",
        "this machine's clock is 42.0 s ahead of the database's",
    ]
