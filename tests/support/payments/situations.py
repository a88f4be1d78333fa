"""Every payment that an order can have: each status, how much is refunded, and an open refund."""

from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import delete, update

from database.scope import PLATFORM
from database.sessions import Database
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from services.payments.payment_states import CAPTURED_STATUSES
from tests.support.customers import ORIGIN
from tests.support.paid_orders import payment_of

AMOUNT = 100_000
"""More than any order of the tests is charged."""
REFUNDED = (0, 40_000, AMOUNT)
REFUNDS = (
    (None, 0),
    (RefundStatus.REQUESTED, 1),
    (RefundStatus.REQUESTED, AMOUNT),
    (RefundStatus.PENDING, AMOUNT),
    (RefundStatus.FAILED, AMOUNT),
)
KEEPS_MONEY = {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.WON}


@dataclass(frozen=True, slots=True)
class Situation:
    """A payment of AMOUNT minor units with at most one other refund, of `asked_minor` at most."""

    status: PaymentStatus
    refunded_amount_minor: int = 0
    refund_status: RefundStatus | None = None
    asked_minor: int = 0

    @property
    def refund_minor(self) -> int:
        return min(self.asked_minor, AMOUNT - self.refunded_amount_minor)

    @property
    def is_secured(self) -> bool:
        """Whether the seller has the money, or will have it."""
        if self.status not in KEEPS_MONEY:
            return self.status is PaymentStatus.AUTHORIZED
        return AMOUNT - self.refunded_amount_minor - self.refund_minor > 0

    @property
    def columns(self) -> dict[str, Any]:
        is_captured = self.status in CAPTURED_STATUSES
        is_held = is_captured or self.status is PaymentStatus.AUTHORIZED
        return {
            "status": self.status,
            "authorized_amount_minor": AMOUNT if is_held else 0,
            "captured_amount_minor": AMOUNT if is_captured else 0,
            "refunded_amount_minor": self.refunded_amount_minor,
            "capture_wanted_minor": None,
        }


SITUATIONS = [
    *(Situation(status) for status in sorted(frozenset(PaymentStatus) - CAPTURED_STATUSES)),
    *(
        Situation(status, refunded, *refund)
        for status, refunded, refund in product(sorted(CAPTURED_STATUSES), REFUNDED, REFUNDS)
    ),
]


async def set_situation(database: Database, order: Order, situation: Situation) -> None:
    """Give an order this payment, which is authorized for more than is charged."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await payment_of(session, order)
        await session.execute(delete(Refund).where(Refund.order_id == order.id))
        change = update(Payment).where(Payment.id == payment.id).values(**situation.columns)
        await session.execute(change)
        if situation.refund_status is not None and situation.refund_minor:
            session.add(_refund(order, payment, situation))


def _refund(order: Order, payment: Payment, situation: Situation) -> Refund:
    return Refund(
        payment_id=payment.id,
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        amount_minor=situation.refund_minor,
        currency=order.currency,
        reason=RefundReason.GOODWILL,
        status=situation.refund_status,
    )
