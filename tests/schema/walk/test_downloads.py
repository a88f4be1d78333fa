"""Every route outside the graph, for everybody, with ids of rows of everybody."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateways.storage import DiskStorage
from models.identity import Role
from models.ids import encode_id
from server import gc_settings
from server.app import open_app
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints import pdf_downloads
from server.endpoints.rider_positions import POSITIONS_PATH, RiderPositions
from server.endpoints.stock_uploads import StockFiles
from server.rate_limit.budgets import CallerBudgets
from server.settings import read_settings
from tests.server.test_settings import REQUIRED, SMS_ACCOUNT
from tests.support.actors import ActorClient
from tests.support.walk.downloads import DOWNLOADS
from tests.support.walk.marks import violations
from tests.support.walk.parties import MANAGER_ROLES, World

pytestmark = pytest.mark.timeout(900)


# What is sent to these is the caller's own: no id of a row is in it.
OWN = {"/imports": MANAGER_ROLES, POSITIONS_PATH: frozenset({Role.RIDER})}
# The graph has a walk of its own; the others know no person, or prove the caller otherwise.
WITHOUT_ROWS = {
    "/graphql", "/oauth/token", "/webhooks/stripe", "/healthz", "/readyz", "/.well-known/jwks.json",
    # The signature of the address takes the place of a caller; `File.downloadUrl` is walked.
    "/files/upload", "/files/download",
}  # fmt: skip


@pytest.fixture
async def client(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """The routes, with documents as plain text instead of PDF."""
    plain = [
        replace(one, render=lambda content: repr(content).encode())
        for one in pdf_downloads.DOCUMENTS
    ]
    monkeypatch.setattr(pdf_downloads, "DOCUMENTS", plain)
    authenticator = HeaderAuthenticator(world.clients["nobody"].container)
    files = StockFiles(authenticator, DiskStorage(tmp_path / "files"))
    routes = Starlette(routes=[*pdf_downloads.pdf_routes(authenticator), *files.routes])
    positions = RiderPositions(authenticator, CallerBudgets())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_report = scope["path"] == POSITIONS_PATH
        await (positions if is_report else routes)(scope, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as one:
        yield one


async def test_every_route_is_walked_or_has_no_rows(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route that is added is tried like the others, or named with those that have no rows."""
    monkeypatch.setattr(gc_settings, "freeze_gc", lambda: None)
    own = {
        "DARKSTORE_ENV": "production", "DATABASE_URL": database_url, "REDIS_URL": redis_url,
        "DARKSTORE_KEYS_FILE": str(tmp_path / "keys.json"),
    }  # fmt: skip
    async with open_app(read_settings({**REQUIRED, **SMS_ACCOUNT, **own})) as app:
        paths = {getattr(route, "path", "") for route in app.routes} | {POSITIONS_PATH}
    assert paths == DOWNLOADS.keys() | OWN.keys() | WITHOUT_ROWS


@pytest.mark.parametrize("path", DOWNLOADS)
async def test_a_download_is_for_the_parties_of_its_row(
    path: str, world: World, client: httpx.AsyncClient
) -> None:
    """Found by whoever may have it, not found by others, and nothing in it breaks a rule."""
    answers = [one async for one in fetch_all(path, world, client)]
    wrong = [one for one in answers if one.status not in one.expected or one.shown]
    assert not wrong, "\n".join(map(str, wrong))
    assert 200 in {one.status for one in answers}


@dataclass
class Fetched:
    """What one person was answered about the row of one situation."""

    who: str
    place: str
    status: int
    expected: set[int]
    shown: set[Any]


async def fetch_all(path: str, world: World, client: httpx.AsyncClient) -> AsyncIterator[Fetched]:
    """Ask for the row of each situation as everybody."""
    download = DOWNLOADS[path]
    for place, keys in world.places.items():
        row = world.rows[download.model][keys[download.model]]
        url = path.replace("{id}", encode_id(download.model, row.id))
        for who, person in world.clients.items():
            may = any(one(world, person.actor, row) for one in download.parties)
            refused = {401} if not person.actor.signed_in else {403, 404}
            response = await client.get(url, headers=headers_of(person))
            shown = violations(world, person.actor, response.content)
            yield Fetched(who, place, response.status_code, {200} if may else refused, shown)


@pytest.mark.parametrize("path", OWN)
async def test_what_is_sent_is_taken_from_its_roles_alone(
    path: str, world: World, client: httpx.AsyncClient
) -> None:
    for who, person in world.clients.items():
        response = await client.post(path, headers=headers_of(person), content=b"x")
        if person.actor.roles & OWN[path]:
            assert response.status_code not in (401, 403), who
        else:
            assert response.status_code == (403 if person.actor.signed_in else 401), who


def headers_of(person: ActorClient) -> dict[str, str]:
    """A token of this moment: the walk takes longer than the life of a token on a slow machine."""
    if person.person is None:
        return {}
    token, _ = person.container.authenticator.sign(person.actor)
    return {"authorization": f"Bearer {token}"}
