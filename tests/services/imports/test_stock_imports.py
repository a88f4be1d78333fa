"""Files of stock: read, checked and applied a step at a time, whole or not at all."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from database.scope import PLATFORM
from database.sessions import Database
from gateways.storage import DiskStorage
from jobs import imports as jobs
from models.catalog import Product
from models.identity import Actor, Grant, Role
from models.ids import encode
from models.imports import (
    ErrorPolicy,
    ImportFormat,
    ImportMode,
    ImportStatus,
    RowFault,
    StockImport,
    StockImportRow,
    StockUpload,
)
from models.stock import Stock
from services.core.problems import Refused
from services.imports import import_steps, stock_imports
from services.imports.file_reader import HEAD_BYTES, UnreadableFile, head_of
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import unexplained, working

ALL, SKIP = ErrorPolicy.ALL_OR_NOTHING, ErrorPolicy.SKIP_BAD
CSV, JSONL = ImportFormat.CSV, ImportFormat.JSONL
HEAD = "store,product,quantity"


class Desk:
    """One who imports files into the near store's company, and the worker."""

    def __init__(self, database: Database, city: City, boss: Actor, folder: Path) -> None:
        self.database, self.city, self.boss = database, city, boss
        self.storage = DiskStorage(folder)

    async def start(
        self, data: bytes, policy: ErrorPolicy = ALL, format: ImportFormat = CSV,
        mode: ImportMode = ImportMode.SET,
    ) -> StockImport:  # fmt: skip
        upload = StockUpload(person_id=self.boss.person_id, size_bytes=len(data))
        upload.head = head_of(data[:HEAD_BYTES])

        async def whole() -> AsyncIterator[bytes]:
            yield data

        await self.storage.keep(encode(StockUpload, upload.id), whole(), 2**26)
        async with working(self.database, self.boss, self.city.company.id) as session:
            await stock_imports.keep(session, actor=self.boss, upload=upload, name="stock.csv")
            return await stock_imports.start(
                session, actor=self.boss, company_id=self.city.company.id, upload_id=upload.id,
                taking=stock_imports.Taking(format, mode, policy),
            )  # fmt: skip

    async def done(self, *given: Any, **more: Any) -> StockImport:
        row = await self.start(*given, **more)
        while await jobs.one_step(self.database, self.storage, row.id):
            pass
        return await self.now(row)

    async def now(self, row: StockImport) -> StockImport:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(StockImport, row.id)

    async def faults(self, row: StockImport) -> dict[int, RowFault | None]:
        async with self.database.read(PLATFORM) as session:
            rows = select(StockImportRow).where(StockImportRow.import_id == row.id)
            return {one.number: one.fault for one in await session.scalars(rows)}

    async def on_hand(self, *products: int) -> list[int]:
        async with self.database.read(PLATFORM) as session:
            return [
                (
                    await session.get_one(Stock, (self.city.near.id, self.city.products[n].id))
                ).on_hand
                for n in products
            ]


@pytest.fixture
async def desk(database: Database, city: City, tmp_path: Path) -> Desk:
    (boss,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    return Desk(database, city, boss, tmp_path / "files")


def file(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *lines]).encode()


BAD = ("S1,P002,-4", "S9,P003,1", "S1,NONE,1", "S1,P004,1.5", "S1,P001,9", '"S1,P005,3', "S1")
FAULTS = {
    3: RowFault.INVALID_QUANTITY,
    4: RowFault.UNKNOWN_STORE,
    5: RowFault.UNKNOWN_PRODUCT,
    6: RowFault.INVALID_QUANTITY,
    7: RowFault.REPEATED,
    8: RowFault.MALFORMED,
    9: RowFault.MALFORMED,
}


async def test_bad_rows_are_left_out_and_named(desk: Desk) -> None:
    row = await desk.done(file("S1,P001,7", *BAD, "S1,5600000000012,8"), SKIP)
    assert (row.status, row.failure) == (ImportStatus.COMPLETED, "")
    assert (row.rows_total, row.rows_done, row.rows_failed) == (9, 2, 7)
    assert await desk.faults(row) == FAULTS
    assert await desk.on_hand(0, 1, 11) == [7, 50, 8]
    assert await unexplained(desk.database, desk.city) == []


async def test_one_bad_row_stops_all_rows(desk: Desk) -> None:
    row = await desk.done(file("S1,P001,7", *BAD), ALL)
    assert row.status is ImportStatus.FAILED
    assert row.failure == "7 of 8 rows are bad: nothing was changed."
    assert (row.rows_done, row.rows_failed) == (0, 7)
    assert await desk.faults(row) == FAULTS
    assert await desk.on_hand(0) == [50]


