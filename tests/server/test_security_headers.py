"""Every response of a real server has the security headers once, whoever answers, and how."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.routing import Route

from server import gc_settings
from server.app import GRAPHQL_PATH, ServerApplication, open_app
from server.commands.serve import DrainingServer, uvicorn_config
from server.endpoints.rider_positions import POSITIONS_PATH
from server.settings import read_settings
from server.transport.security_headers import security_headers
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.server.raw_client import post, raw_connection
from tests.support.waiting import until

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: %b\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)
FAST = post(b'{"query": "{ schemaVersion }"}')
ORDINARY = FAST.replace(b"POST /graphql", b"POST /graphql?")
SPECIAL = {
    "fast path": FAST,
    "fast path, refused": post(b'{"query": "{"}'),
    "fast path, no JSON": post(b"{"),
    "fast path, bad token": post(b"{}", headers=b"authorization: Bearer none\r\n"),
    "ordinary path": ORDINARY,
    "ordinary path, refused": ORDINARY.replace(b"{ schemaVersion }", b"{ schemaVersionX}"),
    "a stream": post(
        b'{"query": "subscription { clock }"}', headers=b"accept: text/event-stream\r\n"
    ),
    "parts": post(b'{"query": "{ schemaVersion }"}', headers=b"accept: multipart/mixed\r\n"),
    "another media type": post(b"{}", headers=b"accept: image/png\r\n"),
    "a large head": post(b"{}", headers=b"x: %b\r\n" % (b"x" * 20_000)),
    "a long address": post(b"{}", path="/" + "x" * 13_000),
    "no HTTP": b"hello\r\n\r\n",
    "a socket": UPGRADE % (b"13", b"sec-websocket-protocol: graphql-transport-ws\r\n"),
    "a socket of a foreign page": UPGRADE % (b"13", b"origin: https://other.example\r\n"),
    "a socket of another version": UPGRADE % (b"12", b""),
    "a socket of an unknown address": UPGRADE.replace(b"/graphql", b"/none") % (b"13", b""),
}
BODIES = (b"", b"{}", b"x" * 200_000)
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS")


@asynccontextmanager
async def serve(
    environment: str, database_url: str, redis_url: str, folder: Path
) -> AsyncIterator[tuple[int, ServerApplication]]:
    """A server as `python -m server serve` starts it, on a free port."""
    own = {
        "DARKSTORE_ENV": environment,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(folder / "keys.json"),
        "DARKSTORE_METRICS_TOKEN": "s3cret",
    }
    settings = read_settings({**REQUIRED, **SMS_ACCOUNT, **own})
    async with open_app(settings) as app:
        config = uvicorn_config(app, settings, "127.0.0.1", 0)
        server = DrainingServer(config, app.connections, 0)
        listening = config.bind_socket()
        running = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started, what="the server starts")
        try:
            yield listening.getsockname()[1], app
        finally:
            server.should_exit = True
            await running


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the garbage collector of the test process as it is."""
    monkeypatch.setattr(gc_settings, "freeze_gc", lambda: None)


async def head_of(port: int, request: bytes) -> str:
    """The head of the response to one request."""
    async with raw_connection(port) as connection:
        await connection.send(request)
        async with asyncio.timeout(30):
            return (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()


def faults(head: str, expected: list[tuple[str, str]]) -> list[str]:
    """The security headers that a response lacks, has twice, or with another value."""
    lines = head.split("\r\n")
    wanted = [f"{name}: {value}".lower() for name, value in expected]
    doubled = [name for name, _ in expected if sum(x.startswith(f"{name}:") for x in lines) != 1]
    return [line for line in wanted if line not in lines] + doubled


@pytest.mark.parametrize("environment", ["production", "development"])
async def test_every_route_and_every_way_has_them_with_success_and_with_errors(
    environment: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Pages, 404 and probes had none of them; generated from the routes of the application."""
    expected = security_headers(development=environment == "development")
    assert ("strict-transport-security" in dict(expected)) is (environment == "production")
    async with serve(environment, database_url, redis_url, tmp_path) as (port, app):
        paths = {re.sub(r"{\w+}", "x", one.path) for one in app.routes if isinstance(one, Route)}
        assert {GRAPHQL_PATH, "/readyz", "/oauth/token", "/metrics"} < paths
        assert ("/explorer" in paths) is (environment == "development")
        statuses: set[int] = set()
        wrong: dict[object, list[str]] = {}
        for path in sorted(paths | {POSITIONS_PATH, "/nowhere", "/explorer/index.html"}):
            for method in METHODS:
                for body in BODIES if method == b"POST" else BODIES[:1]:
                    head = await head_of(port, post(body, path=path).replace(b"POST", method, 1))
                    statuses.add(int(head.split()[1]))
                    if found := faults(head, expected):
                        wrong[path, method, len(body)] = found
        for name, request in SPECIAL.items():
            head = await head_of(port, request)
            statuses.add(int(head.split()[1]))
            if found := faults(head, expected):
                wrong[name] = found
    assert not wrong
    assert statuses >= {101, 200, 400, 401, 403, 404, 405, 406, 413, 414, 431}


async def test_a_failure_of_ours_has_them_too(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("server.endpoints.oauth._read_form", fail)
    async with serve("production", database_url, redis_url, tmp_path) as (port, _):
        head = await head_of(port, post(b"", path="/oauth/token"))
    assert head.startswith("http/1.1 500")
    assert faults(head, security_headers(development=False)) == []


def test_they_cost_few_bytes() -> None:
    """They are joined to the date once a second, so an answer costs nothing but their bytes."""
    lines = [f"{name}: {value}\r\n" for name, value in security_headers(development=False)]
    assert sum(map(len, lines)) < 300
