"""Records from which batches the units of a fulfillment line were picked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Uuid, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentStatus, units_sql
from models.message_text import count_text, words_text
from models.stock import BatchStatus, PickedBatch, StockBatch, StockLevel, StockMovementReason
from services.core.problems import DomainError, InvalidInput, Problem
from services.stock import batches
from services.stock.batches import BatchAllocation
from services.stock.stock_writer import MovementCause, record_movement

# Until a fulfillment is packed, its sold units that are not picked yet are physically in stock.
UNPICKED_STATUSES = (
    FulfillmentStatus.QUEUED,
    FulfillmentStatus.ACCEPTED,
    FulfillmentStatus.PICKING,
    FulfillmentStatus.AWAITING_SUBSTITUTION,
)
_HAS_BATCHES = (
    select(StockBatch.id)
    .where(
        StockBatch.store_id == StockLevel.store_id, StockBatch.product_id == StockLevel.product_id
    )
    .exists()
)
LOCK_BATCHED_STOCK = prepared(
    select(StockLevel)
    .where(StockLevel.store_id == bindparam("store"), StockLevel.product_id == bindparam("product"))
    .where(_HAS_BATCHES)
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
PICKS_OF_LINE = prepared(
    select(PickedBatch)
    .where(PickedBatch.fulfillment_line_id == bindparam("line"))
    .where(PickedBatch.product_id == bindparam("product"))
    .execution_options(populate_existing=True)
)
BATCHES_LAST_EXPIRING_FIRST = prepared(
    select(StockBatch)
    .where(StockBatch.id == any_(bindparam("batches", type_=ARRAY(Uuid))))
    .order_by(StockBatch.sell_by_date.desc().nulls_first(), StockBatch.id.desc())
    .execution_options(populate_existing=True)
)


def _sum_of_units(units: str) -> Any:
    """The units of a product in all tasks of a store that are not packed."""
    return prepared(
        select(func.coalesce(func.sum(literal_column(units, Integer)), 0))
        .select_from(FulfillmentLine)
        .join(Fulfillment, Fulfillment.id == FulfillmentLine.fulfillment_id)
        .where(Fulfillment.store_id == bindparam("store"))
        .where(Fulfillment.status.in_(enum_literals(UNPICKED_STATUSES)))
        .where(FulfillmentLine.product_id == bindparam("product"))
    )


_UNITS = units_sql(FulfillmentLine.__tablename__)
SUM_OF_UNPICKED_UNITS = _sum_of_units(_UNITS.unpicked)
SUM_OF_REMAINING_UNITS = _sum_of_units(_UNITS.remaining)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNotSellable(Problem):
    """The units could only come from a batch that must not be sold; the picker leaves them."""

    batch_code: str
    status: BatchStatus


@dataclass(frozen=True, slots=True)
class _LockedLine:
    """A fulfillment line, its locked stock row, and what the line has picked from batches."""

    line: FulfillmentLine
    row: StockLevel
    cause: MovementCause
    picks: dict[UUID, PickedBatch]


async def record_picked_batches(
    session: AsyncSession,
    line: FulfillmentLine,
    order_id: UUID,
    quantity: int,
    actor_id: UUID | None,
    batch_code: str | None = None,
) -> None:
    """Record the batches of a line's `quantity` units, before `line.picked_quantity` is changed.

    All units are of the named batch; without one, batches that expire first are used first. When
    the quantity decreases, units return to their batches. Raises DomainError: InvalidInput for a
    batch that is not in the store or has too few units, BatchNotSellable.
    """
    row = await _lock_stock(session, line)
    if row is None:
        if batch_code is not None:
            raise DomainError(_invalid("batchCode", "No batch of this product is known here."))
        return
    cause = MovementCause(StockMovementReason.PICK, str(order_id), actor_id)
    locked = _LockedLine(line, row, cause, await _picks(session, line))
    added = quantity - line.picked_quantity
    if batch_code is not None:
        await _return_picked(session, locked, line.picked_quantity)
        added = quantity
    if added < 0:
        await _return_picked(session, locked, -added)
    in_stock = await batches.load_in_stock(session, line.store_id, [line.product_id])
    if added > 0:
        product_batches = in_stock[line.product_id]
        allocations = await _allocate(session, locked, product_batches, added, batch_code)
        for allocation in allocations:
            _pick(session, locked, allocation, order_id)
    await session.flush()


async def _lock_stock(session: AsyncSession, line: FulfillmentLine) -> StockLevel | None:
    """Lock the line's stock row; None when the store has never had a batch of the product."""
    key = {"store": line.store_id, "product": line.product_id}
    row: StockLevel | None = await session.scalar(LOCK_BATCHED_STOCK, key)
    return row


