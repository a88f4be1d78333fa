"""What lies in the bags of a packed order: its price, and whether it is sold to minors now."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import MINIMUM_AGE, Product
from models.orders import OrderLine
from services.catalog import weights
from services.delivery import deliveries
from services.fulfillment.fulfillment_states import PickingTask

LINES_WITH_RESTRICTION = prepared(
    select(OrderLine, Product.age_restricted)
    .outerjoin(Product, Product.id == OrderLine.product_id)
    .where(OrderLine.order_id == bindparam("order"))
)


async def record_packed(session: AsyncSession, task: PickingTask) -> tuple[list[OrderLine], bool]:
    """Record the packed units of each order line and their price.

    Returns the order lines, and whether any of the units is not sold to minors. A product that
    became restricted after the order counts, and so does one that was restricted then.
    """
    rows: Any = await session.execute(LINES_WITH_RESTRICTION, {"order": task.order.id})
    fulfillment_lines = {line.order_line_id: line for line in task.lines}
    lines = []
    for line, is_restricted in rows:
        fulfillment_line = fulfillment_lines[line.id]
        line.packed_quantity, line.packed_weight_grams = (
            fulfillment_line.picked_quantity,
            fulfillment_line.picked_weight_grams,
        )
        line.final_total_minor = weights.line_charge(
            line, line.packed_quantity, line.packed_weight_grams
        )
        if is_restricted:
            line.age_restricted = fulfillment_line.age_restricted = True
        lines.append(line)
    return lines, any(line.age_restricted and line.packed_quantity for line in lines)


async def require_age(session: AsyncSession, task: PickingTask) -> None:
    """Have the age checked at the hand-over, if it is not already; the order is locked."""
    order, fulfillment = task.order, task.fulfillment
    if order.minimum_age is not None:
        return
    order.minimum_age = fulfillment.minimum_age = MINIMUM_AGE
    delivery = await deliveries.open_delivery(session, order.id)
    if delivery is not None:
        delivery.minimum_age = MINIMUM_AGE
        delivery.version += 1
