"""Units that a picker finds unfit for sale: counted as damaged, and replaced if possible."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import FulfillmentLine
from models.message_text import count_text
from models.stock import StockLevel, StockMovementReason
from services.carts.basket_problems import InsufficientStock
from services.core.problems import DomainError, InvalidInput
from services.stock import batches, corrections, picked_batches
from services.stock.stock_rows import available_units, lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed, record_movement

MAX_DAMAGED_UNITS = 99


@dataclass(frozen=True, slots=True)
class PickResult:
    """What a picker reports of a line: units for the bag, and damaged units besides."""

    picked: int
    damaged: int = 0
    batch_code: str | None = None


def check_damaged_quantity(damaged: int) -> None:
    """Raise InvalidInput unless so many damaged units can be reported at once."""
    if not 0 <= damaged <= MAX_DAMAGED_UNITS:
        message = f"damagedQuantity is from 0 to {MAX_DAMAGED_UNITS}."
        raise DomainError(InvalidInput(path=["input", "damagedQuantity"], message=message))


async def record_pick_result(
    session: AsyncSession,
    line: FulfillmentLine,
    order_id: UUID,
    result: PickResult,
    actor_id: UUID | None,
) -> None:
    """Record picked and damaged units of a line with their batches.

    Damaged units are moved out of sale. They first count as the line's own missing units: their
    sale is undone. For each further one the line took another unreserved unit. Raises DomainError:
    InsufficientStock when there are no unreserved units left, and as `record_picked_batches`.
    """
    before, after = line.units, line.units_after(result.picked, result.damaged)
    # Lines of counts are locked before stock rows, as everywhere.
    await corrections.settle_loss(session, line.place, after.lost - before.lost)
    await picked_batches.record_picked_batches(
        session, line, order_id, result.picked, actor_id, result.batch_code
    )
    line.picked_quantity = result.picked
    line.damaged_quantity += result.damaged
    own_units = after.unfit - before.unfit
    if own_units or result.damaged:
        await _book_damaged(session, line, order_id, result, own_units, actor_id)


async def _book_damaged(
    session: AsyncSession,
    line: FulfillmentLine,
    order_id: UUID,
    result: PickResult,
    own_units: int,
    actor_id: UUID | None,
) -> None:
    """Set damaged units aside; `own_units` of the line are not sold any more, below 0 again."""
    rows = (await lock_rows(session, [line.store_id], [line.product_id]))[line.store_id]
    row = rows[line.product_id]
    if available_units(row) < result.damaged - own_units:
        raise DomainError(_insufficient(line, available_units(row)))
    reference = str(order_id)
    if own_units:
        reason = StockMovementReason.RESTOCK if own_units > 0 else StockMovementReason.SALE
        record_movement(session, row, MovementCause(reason, reference, actor_id), own_units)
    cause = MovementCause(StockMovementReason.DAMAGE, reference, actor_id)
    await _set_damaged_aside(session, row, result, cause)
    await session.flush()
    publish_stock_changed(session, rows.values())


async def _set_damaged_aside(
    session: AsyncSession, row: StockLevel, result: PickResult, cause: MovementCause
) -> None:
    if not result.damaged:
        return
    in_stock = await batches.load_in_stock(session, row.store_id, [row.product_id])
    product_batches = in_stock[row.product_id]
    product_batches.sort(key=lambda batch: batch.code != result.batch_code)
    batches.remove_units(session, row, product_batches, result.damaged, cause, damaged=True)


def _insufficient(line: FulfillmentLine, available: int) -> InsufficientStock:
    return InsufficientStock(
        path=["input", "quantity"],
        message=f"At most {count_text(available, 'more unit')} can be found unfit.",
        product_id=line.product_id,
        available=available,
    )
