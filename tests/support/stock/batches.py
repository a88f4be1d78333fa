"""Steps with batches of stock, and what the tables say of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.stock import StockBatch, StockLevel, StockMovement, StockMovementReason
from models.stores import Store
from services.core.problems import DomainError, Problem
from services.stock import movements, receiving
from services.stock.receiving import StockReceiptLine
from tests.support.customers import ORIGIN

TODAY = datetime.now(UTC).date()


def day(ahead: int) -> date:
    return TODAY + timedelta(days=ahead)


async def receive(
    database: Database, store: Store, *lines: StockReceiptLine
) -> list[StockMovement]:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await receiving.receive(
            session, company_id=store.company_id, store_id=store.id, lines=lines,
            reason=StockMovementReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip


async def issue(
    database: Database, store: Store, lines: dict[UUID, int]
) -> list[movements.IssuedUnits]:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await movements.issue(
            session, company_id=store.company_id, store_id=store.id, lines=lines,
            reason=StockMovementReason.TRANSFER_OUT, reference="T-1", actor_id=None,
        )  # fmt: skip


async def refusals_of(work: Any) -> list[Problem]:
    """The problems with which a call is refused."""
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.problems


async def counters(database: Database, store: Store, product_id: UUID) -> tuple[int, ...]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(StockLevel, (store.id, product_id))
        return row.on_hand, row.reserved, row.unsellable, row.incoming


async def batches_of(database: Database, store: Store, product_id: UUID) -> dict[str, Any]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(StockBatch).where(
                StockBatch.store_id == store.id, StockBatch.product_id == product_id
            )
        )
        return {row.code: (row.on_hand, row.unsellable, row.status) for row in rows}
