"""Units of a task that its picker did not find: each way out of picking has them counted.

Of a product that was found in part there are some, so it stays on sale, but the books have more
than the shelf. Each scanned unit is a pick of a part, so it is counted only when picking ends.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import FulfillmentLine
from services.counting import recounts
from services.fulfillment.fulfillment_states import PickingTask


def products_not_found(task: PickingTask) -> list[UUID]:
    """The products of the lines of which nothing is in the bag and units are missing."""
    lines = (line for line in task.lines if not line.picked_quantity)
    return [line.product_id for line in lines if _has_missing_units(line)]


async def count_missing(session: AsyncSession, task: PickingTask) -> None:
    """Have the products counted of which a part was found; nothing once the bags were packed.

    What was not found at all is counted since it was recorded. Call it before the task ends and
    before stock rows are locked: counts are locked first.
    """
    fulfillment = task.fulfillment
    if fulfillment.packed_at is not None:  # counted when it was packed
        return
    lines = (line for line in task.lines if line.picked_quantity and _has_missing_units(line))
    if products := [line.product_id for line in lines]:
        note = f"Units were missing for order {fulfillment.order_code}."
        store_id, picker_id = fulfillment.store_id, fulfillment.picker_id
        await recounts.count_anew(session, store_id, products, note, picker_id)


def _has_missing_units(line: FulfillmentLine) -> bool:
    """Whether a line was looked for and not all of it was found, damaged units included."""
    return line.missing_quantity > line.damaged_quantity
