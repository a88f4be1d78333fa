"""The inbox of the payment provider's messages: kept once each, then worked off."""

from collections.abc import Sequence

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import (
    PaymentFault,
    Payments,
    RefundResult,
    RefundState,
    WebhookEvent,
)
from models.payments import Payment, PaymentNotice, PaymentStatus
from workflows.payments import settle_payment

ORIGIN = Origin("payment_notice")
TRIES = 12
BACK_OFF_SECONDS = 5
TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED})
QUIET = frozenset({"payment_intent.created"})
# In these states a message of that kind tells nothing new.
TELLS: dict[str, frozenset[PaymentStatus]] = {
    "payment_intent.amount_capturable_updated": TAKEN | {PaymentStatus.AUTHORIZED},
    "payment_intent.succeeded": TAKEN,
    "payment_intent.canceled": frozenset({PaymentStatus.VOIDED, PaymentStatus.EXPIRED}),
}

DONE = text(
    "update payment_notice set done_at = clock_timestamp(), failure = null where event_id = :key"
)


async def keep(database: Database, provider: str, event: WebhookEvent) -> bool:
    """Store a message that was verified; False when it came before or tells nothing."""
    async with database.write(PLATFORM, ORIGIN) as session:
        kept = await session.execute(
            insert(PaymentNotice)
            .values(
                event_id=event.event_id,
                provider=provider,
                kind=event.kind,
                intent_id=event.intent_id,
                body=_body(event),
                tries=0,
                # What tells nothing is never worked off.
                done_at=func.clock_timestamp() if event.kind in QUIET else None,
            )
            .on_conflict_do_nothing()
            .returning(PaymentNotice.event_id)
        )
        return kept.first() is not None and event.kind not in QUIET


async def waiting(database: Database, limit: int) -> Sequence[str]:
    """Messages nobody has worked off, the oldest first; each waits longer after each failure."""
    due = PaymentNotice.received_at + func.make_interval(
        0, 0, 0, 0, 0, 0, BACK_OFF_SECONDS * (PaymentNotice.tries + 1)
    )
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(PaymentNotice.event_id)
            .where(PaymentNotice.done_at.is_(None), due < func.clock_timestamp())
            .order_by(PaymentNotice.received_at)
            .limit(limit)
        )
        return rows.all()


async def work_off(database: Database, payments: Payments, event_id: str) -> bool:
    """Bring the order that a message is about to where its payment stands now.

    The message itself is only a hint: the intent is read afresh, so that messages which come
    twice, late or out of order do no harm. False when the provider could not be reached.
    """
    async with database.read(PLATFORM) as session:
        row = await session.get(PaymentNotice, event_id)
        if row is None or row.done_at is not None:
            return True
        news = await _is_news(session, row)

    async def done(session: AsyncSession) -> None:
        await session.execute(DONE, {"key": event_id})

    try:
        if row.body.get("refund"):
            await settle_payment.heard_refund(database, _refund(row))
        if row.intent_id is not None and news:
            await settle_payment.look(database, payments, row.intent_id, also=done)
            return True
    except PaymentFault as fault:
        await _failed(database, event_id, fault.message)
        return False
    async with database.write(PLATFORM, ORIGIN) as session:
        await done(session)
    return True


async def _is_news(session: AsyncSession, row: PaymentNotice) -> bool:
    """Whether the books may be behind what the message says; our own capture comes back as one."""
    if row.kind not in TELLS:
        return row.kind not in QUIET
    known = select(Payment.status).where(Payment.intent_id == row.intent_id)
    return await session.scalar(known) not in TELLS[row.kind]


async def _failed(database: Database, event_id: str, failure: str) -> None:
    """Count a failure; after TRIES of them the message is closed with it, and polling goes on."""
    tries = PaymentNotice.tries + 1
    async with database.write(PLATFORM, ORIGIN) as session:
        found = await session.scalar(
            update(PaymentNotice)
            .where(PaymentNotice.event_id == event_id)
            .values(tries=tries, failure=failure)
            .returning(PaymentNotice.tries)
        )
        if (found or 0) >= TRIES:
            over = update(PaymentNotice).where(PaymentNotice.event_id == event_id)
            await session.execute(over.values(done_at=func.clock_timestamp()))


def _body(event: WebhookEvent) -> dict[str, object]:
    """What the message says in our words: nothing of the card or its holder is kept."""
    refund = event.refund
    body: dict[str, object] = {
        "occurred_at": event.occurred_at.isoformat(),
        "payment_id": str(event.payment_id) if event.payment_id else None,
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


def _refund(row: PaymentNotice) -> RefundResult:
    told = row.body["refund"]
    return RefundResult(
        id=told["id"],
        state=RefundState(told["state"]),
        amount_minor=told["amount_minor"],
        currency=told["currency"],
        intent_id=row.intent_id,
        key=told["key"],
        failure_reason=told["failure_reason"],
    )
