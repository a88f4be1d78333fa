"""Jobs that end orders, and changes of orders, whose customers do not pay in time."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentGateway
from jobs.retry_each import DueItems, process_due
from models.orders import Order, OrderChange, OrderStatus
from services.checkout import order_changes, payment_outcomes, reauthorization
from workflows.payments import settle_payment

EndOrder = Callable[[AsyncSession, UUID], Awaitable[bool]]


def _overdue_orders(job: str, status: OrderStatus) -> DueItems:
    return DueItems(
        job,
        select(Order.id)
        .where(Order.status == status, Order.payment_due_at < func.clock_timestamp())
        .order_by(Order.payment_due_at, Order.id),
    )


UNPAID_ORDERS = _overdue_orders("order.expire", OrderStatus.PLACED)
LOST_PAYMENTS = _overdue_orders("order.cancel_unpaid", OrderStatus.CONFIRMED)
UNPAID_CHANGES = DueItems(
    "order_change.expire",
    select(OrderChange.id)
    .where(OrderChange.payment_due_at < func.clock_timestamp())
    .order_by(OrderChange.payment_due_at, OrderChange.id),
)


async def expire_unpaid_orders(database: Database, payments: PaymentGateway) -> int:
    """Expire unpaid orders whose payment deadline has passed; returns how many."""
    return await _end_due_orders(database, payments, UNPAID_ORDERS, payment_outcomes.expire_order)


async def cancel_unpaid_orders(database: Database, payments: PaymentGateway) -> int:
    """Cancel orders whose lost payment was not confirmed again in time; returns how many."""
    return await _end_due_orders(database, payments, LOST_PAYMENTS, reauthorization.cancel_unpaid)


async def expire_order_changes(database: Database, payments: PaymentGateway) -> int:
    """End requested changes of orders that were not paid in time; returns how many."""

    async def work(change_id: UUID) -> int:
        async with database.read(PLATFORM) as session:
            order_id = (await session.get_one(OrderChange, change_id)).order_id
        return await _end(
            database, payments, UNPAID_CHANGES.job, order_id, order_changes.expire_change
        )

    return await process_due(database, UNPAID_CHANGES, work)


async def _end_due_orders(
    database: Database, payments: PaymentGateway, due: DueItems, end: EndOrder
) -> int:
    async def work(order_id: UUID) -> int:
        return await _end(database, payments, due.job, order_id, end)

    return await process_due(database, due, work)


async def _end(
    database: Database, payments: PaymentGateway, job: str, order_id: UUID, end: EndOrder
) -> int:
    """End what is overdue of an order.

    The payment provider is asked first: a payment made in the last second still counts.
    """
    await settle_payment.settle(database, payments, order_id)
    async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
        ended = await end(session, order_id)
    await settle_payment.settle(database, payments, order_id, only_requested=True)
    return ended