async def _picks(session: AsyncSession, line: FulfillmentLine) -> dict[UUID, PickedBatch]:
    rows = await session.scalars(PICKS_OF_LINE, {"line": line.id, "product": line.product_id})
    return {row.batch_id: row for row in rows}


async def _return_picked(session: AsyncSession, locked: _LockedLine, quantity: int) -> None:
    """Return units: those of no known batch first, then those of the batch that expires last."""
    picked = [pick for pick in locked.picks.values() if pick.quantity]
    without_batch = locked.line.picked_quantity - sum(pick.quantity for pick in picked)
    quantity -= min(quantity, without_batch)
    keys = {"batches": [pick.batch_id for pick in picked]}
    for batch in await session.scalars(BATCHES_LAST_EXPIRING_FIRST, keys):
        pick = locked.picks[batch.id]
        units = min(pick.quantity, quantity)
        if units:
            record_movement(session, locked.row, locked.cause, batch=batch, batch_delta=units)
            pick.quantity -= units
            quantity -= units


async def _allocate(
    session: AsyncSession,
    locked: _LockedLine,
    in_stock: Sequence[StockBatch],
    units: int,
    batch_code: str | None,
) -> list[BatchAllocation]:
    """Allocate units to batches; BatchNotSellable if only unsellable batches are left."""
    if batch_code is not None:
        return [_allocate_to_batch(in_stock, units, batch_code)]
    allocations = batches.allocate(batches.sellable(in_stock), units)
    unsellable = batches.unsellable(in_stock)
    rest = sum(allocation.quantity for allocation in allocations if allocation.batch is None)
    if unsellable and rest:
        batch_units = sum(batch.on_hand for batch in in_stock)
        without_batch = locked.row.on_hand + await _unpicked(session, locked.line) - batch_units
        if rest > without_batch:
            raise _batch_frozen(unsellable[0], "quantity")
    return allocations


def _allocate_to_batch(in_stock: Sequence[StockBatch], units: int, code: str) -> BatchAllocation:
    batch = next((each for each in in_stock if each.code == code), None)
    if batch is None:
        raise DomainError(_invalid("batchCode", "The store has no units of such a batch."))
    if batch.status is not BatchStatus.OPEN:
        raise _batch_frozen(batch, "batchCode")
    if batch.on_hand < units:
        message = f"This batch has only {count_text(batch.on_hand, 'unit')}."
        raise DomainError(_invalid("batchCode", message))
    return BatchAllocation(units, batch)


async def _unpicked(session: AsyncSession, line: FulfillmentLine) -> int:
    """Units of the line's product in its store that are sold and in no bag."""
    key = {"store": line.store_id, "product": line.product_id}
    return int(await session.scalar(SUM_OF_UNPICKED_UNITS, key) or 0)


async def remaining_units(session: AsyncSession, store_id: UUID, product_id: UUID) -> int:
    """Units of a product that are sold and still to be picked: they are on the store's shelf."""
    key = {"store": store_id, "product": product_id}
    return int(await session.scalar(SUM_OF_REMAINING_UNITS, key) or 0)


def _pick(
    session: AsyncSession, locked: _LockedLine, allocation: BatchAllocation, order_id: UUID
) -> None:
    if allocation.batch is None:
        return
    record_movement(
        session,
        locked.row,
        locked.cause,
        batch=allocation.batch,
        batch_delta=-allocation.quantity,
    )
    pick = locked.picks.get(allocation.batch.id)
    if pick is None:
        pick = PickedBatch(
            fulfillment_line_id=locked.line.id,
            batch_id=allocation.batch.id,
            order_id=order_id,
            company_id=locked.line.company_id,
            store_id=locked.line.store_id,
            product_id=locked.line.product_id,
            quantity=0,
        )
        session.add(pick)
    pick.quantity += allocation.quantity


def _batch_frozen(batch: StockBatch, field: str) -> DomainError:
    message = f"Batch {batch.code} is {words_text(batch.status)}: leave its units where they are."
    path = ["input", field]
    return DomainError(
        BatchNotSellable(path=path, message=message, batch_code=batch.code, status=batch.status)
    )


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
