"""Jobs that settle payments and refunds with the provider and process its stored webhooks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import aliased

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentGateway
from jobs.retry_each import DueItems, process_due, process_each, select_due
from models.operations import JobFailure
from models.payments import Dispute, Payment, Refund
from services.core.clock import current_time
from services.operations import job_status
from workflows.payments import payment_inbox, reconcile, settle_payment, settle_refunds
from workflows.payments.reconcile import AccountList, ProviderNews

SETTLE = "payment.settle"
RECONCILE_FAILED = "payment.reconcile_failed"
MAX_LIST_PAGES = 10
MAX_CONCURRENT_ROWS = 4
LEASE_SECONDS = 30
# Each kind of row that the provider is asked about when it is due.
DUE_MODELS: tuple[Any, ...] = (Payment, Refund, Dispute)
_due = union_all(
    *(
        select(model.id, model.due_at).where(model.due_at < func.clock_timestamp())
        for model in DUE_MODELS
    )
).subquery("due")
UNSETTLED_ROWS = DueItems(SETTLE, select(_due.c.id).order_by(_due.c.due_at, _due.c.id))
PENDING_NOTICES = DueItems(payment_inbox.JOB, payment_inbox.PENDING_NOTICES)
_failed = aliased(JobFailure)
UNRECONCILED_PAYMENTS = DueItems(
    RECONCILE_FAILED,
    select(_failed.item).where(_failed.job == RECONCILE_FAILED).order_by(_failed.next_attempt_at),
)
Step = Callable[[Database, PaymentGateway, UUID], Awaitable[object]]


async def settle_due_payments(database: Database, payments: PaymentGateway) -> int:
    """Make the scheduled try of every payment, refund and dispute that is due; returns how many.

    An error of one row is recorded as its failure and holds up no other.
    """
    steps = await _lease(database, await select_due(database, UNSETTLED_ROWS))

    async def settle(key: UUID) -> int:
        return int(await steps[key](database, payments, key) is not False)

    return await process_each(
        database, SETTLE, steps.keys(), settle, max_concurrent=MAX_CONCURRENT_ROWS
    )


async def reconcile_account(database: Database, payments: PaymentGateway) -> int:
    """Store refunds and disputes that the provider alone knows; returns how many payments.

    Reads what is new in the account since the last run, at most MAX_LIST_PAGES of each list. The
    job RECONCILE_FAILED tries a payment that fails again.
    """
    count = 0
    for which in AccountList:
        for _ in range(MAX_LIST_PAGES):
            page = await reconcile.read_page(database, payments, which)
            done, complete = await _apply(database, payments, page.news)
            count += done
            if not complete:  # the time is up: the next run reads this page again
                break
            await reconcile.store_position(database, which, page.next)
            if page.last:
                break
    return count


async def _apply(
    database: Database, payments: PaymentGateway, news: Mapping[UUID, ProviderNews]
) -> tuple[int, bool]:
    """Apply the news of a page; returns how many payments, and whether each had its turn."""
    tried: set[UUID] = set()

    async def work(payment_id: UUID) -> int:
        tried.add(payment_id)
        await reconcile.apply_news(database, payments, payment_id, news[payment_id])
        return 1

    count = await process_each(database, RECONCILE_FAILED, news.keys(), work)
    if left := news.keys() - tried:
        async with database.read(PLATFORM) as session:
            left = left - (await job_status.read_failures(session, RECONCILE_FAILED, left)).keys()
    return count, not left


async def reconcile_failed(database: Database, payments: PaymentGateway) -> int:
    """Reconcile the payments again for which it has failed; returns how many succeeded."""

    async def work(payment_id: UUID) -> int:
        await reconcile.reconcile_payment(database, payments, payment_id)
        return 1

    return await process_due(database, UNRECONCILED_PAYMENTS, work)


async def process_pending_notices(database: Database, payments: PaymentGateway) -> int:
    """Process stored provider notices that are not done yet; returns how many.

    Each counts its own failures, so that one that can't be processed does not stop the others.
    """

    async def process(notice_id: UUID) -> int:
        await payment_inbox.process_by_id(database, payments, notice_id)
        return 1

    return await process_due(database, PENDING_NOTICES, process)


async def _refresh_dispute(database: Database, payments: PaymentGateway, key: UUID) -> None:
    async with database.read(PLATFORM) as session:
        dispute = await session.get_one(Dispute, key)
    await reconcile.refresh_dispute(database, payments, dispute.provider_dispute_id)


STEPS: dict[type[Any], Step] = {
    Payment: settle_payment.settle_payment,
    Refund: settle_refunds.settle_refund,
    Dispute: _refresh_dispute,
}


async def _lease(database: Database, keys: Sequence[UUID]) -> dict[UUID, Step]:
    """Postpone the due rows for a while, so that no other process takes them.

    Returns those that no other process has taken, and what is to be done with each.
    """
    steps: dict[UUID, Step] = {}
    if not keys:
        return steps
    async with database.write(PLATFORM, AuditContext(f"job:{SETTLE}")) as session:
        lease_end = await current_time(session, LEASE_SECONDS)
        for model in DUE_MODELS:
            rows = await session.scalars(
                select(model)
                .where(model.id.in_(keys), model.due_at < func.clock_timestamp())
                .order_by(model.id)
                .with_for_update(skip_locked=True)
            )
            for row in rows:
                row.due_at = lease_end
                steps[row.id] = STEPS[model]
    return steps
