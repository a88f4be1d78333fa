"""The inbox of notices from the payment provider: each is stored once, then processed."""

from collections.abc import Sequence

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    PaymentError,
    PaymentGateway,
    PaymentWebhookEvent,
    RefundResult,
    RefundState,
)
from models.payments import Payment, PaymentNotice, PaymentStatus
from services.payments import payment_states
from workflows.payments import reconcile, settle_payment, settle_refunds

ORIGIN = AuditContext("payment_notice")
MAX_ATTEMPTS = 12
BACKOFF_SECONDS = 5
IGNORED_KINDS = frozenset({"payment_intent.created"})
# In these statuses of the payment a notice of that kind has nothing new.
KNOWN_IN_STATUSES: dict[str, frozenset[PaymentStatus]] = {
    "payment_intent.amount_capturable_updated": payment_states.CAPTURED_STATUSES
    | {PaymentStatus.AUTHORIZED},
    "payment_intent.succeeded": payment_states.CAPTURED_STATUSES,
    "payment_intent.canceled": frozenset({PaymentStatus.VOIDED, PaymentStatus.EXPIRED}),
}

MARK_PROCESSED = text(
    "update payment_notice set done_at = clock_timestamp(), failure = null where event_id = :key"
)


async def store_notice(database: Database, provider: str, event: PaymentWebhookEvent) -> bool:
    """Store a verified notice; False when it was stored before or says nothing to act on."""
    async with database.write(PLATFORM, ORIGIN) as session:
        inserted = await session.execute(
            insert(PaymentNotice)
            .values(
                event_id=event.event_id,
                provider=provider,
                kind=event.type,
                intent_id=event.intent_id,
                body=_body(event),
                tries=0,
                failure=event.unreadable,
                done_at=func.clock_timestamp() if _is_closed(event) else None,
            )
            .on_conflict_do_nothing()
            .returning(PaymentNotice.event_id)
        )
        return inserted.first() is not None and not _is_closed(event)


def _is_closed(event: PaymentWebhookEvent) -> bool:
    """Whether there is nothing to do: the kind is ignored, or not even an id can be read."""
    known = event.intent_id or event.dispute_id or event.refund
    return event.type in IGNORED_KINDS or (event.unreadable is not None and not known)


async def pending_notices(database: Database, limit: int) -> Sequence[str]:
    """Notices that are not processed, the oldest first; each failure delays the next attempt."""
    due = PaymentNotice.received_at + func.make_interval(
        0, 0, 0, 0, 0, 0, BACKOFF_SECONDS * (PaymentNotice.tries + 1)
    )
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(PaymentNotice.event_id)
            .where(PaymentNotice.done_at.is_(None), due < func.clock_timestamp())
            .order_by(PaymentNotice.received_at)
            .limit(limit)
        )
        return rows.all()


async def process_notice(database: Database, payments: PaymentGateway, event_id: str) -> bool:
    """Apply the present state of the payment that a notice is about to its order.

    The notice is only a hint: the intent is read again, so that repeated, late and reordered
    notices do no harm. False when the provider could not be reached.
    """
    async with database.read(PLATFORM) as session:
        notice = await session.get(PaymentNotice, event_id)
        if notice is None or notice.done_at is not None:
            return True
        has_news = await _has_news(session, notice)

    async def mark_processed(session: AsyncSession) -> None:
        await session.execute(MARK_PROCESSED, {"key": event_id})

    try:
        if notice.body.get("refund"):
            await settle_refunds.apply_refund_notice(database, _refund_result(notice))
        if dispute_id := notice.body.get("dispute_id"):
            await reconcile.refresh_dispute(database, payments, dispute_id)
        elif notice.intent_id is not None and has_news:
            await settle_payment.refresh_intent(
                database, payments, notice.intent_id, in_transaction=mark_processed
            )
            return True
    except PaymentError as error:
        await _record_failure(database, event_id, error.message)
        return False
    async with database.write(PLATFORM, ORIGIN) as session:
        await mark_processed(session)
    return True


async def _has_news(session: AsyncSession, notice: PaymentNotice) -> bool:
    """Whether the notice may be newer than the payment; those of our own requests are not."""
    if notice.kind not in KNOWN_IN_STATUSES:
        return notice.kind not in IGNORED_KINDS
    statement = select(Payment.status).where(Payment.intent_id == notice.intent_id)
    return await session.scalar(statement) not in KNOWN_IN_STATUSES[notice.kind]


async def _record_failure(database: Database, event_id: str, failure: str) -> None:
    """Count a failure; after MAX_ATTEMPTS the notice is closed, and only polling continues."""
    tries = PaymentNotice.tries + 1
    async with database.write(PLATFORM, ORIGIN) as session:
        attempts = await session.scalar(
            update(PaymentNotice)
            .where(PaymentNotice.event_id == event_id)
            .values(tries=tries, failure=failure)
            .returning(PaymentNotice.tries)
        )
        if (attempts or 0) >= MAX_ATTEMPTS:
            statement = update(PaymentNotice).where(PaymentNotice.event_id == event_id)
            await session.execute(statement.values(done_at=func.clock_timestamp()))


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


def _refund_result(notice: PaymentNotice) -> RefundResult:
    refund = notice.body["refund"]
    return RefundResult(
        id=refund["id"],
        state=RefundState(refund["state"]),
        amount_minor=refund["amount_minor"],
        currency=refund["currency"],
        intent_id=notice.intent_id,
        key=refund["key"],
        failure_reason=refund["failure_reason"],
    )
