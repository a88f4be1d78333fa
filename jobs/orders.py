"""Jobs that end orders, and changes of orders, whose customers do not pay in time."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from gateways.payments import PaymentGateway, PaymentUnavailable
from jobs.retry_each import DueItems, process_due
from models.orders import Order, OrderChange, OrderStatus
from models.payments import Payment
from services.checkout import order_changes, payment_deadlines, payment_outcomes, reauthorization
from workflows.payments import settle_payment

MAX_CONCURRENT_ITEMS = 4  # so that a provider that never answers does not hold up all others
# The order and the payment attempt that an overdue order, or an overdue change, waits for.
ATTEMPT_OF_ORDER = prepared(
    select(Payment.order_id, Payment.id).where(
        Payment.order_id == bindparam("item", type_=Uuid), Payment.is_current
    )
)
ATTEMPT_OF_CHANGE = prepared(
    select(OrderChange.order_id, OrderChange.payment_id).where(
        OrderChange.id == bindparam("item", type_=Uuid)
    )
)
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
    end = payment_outcomes.expire_order
    return await _end_overdue(database, payments, UNPAID_ORDERS, ATTEMPT_OF_ORDER, end)


async def cancel_unpaid_orders(database: Database, payments: PaymentGateway) -> int:
    """Cancel orders whose lost payment was not confirmed again in time; returns how many."""
    end = reauthorization.cancel_unpaid
    return await _end_overdue(database, payments, LOST_PAYMENTS, ATTEMPT_OF_ORDER, end)


async def expire_order_changes(database: Database, payments: PaymentGateway) -> int:
    """End requested changes of orders that were not paid in time; returns how many."""
    end = order_changes.expire_change
    return await _end_overdue(database, payments, UNPAID_CHANGES, ATTEMPT_OF_CHANGE, end)


async def _end_overdue(
    database: Database,
    payments: PaymentGateway,
    due: DueItems,
    attempt_of: Select[*tuple[Any, ...]],
    end: EndOrder,
) -> int:
    """End what waits for a payment attempt whose deadline has passed.

    The provider is asked first: a payment made in the last second still counts. Without an answer
    everything stays as it is, and the item is tried again later.
    """

    async def work(item: UUID) -> int:
        async with database.read(PLATFORM) as session:
            order_id, payment_id = (await session.execute(attempt_of, {"item": item})).one()
        origin = AuditContext(f"job:{due.job}")
        if not await settle_payment.ask_about(database, payments, payment_id):
            async with database.write(PLATFORM, origin) as session:
                waits = await payment_deadlines.wait_for_answer(session, order_id, payment_id)
            if waits:
                raise PaymentUnavailable("The provider did not answer at the payment's deadline.")
            return 0
        async with database.write(PLATFORM, origin) as session:
            ended = await end(session, order_id)
        await settle_payment.settle(database, payments, order_id, only_requested=True)
        return ended

    return await process_due(database, due, work, max_concurrent=MAX_CONCURRENT_ITEMS)
