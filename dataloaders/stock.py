"""Batch reads of stock rows and batches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders import public
from dataloaders.keys import among, asked, one_each
from models.fulfillment import FulfillmentLine, FulfillmentLineStatus
from models.stock import BatchRecall, BatchStatus, PickedBatch, Stock, StockBatch
from models.stores import Store

Place = tuple[UUID, UUID]
"""A store and a product."""


@public
async def stock_by_place(session: AsyncSession, places: Sequence[Place]) -> list[Stock | None]:
    """The counter row of each product in its store."""
    rows = await session.scalars(
        select(Stock).where(tuple_(Stock.store_id, Stock.product_id).in_(places))
    )
    found = {(row.store_id, row.product_id): row for row in rows}
    return [found.get(place) for place in places]


async def shelves_by_product(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Stock]]:
    """The counter rows of each product, store by store."""
    rows = await session.scalars(
        select(Stock).where(among(Stock.product_id, ids)).order_by(Stock.store_id)
    )
    found: defaultdict[UUID, list[Stock]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(row)
    return [found[key] for key in ids]


@dataclass(frozen=True, slots=True)
class BatchShare:
    """So many units of a batch."""

    batch_id: UUID
    code: str
    expires_on: date | None
    quantity: int


STOCK_BATCH = kept(select(StockBatch).where(asked(StockBatch.id)))


async def batch_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockBatch | None]:
    """Batches by key."""
    return await one_each(session, STOCK_BATCH, ids)


async def batches_by_recall(session: AsyncSession, ids: Sequence[UUID]) -> list[list[StockBatch]]:
    """What each recall has stopped, store by store."""
    named = and_(
        StockBatch.product_id == BatchRecall.product_id,
        StockBatch.code == BatchRecall.batch_code,
    )
    rows = await session.execute(
        select(BatchRecall.id, StockBatch)
        .join(StockBatch, named)
        .where(among(BatchRecall.id, ids))
        .order_by(StockBatch.store_id)
    )
    found: dict[UUID, list[StockBatch]] = defaultdict(list)
    for key, batch in rows:
        found[key].append(batch)
    return [found[key] for key in ids]


async def advised_by_line(session: AsyncSession, ids: Sequence[UUID]) -> list[list[BatchShare]]:
    """Which batches a picker should take for each undecided line: what expires first, first."""
    here = and_(
        StockBatch.store_id == FulfillmentLine.store_id,
        StockBatch.product_id == FulfillmentLine.product_id,
    )
    today = func.date(func.timezone(Store.timezone, func.clock_timestamp()))
    rows = await session.execute(
        select(FulfillmentLine.id, FulfillmentLine.quantity, StockBatch)
        .join(StockBatch, here)
        .join(Store, Store.id == StockBatch.store_id)
        .where(among(FulfillmentLine.id, ids))
        .where(FulfillmentLine.status == FulfillmentLineStatus.PENDING)
        .where(StockBatch.status == BatchStatus.OPEN, StockBatch.on_hand > 0)
        .where(or_(StockBatch.expires_on.is_(None), StockBatch.expires_on >= today))
        .order_by(StockBatch.expires_on.nulls_last(), StockBatch.id)
    )
    found: dict[UUID, list[BatchShare]] = defaultdict(list)
    for key, wanted, batch in rows:
        left = wanted - sum(share.quantity for share in found[key])
        if units := min(left, batch.on_hand):
            found[key].append(BatchShare(batch.id, batch.code, batch.expires_on, units))
    return [found[key] for key in ids]


async def picked_by_line(session: AsyncSession, ids: Sequence[UUID]) -> list[list[BatchShare]]:
    """Which batches the picked units of each line are of, those of substitutes left out."""
    line = FulfillmentLine
    own = (line.id == PickedBatch.fulfillment_line_id) & (line.product_id == PickedBatch.product_id)
    rows = await session.execute(
        select(
            PickedBatch.fulfillment_line_id, StockBatch.id, StockBatch.code,
            StockBatch.expires_on, PickedBatch.quantity,
        )
        .join(StockBatch, StockBatch.id == PickedBatch.batch_id)
        .join(line, own)
        .where(among(PickedBatch.fulfillment_line_id, ids), PickedBatch.quantity > 0)
        .order_by(StockBatch.expires_on.nulls_last(), StockBatch.id)
    )  # fmt: skip
    return _grouped(ids, rows)


def _grouped(ids: Sequence[UUID], rows: Iterable[Any]) -> list[list[BatchShare]]:
    found: dict[UUID, list[BatchShare]] = defaultdict(list)
    for key, *share in rows:
        found[key].append(BatchShare(*share))
    return [found[key] for key in ids]
