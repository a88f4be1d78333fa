"""Transfers: goods change stores, two people never both decide, and no unit gets lost."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.operations import AuditEntry
from models.stock import StockBatch, StockEntry, StockReason
from models.transfers import Transfer, TransferAction, TransferStatus
from services.core.problems import IllegalStep, Problem, Refused
from services.stock import receiving
from services.transfers import transfers
from services.transfers.arrivals import Difference
from services.transfers.transfer_lines import Wanted, lines_of
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import unexplained
from tests.support.transfers import Yard, against, opened_yard

S = TransferStatus
A = TransferAction
SOON, LATER = (datetime.now(UTC).date() + timedelta(days=days) for days in (3, 9))


@pytest.fixture
async def yard(database: Database, city: City) -> Yard:
    return await opened_yard(database, city)


async def test_goods_go_from_one_store_to_the_other_and_are_incoming_in_between(
    yard: Yard,
) -> None:
    row = await yard.asked(20, 5)
    assert row.status is S.REQUESTED
    await yard.do(transfers.approve, yard.giver, transfer_id=row.id)
    await yard.do(transfers.pick, yard.giver, transfer_id=row.id)
    assert await yard.counters(yard.city.near, 0) == (50, 0, 0)
    await yard.do(transfers.ship, yard.giver, transfer_id=row.id)
    assert await yard.counters(yard.city.near, 0) == (30, 0, 0)
    assert await yard.counters(yard.city.next, 0) == (50, 0, 20)
    done = await yard.do(transfers.receive, yard.getter, transfer_id=row.id)
    assert (done.status, done.version) == (S.RECEIVED, 5)
    assert await yard.counters(yard.city.next, 0) == (70, 0, 0)
    assert await yard.counters(yard.city.next, 1) == (55, 0, 0)
    assert await unexplained(yard.database, yard.city) == []


async def test_what_is_missing_and_damaged_stands_in_the_books(yard: Yard) -> None:
    row = await yard.shipped(20, 5)
    short = [Difference(yard.product(0), received=15, damaged=2)]
    done = await yard.do(transfers.receive, yard.getter, transfer_id=row.id, differences=short)
    assert done.status is S.PARTLY_RECEIVED
    assert await yard.counters(yard.city.next, 0) == (65, 2, 0)
    async with yard.database.read(PLATFORM) as session:
        lines = await lines_of(session, row.id)
        line = lines[yard.product(0)]
        assert (line.shipped, line.received, line.damaged, line.missing) == (20, 15, 2, 3)
        entries = await session.scalars(
            select(StockEntry).where(StockEntry.reference == str(row.id))
        )
        booked: Counter[tuple[StockReason, UUID]] = Counter()
        for one in entries:
            booked[one.reason, one.product_id] += one.delta + one.damaged_delta
        audited = select(func.count()).where(AuditEntry.actor_id == yard.getter.person_id)
        assert await session.scalar(audited) == 2
    first = yard.product(0)
    assert booked[StockReason.TRANSFER_OUT, first] == -20
    assert booked[StockReason.TRANSFER_IN, first] == 20
    assert booked[StockReason.TRANSFER_SHORTAGE, first] == -3
    assert await unexplained(yard.database, yard.city) == []


async def test_batches_keep_their_codes_and_days(yard: Yard) -> None:
    city = yard.city
    lots = [
        receiving.Received(yard.product(0), 6, "LATE", LATER),
        receiving.Received(yard.product(0), 4, "SOON", SOON),
    ]
    async with yard.database.write(PLATFORM, ORIGIN) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id, lines=lots,
            reason=StockReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip
    row = await yard.shipped(8)
    gone = [Difference(yard.product(0), received=1, damaged=1, batch_code="LATE")]
    await yard.do(transfers.receive, yard.getter, transfer_id=row.id, differences=gone)
    async with yard.database.read(PLATFORM) as session:
        rows = await session.scalars(select(StockBatch).where(StockBatch.store_id == city.next.id))
        held = {one.code: (one.on_hand, one.damaged, one.expires_on) for one in rows}
    assert held == {"SOON": (4, 0, SOON), "LATE": (1, 1, LATER)}
    assert await yard.counters(city.next, 0) == (55, 1, 0)
    assert await unexplained(yard.database, city) == []


async def test_of_twenty_who_approve_or_reject_at_once_one_does(yard: Yard) -> None:
    row = await yard.asked(3)
    verbs = [transfers.approve, transfers.reject] * 10

    async def attempt(verb: Any) -> TransferStatus | Problem:
        try:
            return (await yard.do(verb, yard.giver, transfer_id=row.id)).status
        except Refused as refused:
            return refused.reasons[0]

    said = await asyncio.gather(*(attempt(verb) for verb in verbs))
    (decided,) = [one for one in said if isinstance(one, TransferStatus)]
    assert decided in (S.APPROVED, S.REJECTED)
    refused = [one for one in said if not isinstance(one, TransferStatus)]
    assert {type(one) for one in refused} == {IllegalStep}
    async with yard.database.read(PLATFORM) as session:
        assert (await session.get_one(Transfer, row.id)).version == 2


async def test_receiving_twice_at_once_takes_the_goods_in_once(yard: Yard) -> None:
    row = await yard.shipped(10)
    twice = [yard.do(transfers.receive, yard.getter, transfer_id=row.id) for _ in range(5)]
    said = await asyncio.gather(*twice, return_exceptions=True)
    assert sum(isinstance(one, Transfer) for one in said) == 1
    assert await yard.counters(yard.city.next, 0) == (60, 0, 0)
    again = await against(yard.do(transfers.receive, yard.getter, transfer_id=row.id))
    assert isinstance(again, IllegalStep)
    assert (again.state, again.legal) == ("RECEIVED", [])


async def test_transfers_that_cross_do_not_wait_for_each_other(yard: Yard) -> None:
    there = await yard.asked(*[1] * 12)
    lines = [Wanted(yard.product(nth), 1) for nth in reversed(range(12))]
    ends = {"source_id": yard.city.next.id, "destination_id": yard.city.near.id}
    back = await yard.do(transfers.request, yard.giver, lines=lines, **ends)
    await yard.do(transfers.approve, yard.giver, transfer_id=there.id)
    await yard.do(transfers.approve, yard.getter, transfer_id=back.id)
    await asyncio.gather(
        yard.do(transfers.ship, yard.giver, transfer_id=there.id),
        yard.do(transfers.ship, yard.getter, transfer_id=back.id),
    )
    assert await yard.counters(yard.city.near, 3) == (49, 0, 1)
