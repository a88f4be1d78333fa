"""Batch reads of what expires together: by key, for pick lists, and for recalls."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among, asked, one_each
from models import (
    BatchRecall,
    BatchStatus,
    FulfillmentLine,
    FulfillmentLineStatus,
    PickedBatch,
    StockBatch,
    Store,
)
from models.light import kept


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
