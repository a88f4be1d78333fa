"""Writes a change of a paid order: its units, lines, totals, address and pick list."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import FINAL_DELIVERY_STATUSES, Delivery
from models.events import OrderEventKind
from models.fulfillment import FulfillmentLine, Substitution
from models.orders import Order, OrderChange, OrderChangeStatus, OrderLine
from models.stock import Hold, StockMovementReason
from services.fulfillment import queueing
from services.fulfillment.fulfillment_states import PickingTask
from services.orders import order_snapshots
from services.orders.order_change_states import MACHINE
from services.orders.order_snapshots import OrderSnapshot
from services.stock import movements, reservations, stock_rows

ORDER_LINES = prepared(
    select(OrderLine)
    .where(OrderLine.order_id == bindparam("order"))
    .order_by(OrderLine.position)
    .execution_options(populate_existing=True)
)
LOCK_HOLDS = prepared(
    select(Hold.product_id)
    .where(Hold.order_id == bindparam("change"))
    .order_by(Hold.product_id)
    .with_for_update(key_share=True)
)


async def apply_change(session: AsyncSession, task: PickingTask, change: OrderChange) -> None:
    """Write the wanted lines, totals and address, and move the units of the difference."""
    order = task.order
    wanted = order_snapshots.from_json(change.wanted)
    previous = order_snapshots.from_json(change.previous)
    await _move_units(session, order, change, wanted, previous)
    order_snapshots.write_order(order, wanted)
    order.pending_change_id = None
    order.version += 1
    await _write_lines(session, task, wanted)
    await queueing.rewrite_lines(session, task)
    await _write_delivery(session, order)
    task.fulfillment.version += 1
    MACHINE.move(change, OrderChangeStatus.APPLIED)
    change.payment_due_at, change.applied_at = None, task.now
    task.record_change(
        session,
        OrderEventKind.ORDER_CHANGED,
        change_id=change.id,
        total_minor=order.total_minor,
        lines=len(wanted.lines),
    )


async def _move_units(
    session: AsyncSession,
    order: Order,
    change: OrderChange,
    wanted: OrderSnapshot,
    previous: OrderSnapshot,
) -> None:
    """Sell the reserved units, and return the removed ones, under one lock of the stock rows."""
    added = Counter(wanted.units) - Counter(previous.units)
    removed = Counter(previous.units) - Counter(wanted.units)
    actor_id = change.requested_by_id
    await session.execute(LOCK_HOLDS, {"change": change.id})
    await stock_rows.lock_rows(session, [order.store_id], [*added, *removed])
    await reservations.release(session, [change.id])
    store, reference = (order.store_id, order.company_id), str(order.id)
    if await movements.deduct(
        session, *store, added, StockMovementReason.SALE, reference, actor_id
    ):
        raise RuntimeError("units that were reserved for a change are gone")
    await movements.restock(session, order, removed, StockMovementReason.RESTOCK, actor_id)


async def _write_lines(session: AsyncSession, task: PickingTask, wanted: OrderSnapshot) -> None:
    """Write the order lines; the lines of removed products are deleted, pick list first."""
    order = task.order
    rows = await session.scalars(ORDER_LINES, {"order": order.id})
    lines = {line.product_id: line for line in rows}
    removed = [line.id for key, line in lines.items() if key not in wanted.units]
    if removed:
        await _remove_lines(session, task, removed)
    for position, snapshot in enumerate(wanted.lines):
        line = lines.get(snapshot.product_id)
        if line is None:
            line = OrderLine(
                order_id=order.id,
                company_id=order.company_id,
                customer_id=order.customer_id,
                product_id=snapshot.product_id,
                currency=order.currency,
            )
            session.add(line)
        order_snapshots.write_line(line, snapshot, position)
    await session.flush()


async def _remove_lines(session: AsyncSession, task: PickingTask, keys: Sequence[UUID]) -> None:
    """Delete order lines and their lines of the present pick list.

    Stores that had the order before keep what they picked and proposed: it may have to be put back.
    """
    of_task = FulfillmentLine.fulfillment_id == task.fulfillment.id
    of_keys = FulfillmentLine.order_line_id.in_(keys)
    await session.execute(delete(FulfillmentLine).where(of_task, of_keys))
    for model in (FulfillmentLine, Substitution):
        await session.execute(
            update(model)
            .where(model.order_line_id.in_(keys))
            .values(order_line_id=None)
            .execution_options(synchronize_session=False)
        )
    await session.execute(delete(OrderLine).where(OrderLine.id.in_(keys)))


async def _write_delivery(session: AsyncSession, order: Order) -> None:
    """Give the open delivery the order's address."""
    open_delivery = Delivery.status.not_in(FINAL_DELIVERY_STATUSES)
    delivery = await session.scalar(
        select(Delivery).where(Delivery.order_id == order.id, open_delivery)
    )
    if delivery is not None:
        delivery.latitude, delivery.longitude = order.latitude, order.longitude
        delivery.address_line, delivery.delivery_instructions = (
            order.address_line,
            order.delivery_instructions,
        )
        delivery.dropoff_distance_meters = order.dropoff_distance_meters
