"""Queues orders at stores: creates a fulfillment with its lines in picking order."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import PICKING_ORDER, Listing, Product, TemperatureZone
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.orders import Order, OrderLine
from services import companies
from services.catalog import weights
from services.core.clock import current_time
from services.fulfillment.fulfillment_states import PickingTask
from services.fulfillment.line_states import LINE_MACHINE
from services.orders.proof_codes import new_code

_LISTING = (Listing.product_id == OrderLine.product_id) & (Listing.store_id == bindparam("store"))
ORDER_LINES_WITH_LOCATION = prepared(
    select(OrderLine, Listing.aisle, Product.temperature_zone)
    .join(Product, Product.id == OrderLine.product_id)
    .outerjoin(Listing, _LISTING)
    .where(OrderLine.order_id == bindparam("order"))
    .order_by(Listing.aisle, OrderLine.position)
)


async def create_fulfillment(
    session: AsyncSession, order: Order, store_id: UUID, attempt: int = 1
) -> Fulfillment:
    """Put an order into a store's queue, to be accepted within the store's `accept_seconds`."""
    now = await current_time(session)
    timers = await companies.read_timers(session, store_id)
    fulfillment = Fulfillment(
        order_id=order.id,
        store_id=store_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        attempt_number=attempt,
        order_code=order.code,
        customer_name=order.customer_name,
        minimum_age=order.minimum_age,
        method=order.method,
        handover_code=new_code(order.delivery_pin),
        status=FulfillmentStatus.QUEUED,
        version=1,
        next_step_due_at=now + timedelta(seconds=timers.accept_seconds),
    )
    session.add(fulfillment)
    await session.flush()
    lines = await _lines(session, order, fulfillment)
    session.add_all(lines)
    await session.flush()
    task = PickingTask(order, fulfillment, lines, now)
    task.record_change(
        session, OrderEventKind.FULFILLMENT_QUEUED, attempt=attempt, lines=len(lines)
    )
    return fulfillment


async def rewrite_lines(session: AsyncSession, task: PickingTask) -> None:
    """Give the pick list of a changed order the quantities and the products of its order lines.

    Lines of products that were removed are deleted by the caller already. A line that was found
    completely and has more units now is open again.
    """
    known = {line.order_line_id: line for line in task.lines}
    for line in await _lines(session, task.order, task.fulfillment):
        row = known.get(line.order_line_id)
        if row is None:
            session.add(line)
            continue
        row.position, row.quantity, row.max_weight_grams = (
            line.position,
            line.quantity,
            line.max_weight_grams,
        )
        if row.status is FulfillmentLineStatus.FOUND and row.picked_quantity < row.quantity:
            LINE_MACHINE.set_status(row, FulfillmentLineStatus.PENDING)
    await session.flush()


async def _lines(
    session: AsyncSession, order: Order, fulfillment: Fulfillment
) -> list[FulfillmentLine]:
    """The order's lines in picking order: by temperature zone, frozen last, then by aisle."""
    rows = await session.execute(
        ORDER_LINES_WITH_LOCATION, {"order": order.id, "store": fulfillment.store_id}
    )
    sorted_rows = sorted(rows, key=lambda row: PICKING_ORDER.index(row[2]))
    return [
        _line(order, fulfillment, line, aisle or "", zone, position)
        for position, (line, aisle, zone) in enumerate(sorted_rows, 1)
    ]


def _line(
    order: Order,
    fulfillment: Fulfillment,
    line: OrderLine,
    aisle: str,
    zone: TemperatureZone,
    position: int,
) -> FulfillmentLine:
    return FulfillmentLine(
        fulfillment_id=fulfillment.id,
        store_id=fulfillment.store_id,
        order_line_id=line.id,
        product_id=line.product_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        position=position,
        name=line.name,
        aisle=aisle,
        temperature_zone=zone,
        age_restricted=line.age_restricted,
        quantity=line.quantity,
        average_weight_grams=line.average_weight_grams,
        max_weight_grams=line.average_weight_grams and weights.max_grams(line, line.quantity),
        picked_quantity=0,
        status=FulfillmentLineStatus.PENDING,
    )
