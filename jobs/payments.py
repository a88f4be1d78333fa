"""Jobs that settle payments and refunds with the provider and process its stored webhooks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from gateways.payments import PaymentGateway
from jobs.retry_each import process_each
from models.payments import Dispute, Payment, Refund
from services.core.clock import current_time
from workflows.payments import payment_inbox, reconcile, settle_payment, settle_refunds

SETTLE = "payment.settle"
RECONCILE = "payment.reconcile"
SWEEP_ROWS = 50
MAX_CONCURRENT_ROWS = 4
LEASE_SECONDS = 30
SWEEP_NOTICES = 50
# Each kind of row that the provider is asked about when it is due.
DUE_MODELS: tuple[Any, ...] = (Payment, Refund, Dispute)
ANY_DUE = prepared(
    select(
        or_(
            *(
                select(model.id).where(model.due_at < func.clock_timestamp()).exists()
                for model in DUE_MODELS
            )
        )
    )
)
Step = Callable[[Database, PaymentGateway, UUID], Awaitable[object]]


async def settle_due_payments(database: Database, payments: PaymentGateway) -> int:
    """Make the scheduled try of every payment, refund and dispute that is due; returns how many.

    An error of one row is recorded as its failure and holds up no other.
    """
    slots = asyncio.Semaphore(MAX_CONCURRENT_ROWS)

    async def settle(step: Step, key: UUID) -> int:
        async def work(item: UUID) -> int:
            return int(await step(database, payments, item) is not False)

        async with slots:
            return await process_each(database, SETTLE, [key], work)

    due = await _lease_due_rows(database)
    steps = [partial(settle, STEPS[type(row)], row.id) for row in due]
    return sum(await asyncio.gather(*(step() for step in steps)))


async def reconcile_account(database: Database, payments: PaymentGateway) -> int:
    """Store refunds and disputes that the provider alone knows; returns how many payments."""
    news = await reconcile.find_news(database, payments)

    async def work(payment_id: UUID) -> int:
        await reconcile.apply_news(database, payments, payment_id, news[payment_id])
        return 1

    return await process_each(database, RECONCILE, news.keys(), work)


async def process_pending_notices(database: Database, payments: PaymentGateway) -> int:
    """Process stored provider notices that are not done yet; returns how many."""
    event_ids = await payment_inbox.pending_notices(database, SWEEP_NOTICES)
    counts = [
        await payment_inbox.process_notice(database, payments, event_id) for event_id in event_ids
    ]
    return sum(counts)


async def _refresh_dispute(database: Database, payments: PaymentGateway, key: UUID) -> None:
    async with database.read(PLATFORM) as session:
        dispute = await session.get_one(Dispute, key)
    await reconcile.refresh_dispute(database, payments, dispute.provider_dispute_id)


STEPS: dict[type[Any], Step] = {
    Payment: settle_payment.settle_payment,
    Refund: settle_refunds.settle_refund,
    Dispute: _refresh_dispute,
}


async def _lease_due_rows(database: Database) -> Sequence[Payment | Refund | Dispute]:
    """Return the due rows and postpone them for a while, so that no other process takes them."""
    async with database.read(PLATFORM) as session:
        if not await session.scalar(ANY_DUE):
            return ()
    async with database.write(PLATFORM, AuditContext(f"job:{SETTLE}")) as session:
        lease_end = await current_time(session, LEASE_SECONDS)
        rows = [row for model in DUE_MODELS for row in await _due(session, model)]
        for row in rows:
            row.due_at = lease_end
        return rows


async def _due(session: AsyncSession, model: Any) -> Sequence[Any]:
    found = await session.scalars(
        select(model)
        .where(model.due_at < func.clock_timestamp())
        .order_by(model.due_at)
        .limit(SWEEP_ROWS)
        .with_for_update(skip_locked=True)
    )
    return found.all()
