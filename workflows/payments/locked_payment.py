"""Transactions that change a payment: the order is locked first, then the payment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.orders import Order
from models.payments import Payment
from services.orders import order_locks
from services.payments import payments as payments_services

ORIGIN = AuditContext("settlement")


@dataclass(frozen=True, slots=True)
class LockedPayment:
    """A payment and its order, locked in one transaction."""

    session: AsyncSession
    order: Order
    payment: Payment


@asynccontextmanager
async def lock_payment(
    database: Database, order_id: UUID, payment_id: UUID
) -> AsyncIterator[LockedPayment]:
    """A transaction that holds the order's and the payment's lock. Raises DomainError: NotFound."""
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await order_locks.lock(session, order_id)
        payment = await payments_services.lock_payment_by_id(session, payment_id)
        yield LockedPayment(session, order, payment)
