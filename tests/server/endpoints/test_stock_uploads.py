"""Stock files: who may upload one, how large it may be, and the invalid rows as CSV."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from database.base import Base
from database.scope import PLATFORM
from gateways.storage import DiskStorage
from jobs import imports
from models.identity import Grant, Role
from models.ids import decode_id, encode_id
from models.imports import StockImport
from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints import paid_work, stock_uploads
from server.endpoints.stock_uploads import StockFiles
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize
from tests.support.actors import ActorClient, create_client
from tests.support.city import City, build_city
from tests.support.customers import ORIGIN
from tests.support.graph_queries import operation, public_id
from tests.support.rows.any_row import insert_row
from tests.support.stripe_simulator import serve

PIECE = b"x" * 1024 * 1024


@pytest.fixture
async def storage(tmp_path: Path) -> DiskStorage:
    return DiskStorage(tmp_path / "files")


@pytest.fixture
async def client(container: Container, storage: DiskStorage) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=StockFiles(HeaderAuthenticator(container), storage).routes)
    async with serve(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


def bearer(who: ActorClient) -> dict[str, str]:
    return {"authorization": f"Bearer {who.token}"}


async def test_a_file_is_imported_and_its_invalid_rows_downloaded(
    client: httpx.AsyncClient,
    storage: DiskStorage,
    container: Container,
    other_company_admin: ActorClient,
) -> None:
    # A city of its own: a company may run only a few imports at once.
    city = await build_city(container.database)
    admin = await create_client(container, "Importer", Grant(Role.COMPANY_ADMIN, city.company.id))
    body = b"store,product,quantity\nS3,P001,50\nS3,=HYPERLINK(1),1\n"
    uploaded = await client.post("/imports?name=shelf.csv", content=body, headers=bearer(admin))
    assert uploaded.status_code == 201
    assert uploaded.json()["sizeBytes"] == len(body)
    as_of = datetime.now(UTC) - timedelta(hours=2)
    values = {
        "companyId": public_id(city.company),
        "stockImportFileId": uploaded.json()["stockImportFileId"],
        "format": "CSV", "mode": "SET", "errorPolicy": "SKIP_INVALID", "asOf": as_of.isoformat(),
    }  # fmt: skip
    start = operation("stock_import_start")
    data = await admin.run(start, {"input": values})
    key = data["stockImportStart"]["stockImport"]["id"]
    import_id = decode_id(StockImport, key)
    assert import_id is not None
    assert await imports.advance_imports(container.database, storage) >= 3
    shown = await admin.run(operation("stock_import_detail"), {"id": key})
    stock_import = shown["stockImport"]
    assert stock_import["status"] == "COMPLETED"
    assert (stock_import["processedRowCount"], stock_import["failedRowCount"]) == (1, 1)
    assert datetime.fromisoformat(stock_import["asOf"]) == as_of
    rows = await client.get(stock_import["errorFileUrl"], headers=bearer(admin))
    assert rows.status_code == 200
    head, invalid_row = rows.text.splitlines()
    assert head == "line,store,product,quantity,field,fault,message"
    assert invalid_row.startswith("3,S3,'=HYPERLINK(1),1,product,UNKNOWN_PRODUCT,")
    not_found = await client.get(stock_import["errorFileUrl"], headers=bearer(other_company_admin))
    assert (not_found.status_code, not_found.json()["code"]) == (404, "NOT_FOUND")
    again = await admin.run(start, {"input": values})
    assert again["stockImportStart"]["errors"][0]["__typename"] == "NotFound"


async def test_only_managers_upload_files(
    client: httpx.AsyncClient, picker: ActorClient, customer: ActorClient
) -> None:
    assert (await client.post("/imports", content=b"x")).status_code == 401
    for who in (picker, customer):
        response = await client.post("/imports", content=b"x", headers=bearer(who))
        assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


async def test_a_file_of_200_mb_is_rejected_and_not_stored(
    client: httpx.AsyncClient, storage: DiskStorage, manager: ActorClient
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield PIECE

    response = await client.post("/imports", content=endless(), headers=bearer(manager))
    assert (response.status_code, response.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    declared = {**bearer(manager), "content-length": str(200 * len(PIECE))}
    response = await client.post("/imports", content=endless(), headers=declared)
    assert response.status_code == 413
    assert await storage.delete_older(-60) == 0


async def test_an_invalid_file_name_is_rejected(
    client: httpx.AsyncClient, manager: ActorClient
) -> None:
    response = await client.post(
        f"/imports?name={'x' * 201}", content=b"x", headers=bearer(manager)
    )
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    compressed = {**bearer(manager), "content-encoding": "gzip"}
    assert (await client.post("/imports", content=b"x", headers=compressed)).status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"file": ("stock.csv", b"store,product,quantity\n", "text/csv")}},
        {"data": {"file": "store,product,quantity"}},
        {"json": {"file": "store,product,quantity"}},
        {"content": b"%PDF-1.7", "headers": {"content-type": "application/pdf"}},
    ],
    ids=["multipart", "form", "json", "pdf"],
)
async def test_what_is_not_a_file_of_stock_is_refused_with_how_to_send_one(
    client: httpx.AsyncClient, storage: DiskStorage, manager: ActorClient, body: dict[str, Any]
) -> None:
    """A form was stored as the file: its boundaries became rows, and a good file had bad rows."""
    headers = bearer(manager) | body.pop("headers", {})
    response = await client.post("/imports", headers=headers, **body)
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "--data-binary @stock.csv" in response.json()["message"]
    assert await storage.delete_older(-60) == 0


async def nothing() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize("content", [b"", nothing()], ids=["length", "chunked"])
async def test_an_empty_body_is_refused(
    client: httpx.AsyncClient,
    storage: DiskStorage,
    manager: ActorClient,
    content: bytes | AsyncIterator[bytes],
) -> None:
    """It was stored as a file, and refused minutes later as an import."""
    response = await client.post("/imports", content=content, headers=bearer(manager))
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert "empty" in response.json()["message"]
    assert await storage.delete_older(-60) == 0


@pytest.mark.parametrize("kind", sorted(stock_uploads.FILE_MEDIA_TYPES))
async def test_a_file_is_taken_with_every_usual_content_type(
    client: httpx.AsyncClient, manager: ActorClient, kind: str
) -> None:
    headers = bearer(manager) | ({"content-type": f"{kind.upper()}; charset=utf-8"} if kind else {})
    response = await client.post("/imports", content=b"store", headers=headers)
    assert response.status_code == 201


async def add_invalid_rows(container: Container, city: City, who: ActorClient, count: int) -> str:
    """An import of a city's company that has ended with invalid rows; the path of their file."""
    company = city.company.id
    async with container.database.write(PLATFORM, ORIGIN) as session:
        table = Base.metadata.tables["stock_import"]
        own = {"company_id": company, "started_by_id": who.id, "status": "COMPLETED"}
        row = await insert_row(session, table, **own)
        await session.execute(
            text(
                "INSERT INTO stock_import_row (import_id, company_id, number, store, product,"
                " quantity, code, field, message)"
                " SELECT :import_id, :company_id, n, 'S3', 'none', '1', 'UNKNOWN_PRODUCT',"
                " 'product', 'None.' FROM generate_series(1, :count) n"
            ),
            {"import_id": row.id, "company_id": company, "count": count},
        )
    return f"/imports/{encode_id(StockImport, row.id)}/errors.csv"


