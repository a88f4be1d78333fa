"""The endpoints of files in our folder: what a signed address takes and sends, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from gateways.objects import DiskObjects, ObjectStorageUnavailable
from gateways.objects.signed_addresses import SignedFile
from models.identity import Grant, Role
from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints import file_transfers
from server.endpoints.file_transfers import FileTransfers
from server.rate_limit.budgets import COST_HEADER, CallerBudgets
from tests.support.actors import create_client
from tests.support.files import pictures
from tests.support.files.uploading import Uploader
from tests.support.stripe_simulator import serve
from workflows.files.complete_upload import file_checks

BODY = pictures.picture()


@pytest.fixture
def storage(tmp_path: Path) -> DiskObjects:
    return DiskObjects(tmp_path)


@pytest.fixture
async def uploader(container: Container, storage: DiskObjects) -> AsyncIterator[Uploader]:
    server = replace(container, files=file_checks(container.database, storage))
    transfers = FileTransfers(server, HeaderAuthenticator(server), CallerBudgets(), storage)
    async with (
        serve(Starlette(routes=transfers.routes)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        yield Uploader(await create_client(server, "Sender", Grant(Role.CUSTOMER)), http)


async def open_upload(uploader: Uploader) -> Any:
    return (await uploader.start(len(BODY)))["file"]["upload"]


def changed(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | values
    return f"{parts.path}?{urlencode(query)}"


@pytest.mark.parametrize(
    "values",
    [
        {"key": "staged/../../x"},
        {"key": "ready/other"},
        {"type": "text/html"},
        {"size": "99999999"},
        {"expires": "99999999999"},
        {"name": "x"},
        {"signature": ""},
        {"signature": "\u00e4" * 64},
    ],
)
async def test_a_changed_address_is_refused(uploader: Uploader, values: dict[str, str]) -> None:
    upload = await open_upload(uploader)
    answer = await uploader.send({**upload, "url": changed(upload["url"], **values)}, BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    ready = await uploader.ready()
    answer = await uploader.http.get(changed(ready["downloadUrl"], **values))
    assert answer.status_code == 403


async def test_an_address_is_for_one_method(uploader: Uploader) -> None:
    """The query of an upload fetches nothing, and that of a download stores nothing."""
    upload = await open_upload(uploader)
    query = urlsplit(upload["url"]).query
    assert (await uploader.http.get(f"/files/download?{query}")).status_code == 403
    query = urlsplit((await uploader.ready())["downloadUrl"]).query
    answer = await uploader.http.put(f"/files/upload?{query}", content=BODY)
    assert answer.status_code == 403
    assert (await uploader.http.get("/files/upload")).status_code == 405


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY, {"content-type": "text/html"}, 415),
        (BODY, {"content-encoding": "gzip"}, 415),
        (BODY + b"x", {}, 413),
        (BODY[:-1], {}, 400),
        (b"", {}, 400),
    ],
    ids=["another type", "compressed", "larger", "smaller", "empty"],
)
async def test_a_body_that_the_address_is_not_for_is_refused(
    uploader: Uploader, storage: DiskObjects, body: bytes, headers: dict[str, str], status: int
) -> None:
    upload = await open_upload(uploader)
    assert (await uploader.send(upload, body, **headers)).status_code == status
    assert (await uploader.send(upload, BODY)).status_code == 201, "nothing was stored before"


async def test_a_body_without_a_length_is_cut_at_the_size(uploader: Uploader) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b"x" * 65_536

    upload = await open_upload(uploader)
    answer = await uploader.send(upload, endless())  # type: ignore[arg-type] # a stream of bytes
    assert answer.status_code == 413
    assert (await uploader.send(upload, BODY)).status_code == 201


async def test_no_browser_shows_what_was_sent(uploader: Uploader, storage: DiskObjects) -> None:
    """Even if a page of HTML got past the checks."""
    await storage.put("ready/page", pictures.HTML, "text/html")
    address = await storage.download_address(
        "ready/page",
        content_type="text/html",
        file_name='"; x=".html\r\nset-cookie: a=b',
        seconds=60,
    )
    answer = await uploader.http.get(address.url)
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["cache-control"] == "private, no-store"


async def test_an_upload_that_there_is_not_is_not_taken(
    uploader: Uploader, storage: DiskObjects
) -> None:
    """An address that outlives its row: the row says whether a file may come."""
    address = await storage.upload_address(
        "staged/fil_Prb6F_idU9ek7G--3dNfpA", content_type="image/jpeg", size_bytes=1, seconds=60
    )
    upload = {"method": "PUT", "url": address.url, "headers": []}
    answer = await uploader.send(upload, b"x", **address.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_a_slow_upload_is_cut(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_transfers, "TRANSFER_SECONDS", 0.0)
    answer = await uploader.send(await open_upload(uploader), BODY)
    assert (answer.status_code, answer.json()["code"]) == (408, "REQUEST_TIMEOUT")


async def test_the_owner_of_a_file_pays_and_has_a_share_of_the_places(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await uploader.send(await open_upload(uploader), BODY)
    assert int(answer.headers[COST_HEADER]) >= 100
    monkeypatch.setattr("server.endpoints.upload_slots.PER_PERSON", 0)
    answer = await uploader.send(await open_upload(uploader), BODY)
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")


async def test_an_outage_of_the_disk_is_said_and_ends_nothing(
    uploader: Uploader, storage: DiskObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ObjectStorageUnavailable("away")

    upload = await open_upload(uploader)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "receive", fail)
        assert (await uploader.send(upload, BODY)).status_code == 503
    assert (await uploader.send(upload, BODY)).status_code == 201


async def test_the_signed_file_says_what_is_stored(storage: DiskObjects) -> None:
    address = await storage.upload_address(
        "staged/x", content_type="image/png", size_bytes=5, seconds=60
    )
    query = dict(parse_qsl(urlsplit(address.url).query, keep_blank_values=True))
    assert await storage.check("PUT", query) == SignedFile("staged/x", "image/png", 5)
