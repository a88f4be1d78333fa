"""Every address of a production server cuts requests that are begun and not ended."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.routing import Route

from server import gc_settings
from server.app import GRAPHQL_PATH, STRIPE_WEBHOOK_PATH, open_app
from server.endpoints.oauth import TOKEN_PATH
from server.endpoints.rider_positions import POSITIONS_PATH
from server.endpoints.stock_uploads import UPLOAD_PATH
from server.settings import read_settings
from server.transport.limits import TransportLimits
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.server.raw_client import post, raw_connection
from tests.support.server.small_server import run_server

QUICK = TransportLimits(body_seconds=1, unread_body_seconds=1, last_read_seconds=0.3)


@pytest.fixture
async def entry_points(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[int, set[str]]]:
    """The port of a production server, and the addresses that it answers."""
    monkeypatch.setattr(gc_settings, "freeze_gc", lambda: None)
    own = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
    }
    async with open_app(read_settings({**REQUIRED, **SMS_ACCOUNT, **own})) as app:
        paths = {route.path for route in app.routes if isinstance(route, Route)}
        async with run_server(app, QUICK) as (port, _):
            yield port, paths | {POSITIONS_PATH, "/nowhere"}


async def test_half_a_body_is_cut_at_every_address(entry_points: tuple[int, set[str]]) -> None:
    """Generated from the routes: the token endpoint and the webhooks had no time for a body."""
    port, paths = entry_points
    assert {GRAPHQL_PATH, STRIPE_WEBHOOK_PATH, TOKEN_PATH, UPLOAD_PATH} < paths
    for path in sorted(paths):
        for media in (b"", b"content-type: application/x-www-form-urlencoded\r\n"):
            request = post(b"{", path=path, length=500)
            if media:
                request = request.replace(b"content-type: application/json\r\n", media)
            async with raw_connection(port) as connection:
                await connection.send(request)
                assert await connection.closed(), path


async def test_a_large_head_is_refused_at_every_address(entry_points: tuple[int, set[str]]) -> None:
    port, paths = entry_points
    for path in sorted(paths):
        async with raw_connection(port) as connection:
            await connection.send(post(b"{}", path=path, headers=b"x: %b\r\n" % (b"x" * 20_000)))
            assert (await connection.response())[0] == 431, path