@pytest.mark.parametrize("policy", [ALL, SKIP])
async def test_what_is_promised_stays(desk: Desk, policy: ErrorPolicy) -> None:
    place = (desk.city.near.id, desk.city.products[0].id)
    async with desk.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Stock, place)).held = 4
    row = await desk.done(file("S1,P001,3", "S1,P002,9"), policy)
    assert await desk.faults(row) == {2: RowFault.BELOW_HELD}
    assert await desk.on_hand(0, 1) == [50, 9 if policy is SKIP else 50]
    assert (row.rows_done, row.rows_failed) == (1 if policy is SKIP else 0, 1)


async def test_units_are_added_and_taken(desk: Desk) -> None:
    lines = ['{"store":"S1","product":"P001","quantity":5}', "",
             '{"store":"S1","barcode":"5600000000002","quantity":-50}',
             '{"store":"S1","product":"P003","quantity":-51}',
             '{"store":"S1","product":"P004","quantity":"1"}', "[1]"]  # fmt: skip
    data = "\n".join(lines).encode()
    row = await desk.done(data, SKIP, format=JSONL, mode=ImportMode.ADD)
    assert (row.rows_total, row.rows_done) == (5, 2)
    assert await desk.on_hand(0, 1, 2) == [55, 0, 50]
    assert list((await desk.faults(row)).values()) == [
        RowFault.BELOW_HELD, RowFault.INVALID_QUANTITY, RowFault.MALFORMED,
    ]  # fmt: skip
    assert await unexplained(desk.database, desk.city) == []


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", CSV),
        (b"\xff\xfe\xfa", CSV),
        (b"", CSV),
        (b"a,b,c\n1,2,3", CSV),
        (b"store,product\n1,2", CSV),
        (b"store,product,quantity\n", JSONL),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused(
    desk: Desk, data: bytes, format: ImportFormat
) -> None:
    with pytest.raises(Refused) as caught:
        await desk.start(data, format=format)
    (reason,) = caught.value.reasons
    assert isinstance(reason, UnreadableFile)
    assert reason.path == ["input", "uploadId"]


async def test_a_worker_that_dies_leaves_nothing_half_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_steps, "CHUNK_ROWS", 2)
    lines = [f"S1,P{n:03},{n}" for n in range(1, 13)]
    row = await desk.start(file(*lines), SKIP)
    taken, real = 0, stock_imports.tell

    def dying(*given: Any) -> None:
        nonlocal taken
        taken += 1
        if taken % 2:
            raise RuntimeError("the worker died")
        real(*given)

    monkeypatch.setattr(import_steps, "tell", dying)
    for _ in range(40):
        await jobs.one_step(desk.database, desk.storage, row.id)
    done = await desk.now(row)
    assert (done.status, done.rows_done) == (ImportStatus.COMPLETED, 12)
    assert await desk.on_hand(*range(12)) == list(range(1, 13))
    assert await unexplained(desk.database, desk.city) == []


async def test_a_store_manager_sets_no_other_store(desk: Desk) -> None:
    company = desk.city.company.id
    grant = Grant(Role.STORE_MANAGER, company, desk.city.near.id)
    (desk.boss,) = await people(desk.database, 1, grant)
    row = await desk.done(file("S1,P001,7", "S2,P001,7"), SKIP)
    assert await desk.faults(row) == {3: RowFault.UNKNOWN_STORE}
    assert row.rows_done == 1


@pytest.mark.slow
@pytest.mark.parametrize("policy", [ALL, SKIP])
async def test_fifty_thousand_rows_with_three_bad_ones(desk: Desk, policy: ErrorPolicy) -> None:
    await many_products(desk)
    stores = ("S1", "S2", "S3")
    lines = [f"{store},Q{n},{n % 90 + 1}" for n in range(16_667) for store in stores]
    lines[7], lines[20_000], lines[-1] = "S1,Q1,x", "S9,Q9,1", "S1,,1"
    row = await desk.done(file(*lines), policy)
    assert (row.rows_total, row.rows_failed) == (50_001, 3)
    assert row.rows_done == (49_998 if policy is SKIP else 0)
    assert set(await desk.faults(row)) == {9, 20_002, 50_002}
    assert await unexplained(desk.database, desk.city) == []


async def many_products(desk: Desk) -> None:
    category = desk.city.first.categories[0].id
    company = desk.city.company.id
    async with desk.database.write(PLATFORM, ORIGIN) as session:
        connection = await session.connection()
        rows: Sequence[dict[str, Any]] = [
            {
                "id": Product().id, "company_id": company, "code": f"Q{n}", "name": f"Product {n}",
                "translations": {}, "search_text": "", "category_id": category, "offer_text": "",
                "weighed": False, "age_restricted": False, "active": True,
            }
            for n in range(16_667)
        ]  # fmt: skip
        for start in range(0, len(rows), 2_000):
            await connection.execute(insert(Product), rows[start : start + 2_000])
