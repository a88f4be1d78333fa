"""Allocates units to batches: first expired, first out, and none from an unsellable batch.

Batches of a product in a store change only while its stock row is locked. Units that leave without
a named batch are taken from the open batch that expires first, so the batches of a product never
have more units than the store. Reserved units of a recalled or expired batch stay in the batch
until the reservation ends; `set_aside` moves the others out of sale.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import (
    BatchStatus,
    PickedBatch,
    StockBatch,
    StockLevel,
    StockMovement,
    StockMovementReason,
)
from services.core.state_machine import AutomaticTransition, StateMachine
from services.stock.stock_rows import available_units
from services.stock.stock_writer import MovementCause, record_movement

SET_ASIDE_REASONS = {
    BatchStatus.EXPIRED: StockMovementReason.EXPIRY,
    BatchStatus.RECALLED: StockMovementReason.RECALL,
}
MACHINE: StateMachine[StockBatch, Any, BatchStatus] = StateMachine(
    name="StockBatch",
    model=StockBatch,
    status=BatchStatus,
    initial={BatchStatus.OPEN},
    automatic=(
        AutomaticTransition(
            "job: the last day of sale is over",
            {BatchStatus.OPEN},
            {BatchStatus.EXPIRED},
            job="batch.set_aside",
        ),
        AutomaticTransition(
            "units come back after the last day of sale",
            {BatchStatus.OPEN},
            {BatchStatus.EXPIRED},
            mutation="posSaleVoid",
        ),
        AutomaticTransition(
            "the company recalls it",
            frozenset(BatchStatus),
            {BatchStatus.RECALLED},
            mutation="batchRecallCreate",
        ),
    ),
)
BatchesByProduct = dict[UUID, list[StockBatch]]
"""By product: the batches with units in stock, the first to expire first."""


@dataclass(frozen=True, slots=True)
class BatchAllocation:
    """Units taken from one batch, or from no known batch."""

    quantity: int
    batch: StockBatch | None = None


async def load_in_stock(
    session: AsyncSession,
    store_id: UUID,
    product_ids: Collection[UUID],
    also_ids: Collection[UUID] = (),
) -> BatchesByProduct:
    """Load the batches of products with units in a store, and those with the ids `also_ids`.

    The stock rows of the products must be locked.
    """
    in_stock = (StockBatch.on_hand > 0) & StockBatch.product_id.in_(product_ids)
    rows = await session.scalars(
        select(StockBatch)
        .where(StockBatch.store_id == store_id)
        .where(in_stock | StockBatch.id.in_(also_ids) if also_ids else in_stock)
        .order_by(StockBatch.sell_by_date.nulls_last(), StockBatch.id)
        .execution_options(populate_existing=True)
    )
    by_product: BatchesByProduct = defaultdict(list)
    for row in rows:
        by_product[row.product_id].append(row)
    return by_product


def allocate(batches: Iterable[StockBatch], quantity: int) -> list[BatchAllocation]:
    """Allocate units to batches in their order, and the rest to no batch."""
    allocations: list[BatchAllocation] = []
    for batch in batches:
        if units := min(batch.on_hand, quantity):
            allocations.append(BatchAllocation(units, batch))
            quantity -= units
    return [*allocations, BatchAllocation(quantity)] if quantity else allocations


def sellable(batches: Sequence[StockBatch]) -> list[StockBatch]:
    """The batches that may be sold."""
    return [batch for batch in batches if batch.status is BatchStatus.OPEN]


def unsellable(batches: Sequence[StockBatch]) -> list[StockBatch]:
    """The batches that must not be sold."""
    return [batch for batch in batches if batch.status is not BatchStatus.OPEN]


def change_on_hand(
    session: AsyncSession,
    row: StockLevel,
    batches: Sequence[StockBatch],
    delta: int,
    cause: MovementCause,
) -> None:
    """Change on_hand of a locked row: added units have no batch, removed ones expire first."""
    if delta < 0:
        remove_units(session, row, batches, -delta, cause)
    else:
        record_movement(session, row, cause, delta)


def remove_units(
    session: AsyncSession,
    row: StockLevel,
    batches: Sequence[StockBatch],
    quantity: int,
    cause: MovementCause,
    *,
    damaged: bool = False,
) -> list[StockMovement]:
    """Remove units from a locked row and from its open batches in order; `damaged` sets them aside.

    Returns the ledger rows, one for each batch.
    """
    return [
        record_movement(
            session, row, cause, -allocation.quantity,
            unsellable_delta=allocation.quantity if damaged else 0,
            batch=allocation.batch,
            batch_delta=0 if allocation.batch is None else -allocation.quantity,
        )
        for allocation in allocate(sellable(batches), quantity)
    ]  # fmt: skip


def set_aside(
    session: AsyncSession, row: StockLevel, batches: Sequence[StockBatch], cause: MovementCause
) -> int:
    """Move the unreserved units of unsellable batches out of sale; returns how many units."""
    moved = 0
    for batch in unsellable(batches):
        units = min(batch.on_hand, available_units(row))
        if units > 0:
            _set_batch_aside(session, row, batch, units, cause)
            moved += units
    return moved


def _set_batch_aside(
    session: AsyncSession, row: StockLevel, batch: StockBatch, units: int, cause: MovementCause
) -> None:
    cause = replace(cause, reason=SET_ASIDE_REASONS[batch.status])
    record_movement(
        session, row, cause, -units, unsellable_delta=units, batch=batch, batch_delta=-units
    )


def write_off_missing(
    session: AsyncSession,
    row: StockLevel,
    batches: Sequence[StockBatch],
    quantity: int,
    cause: MovementCause,
) -> None:
    """Remove units from a locked row that a picker did not find or must not take.

    Units of unsellable batches were left in place and are set aside; only the rest is lost.
    """
    lost = quantity
    for allocation in allocate(unsellable(batches), quantity):
        if allocation.batch is not None:
            _set_batch_aside(session, row, allocation.batch, allocation.quantity, cause)
            lost -= allocation.quantity
    remove_units(session, row, batches, lost, cause)


def return_units(
    session: AsyncSession, row: StockLevel, picks: Sequence[PickedBatch],
    batches: Sequence[StockBatch], quantity: int, cause: MovementCause,
) -> None:  # fmt: skip
    """Return units of an order to a locked row, and to the batches that they were picked from.

    Units of unsellable batches are set aside at once.
    """
    batches_by_id = {batch.id: batch for batch in batches}
    for pick in picks:
        units = min(pick.quantity, quantity)
        if units:
            batch = batches_by_id[pick.batch_id]
            record_movement(session, row, cause, units, batch=batch, batch_delta=units)
            pick.quantity -= units
            quantity -= units
    if quantity:
        record_movement(session, row, cause, quantity)
    set_aside(session, row, [batches_by_id[pick.batch_id] for pick in picks], cause)


async def picked_batches_of_line(
    session: AsyncSession, line_id: UUID, product_ids: Collection[UUID]
) -> dict[UUID, list[PickedBatch]]:
    """By product: what a fulfillment line of a locked order has picked from batches."""
    statement = select(PickedBatch).where(
        PickedBatch.fulfillment_line_id == line_id,
        PickedBatch.product_id.in_(product_ids),
        PickedBatch.quantity > 0,
    )
    by_product: dict[UUID, list[PickedBatch]] = defaultdict(list)
    for row in await session.scalars(statement.execution_options(populate_existing=True)):
        by_product[row.product_id].append(row)
    return by_product