async def test_downloads_go_on_as_fast_as_they_are_paid_for(
    container: Container, storage: DiskStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Downloads at once took eight times the budget: each needed only its first 60 units.

    A page is paid for before it is read, and waits for that; a person has two downloads at once.
    """
    monkeypatch.setattr(stock_uploads, "PAGE_ROWS", 2)
    city = await build_city(container.database)
    admin = await create_client(container, "Importer", Grant(Role.COMPANY_ADMIN, city.company.id))
    path = await add_invalid_rows(container, city, admin, 8)
    now, waits = 0.0, 0

    async def sleep(seconds: float) -> None:
        nonlocal now, waits
        now, waits = now + seconds, waits + 1

    monkeypatch.setattr(paid_work, "sleep", sleep)
    size = BucketSize(500, 50)
    sizes = replace(CallerBucketSizes.of(1_000), person=size)
    budgets = CallerBudgets(RateLimiter(lambda: now), sizes)
    files = StockFiles(HeaderAuthenticator(container, budgets), storage, budgets)
    transport = httpx.ASGITransport(Starlette(routes=files.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        rows = await client.get(path, headers=bearer(admin))
        assert len(rows.text.splitlines()) == 1 + 8
        assert waits >= 4
        now += 100
        with files._download_slots.taken_by(admin.actor):
            with files._download_slots.taken_by(admin.actor):
                refused = await client.get(path, headers=bearer(admin))
            assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
            now += 100
            assert (await client.get(path, headers=bearer(admin))).status_code == 200
    assert not files._download_slots._taken
