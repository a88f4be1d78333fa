"""Locks of batches and stock rows are taken in one order, whichever way units come in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.stock import StockLevel, StockMovementReason
from models.transfers import StockTransfer, StockTransferLine, TransferLot
from services.stock import adjustments, movements, recalls, receiving
from services.stock.adjustments import StockAdjustment
from services.stock.receiving import StockReceiptLine
from services.transfers import arrivals
from services.transfers.arrivals import LotArrival
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.stock.lock_waits import until_waiting

CODE = "LOT-7"
Change = Callable[[Database, City, Actor], Coroutine[Any, Any, None]]


async def adjust(database: Database, city: City, admin: Actor) -> None:
    """Find units of a batch on the shelf."""
    async with database.write(PLATFORM, ORIGIN) as session:
        await adjustments.adjust(
            session, actor=admin, store_id=city.near.id, product_id=city.products[0].id,
            adjustment=StockAdjustment(delta=1, batch_code=CODE),
            reason=StockMovementReason.ADJUSTMENT, note="found",
        )  # fmt: skip


async def receive(database: Database, city: City, admin: Actor) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id,
            lines=[StockReceiptLine(city.products[0].id, 1, CODE)],
            reason=StockMovementReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip


async def recall(database: Database, city: City, admin: Actor) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await recalls.recall(
            session, actor=admin, company_id=city.company.id, product_id=city.products[0].id,
            batch_code=CODE, reason="glass",
        )  # fmt: skip


async def arrive(database: Database, city: City, admin: Actor) -> None:
    """Units of a batch arrive from another store."""
    transfer = StockTransfer(company_id=city.company.id, destination_id=city.near.id)
    line = StockTransferLine(transfer_id=transfer.id, product_id=city.products[0].id)
    arrival = LotArrival(line, TransferLot(quantity=1, batch_code=CODE), received=1)
    async with database.write(PLATFORM, ORIGIN) as session:
        await arrivals.record_arrivals(session, transfer, [arrival], None)


async def expect(database: Database, city: City, units: int) -> None:
    """Announce units that are to arrive."""
    async with database.write(PLATFORM, ORIGIN) as session:
        await movements.change_incoming(
            session, company_id=city.company.id, store_id=city.near.id,
            lines={city.products[0].id: units},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (adjust, receive), (receive, adjust), (adjust, recall), (recall, adjust),
        (arrive, receive), (receive, arrive), (arrive, recall), (arrive, adjust),
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
async def test_two_ways_to_a_batch_wait_for_each_other_and_never_both(
    database: Database, city: City, first: Change, second: Change
) -> None:
    """An adjustment locked the stock row, then the batch; a receipt did the reverse: a deadlock."""
    admin = (await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]
    await receive(database, city, admin)
    await expect(database, city, 2)

    # Not as the application's role: that one does not see what others wait for.
    async with database.write(PLATFORM, ORIGIN) as session:
        row = (StockLevel.store_id == city.near.id) & (StockLevel.product_id == city.products[0].id)
        await session.execute(select(StockLevel).where(row).with_for_update())
        changes = []
        for number, change in enumerate((first, second), start=1):
            changes.append(asyncio.create_task(change(database, city, admin)))
            await until_waiting(database, number)
    await asyncio.gather(*changes)
