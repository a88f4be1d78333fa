"""Jobs that settle due payments and refunds and process the provider's stored webhooks."""

import asyncio
import logging
from uuid import UUID

from sqlalchemy import func, or_, select

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from gateways.payments import PaymentGateway
from models.payments import Payment, Refund
from services.core.clock import current_time
from workflows.payments import payment_inbox, settle_payment

log = logging.getLogger("darkstore.jobs")

SWEEP_ROWS = 50
MAX_CONCURRENT_ORDERS = 4
LEASE_SECONDS = 30
SWEEP_NOTICES = 50
ANY_DUE = prepared(
    select(
        or_(
            select(Payment.id).where(Payment.due_at < func.clock_timestamp()).exists(),
            select(Refund.id).where(Refund.due_at < func.clock_timestamp()).exists(),
        )
    )
)


async def settle_due_payments(database: Database, payments: PaymentGateway) -> int:
    """Settle every payment and refund that is due with the provider; returns how many orders."""
    slots = asyncio.Semaphore(MAX_CONCURRENT_ORDERS)

    async def settle(order_id: UUID) -> int:
        async with slots:
            try:
                return await settle_payment.settle(database, payments, order_id)
            except Exception:
                log.warning("order %s could not be settled", order_id, exc_info=True)
                return 0

    order_ids = await _lease_due_orders(database)
    return sum(await asyncio.gather(*(settle(order_id) for order_id in order_ids)))


async def process_pending_notices(database: Database, payments: PaymentGateway) -> int:
    """Process stored provider notices that are not done yet; returns how many."""
    event_ids = await payment_inbox.pending_notices(database, SWEEP_NOTICES)
    counts = [
        await payment_inbox.process_notice(database, payments, event_id) for event_id in event_ids
    ]
    return sum(counts)


async def _lease_due_orders(database: Database) -> set[UUID]:
    """Return the due orders and postpone them for a while, so that no other process takes them."""
    async with database.read(PLATFORM) as session:
        if not await session.scalar(ANY_DUE):
            return set()
    async with database.write(PLATFORM, AuditContext("job:payment.settle")) as session:
        lease_end = await current_time(session, LEASE_SECONDS)
        payments = await session.scalars(
            select(Payment)
            .where(Payment.due_at < func.clock_timestamp())
            .order_by(Payment.due_at)
            .limit(SWEEP_ROWS)
            .with_for_update(skip_locked=True)
        )
        refunds = await session.scalars(
            select(Refund)
            .where(Refund.due_at < func.clock_timestamp())
            .order_by(Refund.due_at)
            .limit(SWEEP_ROWS)
            .with_for_update(skip_locked=True)
        )
        rows = [*payments, *refunds]
        for row in rows:
            row.due_at = lease_end
        return {row.order_id for row in rows}
