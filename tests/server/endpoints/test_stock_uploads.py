"""The doors for files: who may send one, how large it may be, and the bad rows as CSV."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateways.storage import DiskStorage
from jobs import imports
from models.identity import Grant, Role
from models.ids import decode
from models.imports import StockImport
from resolvers.context import House
from server.auth.edge import Edge
from server.endpoints.stock_uploads import Imports
from tests.support.actors import Standing, stand
from tests.support.city import build
from tests.support.graph_queries import id_of, operation
from tests.support.stripe_simulator import served

PIECE = b"x" * 1024 * 1024


@pytest.fixture
async def storage(tmp_path: Path) -> DiskStorage:
    return DiskStorage(tmp_path / "files")


@pytest.fixture
async def door(house: House, storage: DiskStorage) -> AsyncIterator[httpx.AsyncClient]:
    edge = Edge()
    edge.house = house
    app = Starlette(routes=Imports(edge, storage).routes)
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


def bearer(who: Standing) -> dict[str, str]:
    return {"authorization": f"Bearer {who.token}"}


async def test_a_file_goes_in_and_its_bad_rows_come_out(
    door: httpx.AsyncClient, storage: DiskStorage, house: House, other_company_admin: Standing
) -> None:
    town = await build(house.database)  # each company may have but a few imports under way
    admin = await stand(house, "Importer", Grant(Role.COMPANY_ADMIN, town.company.id))
    body = b"store,product,quantity\nS3,P001,50\nS3,=HYPERLINK(1),1\n"
    sent = await door.post("/imports?name=shelf.csv", content=body, headers=bearer(admin))
    assert sent.status_code == 201
    assert sent.json()["sizeBytes"] == len(body)
    given = {
        "companyId": id_of(town.company), "uploadId": sent.json()["uploadId"], "format": "CSV",
        "mode": "SET", "onError": "SKIP_BAD",
    }  # fmt: skip
    start = operation("stock_import_start")
    told = await admin.run(start, {"input": given})
    key = told["stockImportStart"]["stockImport"]["id"]
    import_id = decode(StockImport, key)
    assert import_id is not None
    assert await imports.advance(house.database, storage) >= 3
    shown = await admin.run(operation("stock_import_detail"), {"id": key})
    seen = shown["stockImport"]
    assert (seen["status"], seen["rowsDone"], seen["rowsFailed"]) == ("COMPLETED", 1, 1)
    rows = await door.get(seen["errorFile"], headers=bearer(admin))
    assert rows.status_code == 200
    head, bad = rows.text.splitlines()
    assert head == "line,store,product,quantity,field,fault,message"
    assert bad.startswith("3,S3,'=HYPERLINK(1),1,product,UNKNOWN_PRODUCT,")
    strange = await door.get(seen["errorFile"], headers=bearer(other_company_admin))
    assert (strange.status_code, strange.json()["code"]) == (404, "NOT_FOUND")
    again = await admin.run(start, {"input": given})
    assert again["stockImportStart"]["errors"][0]["__typename"] == "NotFound"


async def test_only_managers_send_files(
    door: httpx.AsyncClient, picker: Standing, customer: Standing
) -> None:
    assert (await door.post("/imports", content=b"x")).status_code == 401
    for who in (picker, customer):
        told = await door.post("/imports", content=b"x", headers=bearer(who))
        assert (told.status_code, told.json()["code"]) == (403, "FORBIDDEN")


async def test_a_file_of_200_mb_is_refused_and_not_kept(
    door: httpx.AsyncClient, storage: DiskStorage, manager: Standing
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield PIECE

    told = await door.post("/imports", content=endless(), headers=bearer(manager))
    assert (told.status_code, told.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    declared = {**bearer(manager), "content-length": str(200 * len(PIECE))}
    told = await door.post("/imports", content=endless(), headers=declared)
    assert told.status_code == 413
    assert await storage.forget_older(-60) == 0


async def test_what_can_not_be_a_file_name_is_refused(
    door: httpx.AsyncClient, manager: Standing
) -> None:
    told = await door.post(f"/imports?name={'x' * 201}", content=b"x", headers=bearer(manager))
    assert (told.status_code, told.json()["code"]) == (400, "INVALID_INPUT")
    packed = {**bearer(manager), "content-encoding": "gzip"}
    assert (await door.post("/imports", content=b"x", headers=packed)).status_code == 415
