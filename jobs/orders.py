"""Job that expires unpaid orders."""

from uuid import UUID

from sqlalchemy import func, select

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentGateway
from jobs.retry_each import DueItems, process_due
from models.orders import Order, OrderStatus
from services.checkout import payment_outcomes
from workflows.payments import settle_payment

UNPAID_ORDERS = DueItems(
    "order.expire",
    select(Order.id)
    .where(Order.status == OrderStatus.PLACED, Order.due_at < func.clock_timestamp())
    .order_by(Order.due_at, Order.id),
)


async def expire_unpaid_orders(database: Database, payments: PaymentGateway) -> int:
    """Expire unpaid orders whose payment deadline has passed; returns how many.

    The payment provider is asked first: a payment made in the last second still counts.
    """

    async def work(order_id: UUID) -> int:
        await settle_payment.settle(database, payments, order_id)
        async with database.write(PLATFORM, AuditContext("job:order.expire")) as session:
            expired = await payment_outcomes.expire_order(session, order_id)
        await settle_payment.settle(database, payments, order_id, only_requested=True)
        return expired

    return await process_due(database, UNPAID_ORDERS, work)
