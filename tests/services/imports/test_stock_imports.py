"""Stock imports: read, checked and applied in steps, completely or not at all."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import insert

from database.scope import PLATFORM
from jobs import imports as jobs
from models.catalog import CodeKind, Product, ProductCode
from models.identity import Grant, Role
from models.imports import (
    ErrorPolicy,
    StockImportErrorCode,
    StockImportFormat,
    StockImportMode,
    StockImportStatus,
)
from models.stock import StockLevel
from services.core.problems import DomainError
from services.imports import import_steps, stock_imports
from services.imports.file_encoding import InvalidFile
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import unexplained_stock
from tests.support.stock.import_runner import ImportRunner, stock_file

ALL, SKIP = ErrorPolicy.ALL_OR_NOTHING, ErrorPolicy.SKIP_INVALID
CSV, JSONL = StockImportFormat.CSV, StockImportFormat.JSONL
INVALID = ("S1,P002,-4", "S9,P003,1", "S1,NONE,1", "S1,P004,1.5", "S1,P001,9", '"S1,P005,3', "S1")
FAULTS = {
    3: StockImportErrorCode.INVALID_QUANTITY,
    4: StockImportErrorCode.UNKNOWN_STORE,
    5: StockImportErrorCode.UNKNOWN_PRODUCT,
    6: StockImportErrorCode.INVALID_QUANTITY,
    7: StockImportErrorCode.REPEATED,
    8: StockImportErrorCode.MALFORMED,
    9: StockImportErrorCode.MALFORMED,
}


async def test_invalid_rows_are_skipped_and_named(runner: ImportRunner) -> None:
    row = await runner.run(stock_file("S1,P001,7", *INVALID, "S1,5600000000012,8"), SKIP)
    assert (row.status, row.failure) == (StockImportStatus.COMPLETED, "")
    assert (row.row_count, row.processed_row_count, row.failed_row_count) == (9, 2, 7)
    assert await runner.faults(row) == FAULTS
    assert await runner.on_hand(0, 1, 11) == [7, 50, 8]
    assert await unexplained_stock(runner.database, runner.city) == []


async def test_codes_that_a_spreadsheet_has_changed_are_named(runner: ImportRunner) -> None:
    """Zeros in front are lost, a long code is shortened; a code that only looks so is taken."""
    codes = ("007700", "1E5", "03-Mar")
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        for product, code in zip(runner.city.products, codes[:2], strict=False):
            (await session.get_one(Product, product.id)).code = code
        of_third: Any = {"company_id": product.company_id, "product_id": runner.city.products[2].id}
        further = ProductCode(value="008800", text="008800", kind=CodeKind.MORE, **of_third)
        session.add(further)
    rows = ("S1,7700,7", "S1,1E5,9", "S1,03-Mar,1", "S1,1.2E+12,1", "S1,8800,1")
    row = await runner.run(stock_file(*rows), SKIP)
    assert await runner.faults(row) == dict.fromkeys((2, 4, 5, 6), StockImportErrorCode.DAMAGED)
    assert await runner.on_hand(1) == [9]
    assert "has the code 007700" in (await runner.messages(row))[2]


async def test_a_upc_e_in_a_file_is_the_product_of_its_upc_a(runner: ImportRunner) -> None:
    """04252614 of a packet was unknown; as the code of another product too it is ambiguous."""
    first, second = runner.city.products[:2]
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Product, first.id)).barcode = "042100005264"
    row = await runner.run(stock_file("S1,04252614,7", "S1,425261,9"), SKIP)
    assert await runner.faults(row) == {3: StockImportErrorCode.REPEATED}
    assert await runner.on_hand(0) == [7]
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Product, second.id)).barcode = "425261"
    row = await runner.run(stock_file("S1,04252614,8", "S1,425261,9"), SKIP)
    assert await runner.faults(row) == {3: StockImportErrorCode.UNKNOWN_PRODUCT}
    assert (await runner.messages(row))[3].startswith("Several products have this code")


async def test_one_invalid_row_rejects_all_rows(runner: ImportRunner) -> None:
    row = await runner.run(stock_file("S1,P001,7", *INVALID), ALL)
    assert row.status is StockImportStatus.FAILED
    assert row.failure == "Wrong rows: 7 of 8 rows. Nothing was changed."
    assert (row.processed_row_count, row.failed_row_count) == (0, 7)
    assert await runner.faults(row) == FAULTS
    assert await runner.on_hand(0) == [50]


@pytest.mark.parametrize("policy", [ALL, SKIP])
async def test_reserved_units_are_kept(runner: ImportRunner, policy: ErrorPolicy) -> None:
    key = (runner.city.near.id, runner.city.products[0].id)
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(StockLevel, key)).reserved = 4
    row = await runner.run(stock_file("S1,P001,3", "S1,P002,9"), policy)
    assert await runner.faults(row) == {2: StockImportErrorCode.BELOW_RESERVED}
    assert await runner.on_hand(0, 1) == [50, 9 if policy is SKIP else 50]
    assert (row.processed_row_count, row.failed_row_count) == (1 if policy is SKIP else 0, 1)


async def test_units_are_added_and_removed(runner: ImportRunner) -> None:
    lines = ['{"store":"S1","product":"P001","quantity":5}', "",
             '{"store":"S1","barcode":"5600000000002","quantity":-50}',
             '{"store":"S1","product":"P003","quantity":-51}',
             '{"store":"S1","product":"P004","quantity":"1"}', "[1]"]  # fmt: skip
    data = "\n".join(lines).encode()
    row = await runner.run(data, SKIP, format=JSONL, mode=StockImportMode.ADD)
    assert (row.row_count, row.processed_row_count) == (5, 2)
    assert await runner.on_hand(0, 1, 2) == [55, 0, 50]
    assert list((await runner.faults(row)).values()) == [
        StockImportErrorCode.BELOW_RESERVED, StockImportErrorCode.INVALID_QUANTITY,
        StockImportErrorCode.MALFORMED,
    ]  # fmt: skip
    assert await unexplained_stock(runner.database, runner.city) == []


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
async def test_a_file_without_its_declared_format_is_refused(
    runner: ImportRunner, data: bytes, format: StockImportFormat
) -> None:
    with pytest.raises(DomainError) as caught:
        await runner.start(data, format=format)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidFile)
    assert problem.path == ["input", "stockImportFileId"]


async def test_a_crashed_worker_leaves_no_partial_step(
    runner: ImportRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_steps, "CHUNK_ROWS", 2)
    lines = [f"S1,P{n:03},{n}" for n in range(1, 13)]
    row = await runner.start(stock_file(*lines), SKIP)
    steps, record_change = 0, stock_imports.record_change

    def crash_every_other_time(*arguments: Any) -> None:
        nonlocal steps
        steps += 1
        if steps % 2:
            raise RuntimeError("the worker crashed")
        record_change(*arguments)

    monkeypatch.setattr(import_steps, "record_change", crash_every_other_time)
    for _ in range(40):
        with contextlib.suppress(RuntimeError):
            await jobs.advance_import(runner.database, runner.storage, row.id)
    finished = await runner.reload(row)
    assert (finished.status, finished.processed_row_count) == (StockImportStatus.COMPLETED, 12)
    assert await runner.on_hand(*range(12)) == list(range(1, 13))
    assert await unexplained_stock(runner.database, runner.city) == []


async def test_a_store_manager_imports_into_no_other_store(runner: ImportRunner) -> None:
    company = runner.city.company.id
    grant = Grant(Role.STORE_MANAGER, company, runner.city.near.id)
    (runner.actor,) = await create_people(runner.database, 1, grant)
    row = await runner.run(stock_file("S1,P001,7", "S2,P001,7"), SKIP)
    assert await runner.faults(row) == {3: StockImportErrorCode.UNKNOWN_STORE}
    assert row.processed_row_count == 1


@pytest.mark.leaves("StockImport.QUEUED", "StockImport.READING", "StockImport.CHECKING")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("policy", [ALL, SKIP])
async def test_fifty_thousand_rows_with_three_invalid_ones(
    runner: ImportRunner, policy: ErrorPolicy
) -> None:
    await create_many_products(runner)
    stores = ("S1", "S2", "S3")
    lines = [f"{store},Q{n},{n % 90 + 1}" for n in range(16_667) for store in stores]
    lines[7], lines[20_000], lines[-1] = "S1,Q1,x", "S9,Q9,1", "S1,,1"
    row = await runner.run(stock_file(*lines), policy)
    assert (row.row_count, row.failed_row_count) == (50_001, 3)
    assert row.processed_row_count == (49_998 if policy is SKIP else 0)
    assert set(await runner.faults(row)) == {9, 20_002, 50_002}
    assert await unexplained_stock(runner.database, runner.city) == []


async def create_many_products(runner: ImportRunner) -> None:
    category = runner.city.first.categories[0].id
    company = runner.city.company.id
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        connection = await session.connection()
        rows: Sequence[dict[str, Any]] = [
            {
                "id": Product().id, "company_id": company, "code": f"Q{n}", "name": f"Product {n}",
                "translations": {}, "search_text": "", "category_id": category,
                "promotion_label": "",
                "weighed": False, "age_restricted": False, "active": True,
            }
            for n in range(16_667)
        ]  # fmt: skip
        for start in range(0, len(rows), 2_000):
            await connection.execute(insert(Product), rows[start : start + 2_000])
