"""Imports files of stock as one user, and runs the steps of the worker."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from gateways.storage import DiskStorage
from jobs import imports as jobs
from models.identity import Actor
from models.ids import encode_id
from models.imports import (
    ErrorPolicy,
    StockImport,
    StockImportErrorCode,
    StockImportFile,
    StockImportFormat,
    StockImportMode,
    StockImportRow,
)
from models.stock import StockLevel
from services.core.transient_errors import is_transient
from services.imports import stock_imports
from services.imports.file_layout import MAX_HEAD_BYTES
from tests.support.city import City
from tests.support.paid_orders import write_as

HEAD = "store,product,quantity"


def stock_file(*lines: str, head: str = HEAD) -> bytes:
    """A CSV file of stock."""
    return "\n".join([head, *lines]).encode()


class ImportRunner:
    """Imports files for a company as one of its users, and runs the steps of the worker."""

    def __init__(self, database: Database, city: City, actor: Actor, folder: Path) -> None:
        self.database, self.city, self.actor = database, city, actor
        self.storage = DiskStorage(folder)

    async def start(
        self,
        data: bytes,
        policy: ErrorPolicy = ErrorPolicy.ALL_OR_NOTHING,
        format: StockImportFormat = StockImportFormat.CSV,
        mode: StockImportMode = StockImportMode.SET,
        as_of: datetime | None = None,
    ) -> StockImport:
        """Send a file and start its import."""
        upload = StockImportFile(person_id=self.actor.person_id, size_bytes=len(data))
        upload.head = data[:MAX_HEAD_BYTES]

        async def content() -> AsyncIterator[bytes]:
            yield data

        await self.storage.store(encode_id(StockImportFile, upload.id), content(), 2**26)
        async with write_as(self.database, self.actor, self.city.company.id) as session:
            await stock_imports.save_upload(
                session, actor=self.actor, upload=upload, name="stock.csv"
            )
            return await stock_imports.start(
                session,
                actor=self.actor,
                company_id=self.city.company.id,
                upload_id=upload.id,
                options=stock_imports.ImportOptions(format, mode, policy, as_of),
            )

    async def run(self, *arguments: Any, **options: Any) -> StockImport:
        """Start an import and run all of its steps."""
        return await self.finish(await self.start(*arguments, **options))

    async def finish(self, row: StockImport) -> StockImport:
        """Run all steps of an import that was started."""
        has_more = True
        while has_more:
            try:
                has_more = await jobs.advance_import(self.database, self.storage, row.id)
            except Exception as error:
                if not is_transient(error):  # as on a busy machine: the job tries again
                    raise
        return await self.reload(row)

    async def reload(self, row: StockImport) -> StockImport:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(StockImport, row.id)

    async def faults(self, row: StockImport) -> dict[int, StockImportErrorCode | None]:
        async with self.database.read(PLATFORM) as session:
            rows = select(StockImportRow).where(StockImportRow.import_id == row.id)
            return {each.number: each.code for each in await session.scalars(rows)}

    async def messages(self, row: StockImport) -> dict[int, str]:
        async with self.database.read(PLATFORM) as session:
            rows = select(StockImportRow).where(StockImportRow.import_id == row.id)
            return {each.number: each.message for each in await session.scalars(rows)}

    async def on_hand(self, *products: int) -> list[int]:
        """The units of these products in the nearest store."""
        keys = [(self.city.near.id, self.city.products[nth].id) for nth in products]
        async with self.database.read(PLATFORM) as session:
            return [(await session.get_one(StockLevel, key)).on_hand for key in keys]
