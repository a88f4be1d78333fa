"""Every request of every entry point has a price, and is refused with the seconds to wait."""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.routing import Route

from server import app as composition
from server import gc_settings
from server.app import ServerApplication, open_app
from server.endpoints.rider_positions import POSITIONS_PATH
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.settings import read_settings
from services.core.rate_limiter import RateLimiter
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT

FREE = {
    "/healthz": "a constant: whether the process answers at all",
    "/readyz": "the database is asked once a second, however many ask",
    "/.well-known/jwks.json": "the same small document for everybody",
}
FREE_METHODS = ("GET", "HEAD")
METHODS = (*FREE_METHODS, "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MADEUP")
UNKNOWN_PATHS = {"/", "/nowhere", "/graphql/nothing", "/favicon.ico", "/documents/x.pdf", "/a%00b"}
MOST_REQUESTS = 60
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CLIENT = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
KINDS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a large body": {"content": b"x" * 300_000, "headers": JSON},
    "JSON that breaks off": {"content": b"{", "headers": JSON},
    "a text": {"content": b"x", "headers": {"content-type": "text/plain"}},
    "a form": {"content": b"a=1&a=2", "headers": FORM},
    "an unknown client": {"data": CLIENT},
    "an answer as a picture": {"json": {"query": "{ x }"}, "headers": {"accept": "image/png"}},
    "a document that is not ours": {"json": {"query": "{ schemaVersion }"}},
    "an unknown hash": {"json": {"documentId": "0" * 64}},
    "a stream of an unknown hash": {
        "json": {"documentId": "0" * 64}, "headers": {"accept": "multipart/mixed"},
    },
    "two requests at once": {"json": [{}, {}]},
    "a token that is none": {"headers": {"authorization": "Bearer x"}},
    "a key that is none": {"headers": {"authorization": "Bearer dk_x"}},
    "another scheme": {"headers": {"authorization": "Digest x"}},
    "a long idempotency key": {"headers": {"idempotency-key": "x" * 1_000}},
}  # fmt: skip
"""What strangers may send to any entry point."""


@pytest.fixture
async def app(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServerApplication]:
    """A production server where a network has 200 units, and no time passes."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), CallerBucketSizes.of(1))
    monkeypatch.setattr(gc_settings, "freeze_gc", lambda: None)
    monkeypatch.setattr(composition, "build_budgets", lambda settings: budgets)
    monkeypatch.setattr(composition, "shared_rate_limits", lambda *of: nullcontext())
    own = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
        "DARKSTORE_METRICS_TOKEN": "t" * 40,
    }
    async with open_app(read_settings({**REQUIRED, **SMS_ACCOUNT, **own})) as one:
        yield one


def entry_points(app: ServerApplication) -> Iterator[tuple[str, str]]:
    """Every method and path that the server answers."""
    yield "POST", POSITIONS_PATH
    yield "GET", POSITIONS_PATH
    for route in app.routes:
        if isinstance(route, Route):
            path = route.path.replace("{id}", "nothing")
            for method in sorted((route.methods or {"GET", "POST", "PUT"}) - {"HEAD"}):
                yield method, path


def wrong_entry_points(app: ServerApplication) -> Iterator[tuple[str, str]]:
    """Every path by every method, and paths that there are not: most are answered 404 or 405."""
    known = {path for _, path in entry_points(app)}
    for path in sorted(known | {f"{path}/" for path in known} | UNKNOWN_PATHS):
        for method in METHODS:
            if method not in FREE_METHODS or path not in FREE:
                yield method, path


async def last_answer(
    app: ServerApplication, method: str, path: str, kind: str = "nothing"
) -> httpx.Response:
    """Send one kind again and again, from a network of its own, until it is throttled."""
    digits = uuid4().hex
    address = f"2001:{digits[:4]}:{digits[4:8]}:{digits[8:12]}::1"
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        response = await client.request(method, path, **KINDS[kind])
        for _ in range(MOST_REQUESTS - 1):
            if response.status_code == 429:
                break
            response = await client.request(method, path, **KINDS[kind])
    return response


@pytest.mark.parametrize("kind", KINDS)
async def test_every_entry_point_lets_strangers_pay_for_whatever_they_send(
    app: ServerApplication, kind: str
) -> None:
    """Generated from the routes: malformed requests and unknown documents were free everywhere.

    Wrong client secrets were looked up without a price, and most refusals did not say when to
    come back.
    """
    free = set()
    for method, path in entry_points(app):
        response = await last_answer(app, method, path, kind)
        if response.status_code != 429:
            free.add(path)
            continue
        wait = response.headers["retry-after"]
        assert int(wait) > 0, (method, path)
        body = response.json()
        found = body["errors"][0]["extensions"] if "errors" in body else body
        assert found["retryAfterSeconds"] == int(wait), (method, path)
    assert free == FREE.keys()


async def test_every_unknown_address_and_wrong_method_is_paid_for(app: ServerApplication) -> None:
    """Generated from the routes: 404, 405 and redirects were free, as often as somebody asked."""
    free = {}
    for method, path in wrong_entry_points(app):
        response = await last_answer(app, method, path)
        if response.status_code != 429 or int(response.headers["retry-after"]) < 1:
            free[method, path] = response.status_code
    assert free == {}


async def test_an_unknown_address_is_told_until_it_is_throttled(app: ServerApplication) -> None:
    """The answer says what is wrong in the shape of every other error beside the graph."""
    transport = httpx.ASGITransport(app, client=("2001:db8:5:5::1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        unknown = await client.get("/nowhere")
        wrong = await client.delete("/oauth/token")
        alive = await client.get("/healthz")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "POST"
    assert alive.status_code == 200
