"""What is wanted of an order's payment, and what the provider has said about it.

A verb only writes down what is wanted (the outbox columns); `services.settlement` asks the provider
outside of any transaction. Whoever calls holds the order's lock, so a payment's verbs are serial.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from gateways.payments import Intent, IntentState
from models.events import EventType
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus, Refund, RefundReason
from services.core import clock
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, not_found
from services.events.event_log import order_happened
from services.payments import refunds
from services.payments.refunds import ExceedsCaptured

FIRST_ASK_SECONDS = 5
UNPAID_POLL_SECONDS = 30
AUTHORIZED_POLL_SECONDS = 900
GAVE_UP = "GAVE_UP"

FINAL = frozenset(
    {
        PaymentStatus.CAPTURED,
        PaymentStatus.PARTLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.VOIDED,
        PaymentStatus.EXPIRED,
    }
)
TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED})
UNPAID = frozenset({PaymentStatus.INITIATED, PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED})
# From where each answer of the provider may be believed; a late one changes nothing.
BELIEVED: dict[IntentState, frozenset[PaymentStatus]] = {
    IntentState.INITIATED: frozenset(),
    IntentState.ACTION_REQUIRED: UNPAID,
    IntentState.FAILED: UNPAID,
    IntentState.AUTHORIZED: UNPAID,
    IntentState.CAPTURED: UNPAID | {PaymentStatus.AUTHORIZED},
    IntentState.VOIDED: UNPAID | {PaymentStatus.AUTHORIZED},
}
BECOMES = {
    IntentState.ACTION_REQUIRED: PaymentStatus.ACTION_REQUIRED,
    IntentState.FAILED: PaymentStatus.FAILED,
    IntentState.AUTHORIZED: PaymentStatus.AUTHORIZED,
    IntentState.CAPTURED: PaymentStatus.CAPTURED,
    IntentState.VOIDED: PaymentStatus.VOIDED,
}
TOLD = {
    PaymentStatus.ACTION_REQUIRED: EventType.PAYMENT_ACTION_REQUIRED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.AUTHORIZED: EventType.PAYMENT_AUTHORIZED,
    PaymentStatus.CAPTURED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.PARTLY_REFUNDED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.REFUNDED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.VOIDED: EventType.PAYMENT_VOIDED,
    PaymentStatus.EXPIRED: EventType.PAYMENT_VOIDED,
}
# The clock comes along: under the order's lock nobody waits here, so it tells the present.
LOCKED = kept(
    select(Payment, clock.CLOCK)
    .where(Payment.order_id == bindparam("order"))
    .order_by(Payment.id.desc())
    .limit(1)
    .with_for_update()
    .execution_options(populate_existing=True)
)


async def lock(session: AsyncSession, order_id: UUID) -> Payment:
    """The payment of an order whose lock is held already, locked too."""
    found = (await session.execute(LOCKED, {"order": order_id})).first()
    if found is None:
        raise not_found(Payment)
    payment, now = found
    clock.hear(session, now)
    return payment


async def begin(session: AsyncSession, order: Order) -> Payment:
    """The payment of a new order: nothing asked of the provider yet, to be asked in seconds.

    The headroom for what may turn out heavier is held along with the total.
    """
    payment = Payment(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        currency=order.currency,
        amount_minor=order.total_minor + order.headroom_minor,
        due_at=await moment(session, FIRST_ASK_SECONDS),
    )
    session.add(payment)
    return payment


async def want_capture(session: AsyncSession, order: Order, amount_minor: int) -> Payment:
    """Have `amount_minor` of the authorized sum taken, once, and the rest let go.

    Nothing to take is a void. Refused when the money isn't held or less of it is.
    """
    payment = await lock(session, order.id)
    if amount_minor <= 0:
        return await want_void(session, order)
    if payment.status in TAKEN or payment.capture_wanted_minor is not None:
        return payment
    if payment.status is not PaymentStatus.AUTHORIZED or payment.void_wanted:
        raise _illegal(payment)
    if amount_minor > payment.authorized_minor:
        message = f"Only {payment.authorized_minor} minor units are held."
        raise Refused(ExceedsCaptured(message=message, remaining_minor=payment.authorized_minor))
    payment.capture_wanted_minor = amount_minor
    await _hurry(session, payment)
    return payment


async def want_void(session: AsyncSession, order: Order) -> Payment:
    """Have all the money of an order let go: voided, or refunded where it is captured by then."""
    payment = await lock(session, order.id)
    if payment.status in TAKEN:
        await refunds.request_rest(session, order, payment)
    elif payment.status not in FINAL and not payment.void_wanted:
        payment.void_wanted = True
        await _hurry(session, payment)
    return payment


async def request_refund(
    session: AsyncSession,
    order: Order,
    amount_minor: int,
    reason: RefundReason,
    note: str,
    ticket_id: UUID | None,
    actor_id: UUID | None,
) -> Refund:
    """Have `amount_minor` of the captured sum sent back; refused beyond what is left of it."""
    payment = await lock(session, order.id)
    return await refunds.request(
        session, order, payment, amount_minor, reason, note, ticket_id, actor_id
    )


async def hear(session: AsyncSession, order: Order, payment: Payment, intent: Intent) -> bool:
    """Store what the provider says now; True when the payment's status or failure changed.

    Safe for answers that come twice, late or out of order.
    """
    before = (payment.status, payment.failure_code)
    payment.intent_id = intent.id
    payment.client_secret = intent.client_secret or payment.client_secret
    if payment.status in BELIEVED[intent.state]:
        payment.status = BECOMES[intent.state]
        payment.failure_code = intent.failure_code
        payment.failure_message = intent.failure_message
        payment.next_action_url = intent.next_action_url
    await _hear_sums(session, order, payment, intent)
    payment.due_at = await _next_look(session, payment)
    if before == (payment.status, payment.failure_code):
        return False
    payment.version += 1
    payment.tries = 0
    order_happened(
        session,
        order,
        TOLD[payment.status],
        amount_minor=payment.captured_minor or payment.amount_minor,
        failure=payment.failure_message,
    )
    return True


async def _hear_sums(session: AsyncSession, order: Order, payment: Payment, intent: Intent) -> None:
    if payment.status is PaymentStatus.AUTHORIZED:
        payment.authorized_minor = intent.capturable_minor or intent.amount_minor
    elif payment.status in TAKEN:
        payment.authorized_minor = max(payment.authorized_minor, intent.captured_minor)
        payment.captured_minor = max(payment.captured_minor, intent.captured_minor)
        # Money may also be sent back by hand at the provider; it counts all the same.
        told = min(intent.refunded_minor or 0, payment.captured_minor)
        payment.refunded_minor = max(payment.refunded_minor, told)
        payment.status = refunds.status_of(payment)
        payment.capture_wanted_minor = None
        if payment.void_wanted:
            payment.void_wanted = False
            await refunds.request_rest(session, order, payment)
    elif payment.status is PaymentStatus.VOIDED:
        payment.capture_wanted_minor, payment.void_wanted = None, False
        if order.status is OrderStatus.EXPIRED:
            payment.status = PaymentStatus.EXPIRED


async def give_up(session: AsyncSession, order: Order, payment: Payment, message: str) -> None:
    """Stop asking the provider: a person has to look at this payment."""
    payment.failure_code = GAVE_UP
    payment.failure_message = message
    payment.due_at = None
    payment.version += 1
    order_happened(session, order, EventType.PAYMENT_FAILED, failure=message)


async def _hurry(session: AsyncSession, payment: Payment) -> None:
    payment.due_at = await moment(session)
    payment.tries = 0
    payment.version += 1
    await session.flush()


async def _next_look(session: AsyncSession, payment: Payment) -> datetime | None:
    """When to ask the provider again, whatever else happens; never, once it is final."""
    if payment.status in FINAL:
        return None
    if payment.void_wanted or payment.capture_wanted_minor is not None:
        return await moment(session, FIRST_ASK_SECONDS)
    authorized = payment.status is PaymentStatus.AUTHORIZED
    return await moment(session, AUTHORIZED_POLL_SECONDS if authorized else UNPAID_POLL_SECONDS)


def _illegal(payment: Payment) -> Refused:
    message = "The money of this order is not held any more, or not yet."
    return Refused(IllegalStep(message=message, state=payment.status, legal=[]))
