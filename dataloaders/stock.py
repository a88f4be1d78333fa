"""Batch reads of stock rows and batches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, and_, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import public
from dataloaders.keys import in_keys, matches_keys, one_per_key
from models.fulfillment import FulfillmentLine, units_sql
from models.stock import BatchRecall, BatchStatus, PickedBatch, StockBatch, StockLevel
from models.stores import Store
from services.stock.stock_writer import StockKey
from services.stores.store_time import calendar_date_column


@public
async def stock_by_store_and_product(
    session: AsyncSession, keys: Sequence[StockKey]
) -> list[StockLevel | None]:
    """The stock row of each product in a store; None where there is none."""
    rows = await session.scalars(
        select(StockLevel).where(tuple_(StockLevel.store_id, StockLevel.product_id).in_(keys))
    )
    by_key = {(row.store_id, row.product_id): row for row in rows}
    return [by_key.get(key) for key in keys]


async def stock_by_product(session: AsyncSession, ids: Sequence[UUID]) -> list[list[StockLevel]]:
    """The stock rows of each product, in the order of store ids."""
    rows = await session.scalars(
        select(StockLevel).where(in_keys(StockLevel.product_id, ids)).order_by(StockLevel.store_id)
    )
    by_product: defaultdict[UUID, list[StockLevel]] = defaultdict(list)
    for row in rows:
        by_product[row.product_id].append(row)
    return [by_product[key] for key in ids]


@dataclass(frozen=True, slots=True)
class BatchQuantity:
    """A number of units of one batch."""

    batch_id: UUID
    code: str
    sell_by_date: date | None
    quantity: int


STOCK_BATCH = prepared(select(StockBatch).where(matches_keys(StockBatch.id)))


async def batch_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockBatch | None]:
    """Batches by key."""
    return await one_per_key(session, STOCK_BATCH, ids)


async def batches_by_recall(session: AsyncSession, ids: Sequence[UUID]) -> list[list[StockBatch]]:
    """The batches of each recall, in the order of store ids."""
    of_recall = and_(
        StockBatch.product_id == BatchRecall.product_id,
        StockBatch.code == BatchRecall.batch_code,
    )
    rows = await session.execute(
        select(BatchRecall.id, StockBatch)
        .join(StockBatch, of_recall)
        .where(in_keys(BatchRecall.id, ids))
        .order_by(StockBatch.store_id)
    )
    by_recall: dict[UUID, list[StockBatch]] = defaultdict(list)
    for key, batch in rows:
        by_recall[key].append(batch)
    return [by_recall[key] for key in ids]


async def suggested_batches_by_line(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[BatchQuantity]]:
    """The batches of the units that are still to be picked, the first to expire first."""
    remaining = literal_column(units_sql(FulfillmentLine.__tablename__).remaining, Integer)
    of_line = and_(
        StockBatch.store_id == FulfillmentLine.store_id,
        StockBatch.product_id == FulfillmentLine.product_id,
    )
    rows = await session.execute(
        select(FulfillmentLine.id, remaining, StockBatch)
        .join(StockBatch, of_line)
        .join(Store, Store.id == StockBatch.store_id)
        .where(in_keys(FulfillmentLine.id, ids))
        .where(remaining > 0)
        .where(StockBatch.status == BatchStatus.OPEN, StockBatch.on_hand > 0)
        .where(
            or_(
                StockBatch.sell_by_date.is_(None), StockBatch.sell_by_date >= calendar_date_column()
            )
        )
        .order_by(StockBatch.sell_by_date.nulls_last(), StockBatch.id)
    )
    by_line: dict[UUID, list[BatchQuantity]] = defaultdict(list)
    for key, quantity, batch in rows:
        left = quantity - sum(share.quantity for share in by_line[key])
        if units := min(left, batch.on_hand):
            by_line[key].append(BatchQuantity(batch.id, batch.code, batch.sell_by_date, units))
    return [by_line[key] for key in ids]


async def picked_batches_by_line(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[BatchQuantity]]:
    """The batches of each line's picked units, without those of substitutes."""
    line = FulfillmentLine
    own = (line.id == PickedBatch.fulfillment_line_id) & (line.product_id == PickedBatch.product_id)
    rows = await session.execute(
        select(
            PickedBatch.fulfillment_line_id, StockBatch.id, StockBatch.code,
            StockBatch.sell_by_date, PickedBatch.quantity,
        )
        .join(StockBatch, StockBatch.id == PickedBatch.batch_id)
        .join(line, own)
        .where(in_keys(PickedBatch.fulfillment_line_id, ids), PickedBatch.quantity > 0)
        .order_by(StockBatch.sell_by_date.nulls_last(), StockBatch.id)
    )  # fmt: skip
    return _shares_by_line(ids, rows)


def _shares_by_line(ids: Sequence[UUID], rows: Iterable[Any]) -> list[list[BatchQuantity]]:
    by_line: dict[UUID, list[BatchQuantity]] = defaultdict(list)
    for key, *columns in rows:
        by_line[key].append(BatchQuantity(*columns))
    return [by_line[key] for key in ids]
