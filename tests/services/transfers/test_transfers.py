"""Transfers: steps, concurrent decisions, and the ledger of both stores."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.operations import AuditEntry
from models.stock import BatchStatus, StockBatch, StockMovement, StockMovementReason
from models.transfers import (
    StockTransfer,
    StockTransferAction,
    StockTransferLine,
    StockTransferStatus,
    TransferLot,
)
from services.core.problems import DomainError, InvalidTransition, Problem
from services.stock import receiving
from services.transfers import transfers
from services.transfers.arrivals import TransferDiscrepancy
from services.transfers.transfer_lines import LineQuantity, lines_of
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import unexplained_stock
from tests.support.transfers import TransferStores, refusal_of, transfer_stores

S = StockTransferStatus
A = StockTransferAction
SOON, LATER = (datetime.now(UTC).date() + timedelta(days=days) for days in (3, 9))


@pytest.fixture
async def stores(database: Database, city: City) -> TransferStores:
    return await transfer_stores(database, city)


async def test_units_are_incoming_between_shipping_and_receiving(
    stores: TransferStores,
) -> None:
    row = await stores.request(20, 5)
    assert row.status is S.REQUESTED
    await stores.run(transfers.approve, stores.source_manager, transfer_id=row.id)
    await stores.run(transfers.start_picking, stores.source_manager, transfer_id=row.id)
    assert await stores.counters(stores.city.near, 0) == (50, 0, 0)
    await stores.run(transfers.ship, stores.source_manager, transfer_id=row.id)
    assert await stores.counters(stores.city.near, 0) == (30, 0, 0)
    assert await stores.counters(stores.city.next, 0) == (50, 0, 20)
    received = await stores.run(transfers.receive, stores.destination_manager, transfer_id=row.id)
    assert (received.status, received.version) == (S.RECEIVED, 5)
    assert await stores.counters(stores.city.next, 0) == (70, 0, 0)
    assert await stores.counters(stores.city.next, 1) == (55, 0, 0)
    assert await unexplained_stock(stores.database, stores.city) == []


async def test_missing_and_damaged_units_are_recorded(stores: TransferStores) -> None:
    row = await stores.ship(20, 5)
    discrepancies = [TransferDiscrepancy(stores.product(0), received=15, damaged=2)]
    received = await stores.run(
        transfers.receive,
        stores.destination_manager,
        transfer_id=row.id,
        discrepancies=discrepancies,
    )
    assert received.status is S.PARTIALLY_RECEIVED
    assert await stores.counters(stores.city.next, 0) == (65, 2, 0)
    async with stores.database.read(PLATFORM) as session:
        lines = await lines_of(session, row.id)
        line = lines[stores.product(0)]
        assert (line.shipped, line.received, line.damaged, line.missing) == (20, 15, 2, 3)
        entries = await session.scalars(
            select(StockMovement).where(StockMovement.reference == str(row.id))
        )
        recorded: Counter[tuple[StockMovementReason, UUID]] = Counter()
        for entry in entries:
            recorded[entry.reason, entry.product_id] += entry.on_hand_delta + entry.unsellable_delta
        audited = select(func.count()).where(
            AuditEntry.actor_id == stores.destination_manager.person_id
        )
        assert await session.scalar(audited) == 2
    product = stores.product(0)
    assert recorded[StockMovementReason.TRANSFER_OUT, product] == -20
    assert recorded[StockMovementReason.TRANSFER_IN, product] == 20
    assert recorded[StockMovementReason.TRANSFER_SHORTAGE, product] == -3
    assert await unexplained_stock(stores.database, stores.city) == []


async def test_batches_keep_their_codes_and_expiry_dates(stores: TransferStores) -> None:
    city = stores.city
    lines = [
        receiving.StockReceiptLine(stores.product(0), 6, "LATE", LATER),
        receiving.StockReceiptLine(stores.product(0), 4, "SOON", SOON),
    ]
    async with stores.database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id, lines=lines,
            reason=StockMovementReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip
    row = await stores.ship(8)
    discrepancies = [
        TransferDiscrepancy(stores.product(0), received=1, damaged=1, batch_code="LATE")
    ]
    await stores.run(
        transfers.receive,
        stores.destination_manager,
        transfer_id=row.id,
        discrepancies=discrepancies,
    )
    async with stores.database.read(PLATFORM) as session:
        rows = await session.scalars(select(StockBatch).where(StockBatch.store_id == city.next.id))
        batches = {
            batch.code: (batch.on_hand, batch.unsellable, batch.sell_by_date) for batch in rows
        }
    assert batches == {"SOON": (4, 0, SOON), "LATE": (1, 1, LATER)}
    assert await stores.counters(city.next, 0) == (55, 1, 0)
    assert await unexplained_stock(stores.database, city) == []


async def test_units_that_expire_on_the_way_arrive_and_are_set_aside(
    stores: TransferStores,
) -> None:
    """The van breaks down for a week: the transfer could never be received, as its day was over."""
    city = stores.city
    lines = [
        receiving.StockReceiptLine(stores.product(0), 6, "LATE", LATER),
        receiving.StockReceiptLine(stores.product(0), 4, "SOON", SOON),
    ]
    async with stores.database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id, lines=lines,
            reason=StockMovementReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip
    row = await stores.ship(8)
    over = SOON - timedelta(days=8)
    async with stores.database.write(PLATFORM, ORIGIN) as session:
        of_transfer = select(StockTransferLine.id).where(StockTransferLine.transfer_id == row.id)
        soon = update(TransferLot).where(TransferLot.line_id.in_(of_transfer))
        await session.execute(
            soon.where(TransferLot.batch_code == "SOON").values(sell_by_date=over)
        )
    received = await stores.run(transfers.receive, stores.destination_manager, transfer_id=row.id)
    assert received.status is S.RECEIVED
    async with stores.database.read(PLATFORM) as session:
        rows = await session.scalars(select(StockBatch).where(StockBatch.store_id == city.next.id))
        batches = {batch.code: (batch.on_hand, batch.unsellable, batch.status) for batch in rows}
        entries = await session.scalars(
            select(StockMovement)
            .where(StockMovement.reference == str(row.id))
            .order_by(StockMovement.id)
        )
        moved = [(entry.reason, entry.on_hand_delta, entry.unsellable_delta) for entry in entries]
    assert batches == {"SOON": (0, 4, BatchStatus.EXPIRED), "LATE": (4, 0, BatchStatus.OPEN)}
    assert await stores.counters(city.next, 0) == (54, 4, 0)
    assert (StockMovementReason.EXPIRY, -4, 4) in moved
    assert await unexplained_stock(stores.database, city) == []


async def test_a_batch_with_another_day_at_the_destination_keeps_the_earlier_one(
    stores: TransferStores,
) -> None:
    """Each store had typed its own day: the transfer could be received by nobody, for ever."""
    city = stores.city
    for store, day in ((city.near, SOON), (city.next, LATER)):
        async with stores.database.write(PLATFORM, ORIGIN) as session:
            await receiving.receive(
                session, company_id=city.company.id, store_id=store.id, reference="PO-1",
                lines=[receiving.StockReceiptLine(stores.product(0), 6, "L-1", day)],
                reason=StockMovementReason.RECEIPT, actor_id=None,
            )  # fmt: skip
    row = await stores.ship(4)
    received = await stores.run(transfers.receive, stores.destination_manager, transfer_id=row.id)
    assert received.status is S.RECEIVED
    async with stores.database.read(PLATFORM) as session:
        statement = select(StockBatch).where(StockBatch.store_id == city.next.id)
        batch = (await session.scalars(statement)).one()
    assert (batch.on_hand, batch.sell_by_date) == (10, SOON)
    assert await unexplained_stock(stores.database, city) == []


async def test_one_of_twenty_concurrent_decisions_succeeds(stores: TransferStores) -> None:
    row = await stores.request(3)
    steps = [transfers.approve, transfers.reject] * 10

    async def attempt(step: Any) -> StockTransferStatus | Problem:
        try:
            return (await stores.run(step, stores.source_manager, transfer_id=row.id)).status
        except DomainError as error:
            return error.problems[0]

    results = await asyncio.gather(*(attempt(step) for step in steps))
    (status,) = [each for each in results if isinstance(each, StockTransferStatus)]
    assert status in (S.APPROVED, S.REJECTED)
    refused = [each for each in results if not isinstance(each, StockTransferStatus)]
    assert {type(each) for each in refused} == {InvalidTransition}
    async with stores.database.read(PLATFORM) as session:
        assert (await session.get_one(StockTransfer, row.id)).version == 2


async def test_concurrent_receipts_add_the_units_once(stores: TransferStores) -> None:
    row = await stores.ship(10)
    receipts = [
        stores.run(transfers.receive, stores.destination_manager, transfer_id=row.id)
        for _ in range(5)
    ]
    results = await asyncio.gather(*receipts, return_exceptions=True)
    assert sum(isinstance(each, StockTransfer) for each in results) == 1
    assert await stores.counters(stores.city.next, 0) == (60, 0, 0)
    problem = await refusal_of(
        stores.run(transfers.receive, stores.destination_manager, transfer_id=row.id)
    )
    assert isinstance(problem, InvalidTransition)
    assert (problem.current_status, problem.allowed_actions) == ("RECEIVED", [])


async def test_transfers_in_opposite_directions_do_not_deadlock(stores: TransferStores) -> None:
    outward = await stores.request(*[1] * 12)
    lines = [LineQuantity(stores.product(nth), 1) for nth in reversed(range(12))]
    store_ids = {"source_id": stores.city.next.id, "destination_id": stores.city.near.id}
    return_transfer = await stores.run(
        transfers.request, stores.source_manager, lines=lines, **store_ids
    )
    await stores.run(transfers.approve, stores.source_manager, transfer_id=outward.id)
    await stores.run(transfers.approve, stores.destination_manager, transfer_id=return_transfer.id)
    await asyncio.gather(
        stores.run(transfers.ship, stores.source_manager, transfer_id=outward.id),
        stores.run(transfers.ship, stores.destination_manager, transfer_id=return_transfer.id),
    )
    assert await stores.counters(stores.city.near, 3) == (49, 0, 1)
