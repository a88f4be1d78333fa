"""Money that is wanted, promised or on its way, and the provider's messages about it."""

import asyncio
import logging
from uuid import UUID

from sqlalchemy import func, or_, select

from database.scope import PLATFORM
from database.sessions import Database, Origin
from database.statements import kept
from gateways.payments import Payments
from models.payments import Payment, Refund
from services.core.clock import moment
from workflows.payments import payment_inbox, settle_payment

log = logging.getLogger("darkstore.jobs")

DUE_ORDERS = 50
AT_ONCE = 4
LEASE_SECONDS = 30
NOTICES = 50
DUE = kept(
    select(
        or_(
            select(Payment.id).where(Payment.due_at < func.clock_timestamp()).exists(),
            select(Refund.id).where(Refund.due_at < func.clock_timestamp()).exists(),
        )
    )
)


async def settle(database: Database, payments: Payments) -> int:
    """Ask the provider about every payment and refund that is due; answers how many orders."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(order_id: UUID) -> int:
        async with turn:
            try:
                return await settle_payment.settle(database, payments, order_id)
            except Exception:
                log.warning("order %s could not be settled", order_id, exc_info=True)
                return 0

    due = await _lease(database)
    return sum(await asyncio.gather(*(one(order_id) for order_id in due)))


async def work_off_notices(database: Database, payments: Payments) -> int:
    """Work off the messages that were kept and then left; answers how many."""
    open_ = await payment_inbox.waiting(database, NOTICES)
    return sum([await payment_inbox.work_off(database, payments, event_id) for event_id in open_])


async def _lease(database: Database) -> set[UUID]:
    """The orders that are due, put off for a while so that no other process takes them too."""
    async with database.read(PLATFORM) as reading:
        if not await reading.scalar(DUE):
            return set()
    async with database.write(PLATFORM, Origin("job:payment.settle")) as session:
        later = await moment(session, LEASE_SECONDS)
        payments = await session.scalars(
            select(Payment)
            .where(Payment.due_at < func.clock_timestamp())
            .order_by(Payment.due_at)
            .limit(DUE_ORDERS)
            .with_for_update(skip_locked=True)
        )
        refunds = await session.scalars(
            select(Refund)
            .where(Refund.due_at < func.clock_timestamp())
            .order_by(Refund.due_at)
            .limit(DUE_ORDERS)
            .with_for_update(skip_locked=True)
        )
        rows = [*payments, *refunds]
        for row in rows:
            row.due_at = later
        return {row.order_id for row in rows}
