"""Units that a picker found and can't give to anybody: counted as damaged, and made up for."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import FulfillmentLine
from models.stock import Stock, StockReason
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput, Refused
from services.stock import batches
from services.stock.stock_rows import Cause, announce, available, change, lock

DAMAGED_MOST = 99


@dataclass(frozen=True, slots=True)
class Found:
    """What a picker says of a line: units for the bag, and units found unfit besides."""

    picked: int
    damaged: int = 0
    batch_code: str | None = None


def check(damaged: int) -> None:
    """Refused with InvalidInput unless so many units can be found unfit at once."""
    if not 0 <= damaged <= DAMAGED_MOST:
        message = f"From 0 to {DAMAGED_MOST} units can be found unfit at once."
        raise Refused(InvalidInput(path=["input", "damagedQuantity"], message=message))


async def note(
    session: AsyncSession,
    line: FulfillmentLine,
    order_id: UUID,
    found: Found,
    actor_id: UUID | None,
) -> None:
    """Say of a line what was found, and move what is unfit of it to the damaged of its store.

    A damaged unit stands first for what the line lacks: it was the order's own, so its sale is
    undone. For any other the line took one more unit of those that nobody was promised. Refused:
    InsufficientStock when there are none.
    """
    before = line.unfit_quantity
    line.picked_quantity = found.picked
    line.damaged_quantity += found.damaged
    own = line.unfit_quantity - before
    if not own and not found.damaged:
        return
    shelf = (await lock(session, [line.store_id], [line.product_id]))[line.store_id]
    row = shelf[line.product_id]
    if available(row) < found.damaged - own:
        raise Refused(_promised(line, available(row)))
    if own:
        why = StockReason.RESTOCK if own > 0 else StockReason.SALE
        change(session, row, own, why, str(order_id), actor_id)
    cause = Cause(StockReason.DAMAGE, str(order_id), actor_id)
    await _set_aside(session, row, found, cause)
    await session.flush()
    announce(session, shelf.values())


async def _set_aside(session: AsyncSession, row: Stock, found: Found, cause: Cause) -> None:
    if not found.damaged:
        return
    there = (await batches.on_shelf(session, row.store_id, [row.product_id]))[row.product_id]
    there.sort(key=lambda batch: batch.code != found.batch_code)
    batches.leave(session, row, there, found.damaged, cause, damaged=True)


def _promised(line: FulfillmentLine, left: int) -> InsufficientStock:
    return InsufficientStock(
        path=["input", "quantity"],
        message=f"Only {left} units more are not promised to others: say that fewer were found.",
        product_id=line.product_id,
        available=left,
    )
