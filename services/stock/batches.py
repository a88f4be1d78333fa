"""Which batch units are of: first expired, first out, and nothing of a batch that must not be sold.

The batches of a place change only under its stock row's lock. Whatever leaves a shelf without a
batch being named leaves the open batch that expires first, so that all batches together are never
more than what is there. What of a recalled or expired batch is promised already stays in its count
until the promise ends; `set_aside` moves the rest out of sale.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import BatchStatus, PickedBatch, Stock, StockBatch, StockEntry, StockReason
from services.stock.stock_rows import Cause, available, move

WHY_SET_ASIDE = {
    BatchStatus.EXPIRED: StockReason.EXPIRY,
    BatchStatus.RECALLED: StockReason.RECALL,
}
Batches = dict[UUID, list[StockBatch]]
"""By product: the batches with units on the shelf, the first to expire first."""


@dataclass(frozen=True, slots=True)
class Share:
    """Units that are of one batch, or of none that is known."""

    quantity: int
    batch: StockBatch | None = None


async def on_shelf(
    session: AsyncSession,
    store_id: UUID,
    product_ids: Collection[UUID],
    named: Collection[UUID] = (),
) -> Batches:
    """The batches of products in a store whose rows are locked, and those named by their keys."""
    there = (StockBatch.on_hand > 0) & StockBatch.product_id.in_(product_ids)
    rows = await session.scalars(
        select(StockBatch)
        .where(StockBatch.store_id == store_id)
        .where(there | StockBatch.id.in_(named) if named else there)
        .order_by(StockBatch.expires_on.nulls_last(), StockBatch.id)
        .execution_options(populate_existing=True)
    )
    found: Batches = defaultdict(list)
    for row in rows:
        found[row.product_id].append(row)
    return found


def split(batches: Iterable[StockBatch], quantity: int) -> list[Share]:
    """Units taken from batches in their order, and the rest from none."""
    shares: list[Share] = []
    for batch in batches:
        if taken := min(batch.on_hand, quantity):
            shares.append(Share(taken, batch))
            quantity -= taken
    return [*shares, Share(quantity)] if quantity else shares


def sold_from(batches: Sequence[StockBatch]) -> list[StockBatch]:
    """Those that may be sold."""
    return [batch for batch in batches if batch.status is BatchStatus.OPEN]


def frozen(batches: Sequence[StockBatch]) -> list[StockBatch]:
    """Those that must not be sold."""
    return [batch for batch in batches if batch.status is not BatchStatus.OPEN]


def leave(
    session: AsyncSession,
    row: Stock,
    batches: Sequence[StockBatch],
    quantity: int,
    cause: Cause,
    *,
    damaged: bool = False,
) -> list[StockEntry]:
    """Take units off a locked shelf, out of the open batches in order; `damaged` ones stay near.

    Answers the entries of the ledger, one for each batch.
    """
    return [
        move(
            session, row, cause, -share.quantity, damaged=share.quantity if damaged else 0,
            batch=share.batch, of_batch=0 if share.batch is None else -share.quantity,
        )
        for share in split(sold_from(batches), quantity)
    ]  # fmt: skip


def set_aside(
    session: AsyncSession, row: Stock, batches: Sequence[StockBatch], cause: Cause
) -> int:
    """Move what nobody was promised of frozen batches out of sale; answers how many units."""
    moved = 0
    for batch in frozen(batches):
        units = min(batch.on_hand, available(row))
        if units > 0:
            why = replace(cause, reason=WHY_SET_ASIDE[batch.status])
            move(session, row, why, -units, damaged=units, batch=batch, of_batch=-units)
            moved += units
    return moved


def lose(
    session: AsyncSession,
    row: Stock,
    batches: Sequence[StockBatch],
    quantity: int,
    cause: Cause,
) -> None:
    """Take units off a locked shelf that a picker did not find, or must not take.

    What is frozen was left lying and is set aside; only the rest is lost.
    """
    left = quantity
    for share in split(frozen(batches), quantity):
        if share.batch is not None:
            units = share.quantity
            why = replace(cause, reason=WHY_SET_ASIDE[share.batch.status])
            move(session, row, why, -units, damaged=units, batch=share.batch, of_batch=-units)
            left -= units
    leave(session, row, batches, left, cause)


def bring_back(
    session: AsyncSession, row: Stock, picks: Sequence[PickedBatch],
    batches: Sequence[StockBatch], quantity: int, cause: Cause,
) -> None:  # fmt: skip
    """Put units of an order back on a locked shelf: into their batches as far as those are known.

    What of them must not be sold is set aside at once.
    """
    known = {batch.id: batch for batch in batches}
    for pick in picks:
        units = min(pick.quantity, quantity)
        if units:
            batch = known[pick.batch_id]
            move(session, row, cause, units, batch=batch, of_batch=units)
            pick.quantity -= units
            quantity -= units
    if quantity:
        move(session, row, cause, quantity)
    set_aside(session, row, [known[pick.batch_id] for pick in picks], cause)


async def picks_of(
    session: AsyncSession,
    order_id: UUID,
    store_id: UUID,
    product_ids: Collection[UUID],
    line_id: UUID | None = None,
) -> dict[UUID, list[PickedBatch]]:
    """By product: what an order, under lock, or one line of it has taken of batches in a store."""
    rows = select(PickedBatch).where(
        PickedBatch.order_id == order_id,
        PickedBatch.store_id == store_id,
        PickedBatch.product_id.in_(product_ids),
        PickedBatch.quantity > 0,
    )
    if line_id is not None:
        rows = rows.where(PickedBatch.fulfillment_line_id == line_id)
    found: dict[UUID, list[PickedBatch]] = defaultdict(list)
    for row in await session.scalars(rows.execution_options(populate_existing=True)):
        found[row.product_id].append(row)
    return found
