"""The inbox of notices from the payment provider: each is stored once, then processed.

A notice that can't be processed stops no other: the job retries it by itself and lists it as a job
failure. One that can't be read is a dead letter at once: an operator looks at it and closes it by
retrying it.
"""

import logging
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    PaymentGateway,
    PaymentWebhookEvent,
    RefundResult,
    RefundState,
)
from models.payments import Payment, PaymentNotice, PaymentStatus
from services.core.text import storable_text
from services.operations import job_status
from services.payments import payment_states
from workflows.payments import reconcile, settle_payment, settle_refunds

log = logging.getLogger("darkstore.webhooks")

ORIGIN = AuditContext("payment_notice")
JOB = "payment.work_off_notices"
JOB_DELAY_SECONDS = 5
"""The server processes a notice when it arrives; the job waits so long before it takes it."""
MAX_TEXT_LENGTH = 300
IGNORED_KINDS = frozenset({"payment_intent.created"})
# In these statuses of the payment a notice of that kind has nothing new.
KNOWN_IN_STATUSES: dict[str, frozenset[PaymentStatus]] = {
    "payment_intent.amount_capturable_updated": payment_states.CAPTURED_STATUSES
    | {PaymentStatus.AUTHORIZED},
    "payment_intent.succeeded": payment_states.CAPTURED_STATUSES,
    "payment_intent.canceled": frozenset({PaymentStatus.VOIDED, PaymentStatus.EXPIRED}),
}

MARK_PROCESSED = text(
    "update payment_notice set done_at = clock_timestamp(), failure = :failure"
    " where event_id = :key and done_at is null"
)
PENDING_NOTICES = (
    select(PaymentNotice.id)
    .where(
        PaymentNotice.done_at.is_(None),
        PaymentNotice.received_at
        < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, JOB_DELAY_SECONDS),
    )
    .order_by(PaymentNotice.received_at, PaymentNotice.id)
)
"""Notices that are not processed, the oldest first."""


async def store_notice(database: Database, provider: str, event: PaymentWebhookEvent) -> bool:
    """Store a verified notice; False when it was stored before or says nothing to act on."""
    unreadable = event.unreadable and storable_text(event.unreadable, MAX_TEXT_LENGTH)
    key, is_for_operators = uuid7(), _is_for_operators(event)
    async with database.write(PLATFORM, ORIGIN) as session:
        inserted = await session.execute(
            insert(PaymentNotice)
            .values(
                id=key,
                event_id=event.event_id,
                provider=provider,
                kind=event.type,
                intent_id=event.intent_id,
                body=_body(event),
                failure=unreadable,
                done_at=func.clock_timestamp() if event.type in IGNORED_KINDS else None,
            )
            .on_conflict_do_nothing()
            .returning(PaymentNotice.event_id)
        )
        is_new = inserted.first() is not None
        if is_new and is_for_operators:
            await job_status.record_dead_letter(session, JOB, key, f"unreadable: {unreadable}")
        return is_new and not is_for_operators and event.type not in IGNORED_KINDS


def _is_for_operators(event: PaymentWebhookEvent) -> bool:
    """Whether nothing can be done with it here: not even an id can be read."""
    known = event.intent_id or event.dispute_id or event.refund
    return event.unreadable is not None and not known and event.type not in IGNORED_KINDS


async def process_notice(database: Database, payments: PaymentGateway, event_id: str) -> None:
    """Apply the present state of the payment that a notice is about to its order.

    The notice is only a hint: the intent is read again, so that repeated, late and reordered
    notices do no harm. Raises what keeps it from being processed: the job tries again, and counts
    the failure unless the error is transient.
    """
    async with database.read(PLATFORM) as session:
        notice = await session.get(PaymentNotice, event_id)
        if notice is None or notice.done_at is not None:
            return
        has_news = await _has_news(session, notice)
    try:
        refund = _refund_result(notice)
    except (KeyError, ValueError, TypeError) as error:
        reason = f"The refund can't be read: {type(error).__name__}: {error}"
        await _close(database, event_id, reason)
        return

    async def mark_processed(session: AsyncSession) -> None:
        await session.execute(MARK_PROCESSED, {"key": event_id, "failure": None})

    if refund is not None:
        await settle_refunds.apply_refund_notice(database, refund)
    if dispute_id := notice.body.get("dispute_id"):
        await reconcile.refresh_dispute(database, payments, dispute_id)
    elif notice.intent_id is not None and has_news:
        await settle_payment.refresh_intent(
            database, payments, notice.intent_id, in_transaction=mark_processed
        )
        return
    await _close(database, event_id, notice.failure)


async def process_by_id(database: Database, payments: PaymentGateway, notice_id: UUID) -> None:
    """As `process_notice`, by our own key of the notice."""
    async with database.read(PLATFORM) as session:
        statement = select(PaymentNotice.event_id).where(PaymentNotice.id == notice_id)
        event_id: str | None = await session.scalar(statement)
    if event_id is not None:
        await process_notice(database, payments, event_id)


async def _has_news(session: AsyncSession, notice: PaymentNotice) -> bool:
    """Whether the notice may be newer than the payment; those of our own requests are not."""
    if notice.kind not in KNOWN_IN_STATUSES:
        return notice.kind not in IGNORED_KINDS
    statement = select(Payment.status).where(Payment.intent_id == notice.intent_id)
    return await session.scalar(statement) not in KNOWN_IN_STATUSES[notice.kind]


async def _close(database: Database, event_id: str, failure: str | None = None) -> None:
    """Close a notice: it is done, or, with a `failure`, it never can be."""
    if failure is not None:
        log.error("payment notice %s is closed: %s", event_id, failure)
        failure = storable_text(failure, MAX_TEXT_LENGTH)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(MARK_PROCESSED, {"key": event_id, "failure": failure})


def _body(event: PaymentWebhookEvent) -> dict[str, object]:
    """The parts of a notice that are stored: nothing of the card or its holder."""
    refund = event.refund
    body: dict[str, object] = {
        "occurred_at": event.occurred_at.isoformat(),
        "payment_id": str(event.payment_id) if event.payment_id else None,
        "dispute_id": event.dispute_id,
        "refund": None,
    }
    if refund is not None:
        body["refund"] = {
            "id": refund.id,
            "state": refund.state.value,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "key": refund.key,
            "failure_reason": refund.failure_reason,
        }
    return body


def _refund_result(notice: PaymentNotice) -> RefundResult | None:
    """What the notice says of a refund, if it is about one. Raises for a body of another shape."""
    refund = notice.body.get("refund")
    if not refund:
        return None
    return RefundResult(
        id=refund["id"],
        state=RefundState(refund["state"]),
        amount_minor=refund["amount_minor"],
        currency=refund["currency"],
        intent_id=notice.intent_id,
        key=refund["key"],
        failure_reason=refund["failure_reason"],
    )
