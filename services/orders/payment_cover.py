"""Whether the money of an order is secured: the one rule of hand-overs and of reopening.

A hold covers what is owed; of a captured amount something has to stay with the seller. A partial
goodwill refund leaves enough. A full refund, made or on its way, and a dispute that is open or lost
do not: the goods would be handed over for nothing.
"""

from sqlalchemy import and_, case, func, or_, select

from database.base import enum_literals
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundStatus
from services.orders.order_conditions import REFUNDABLE
from services.orders.stages import COMPLETED_LATELY

OPEN_REFUND_STATUSES = frozenset({RefundStatus.REQUESTED, RefundStatus.PENDING})
OPEN_REFUNDS_MINOR = (
    select(func.coalesce(func.sum(Refund.amount_minor), 0))
    .where(Refund.payment_id == Payment.id, Refund.status.in_(enum_literals(OPEN_REFUND_STATUSES)))
    .correlate(Payment)
    .scalar_subquery()
)
IS_COVERED = or_(
    Order.charged_minor.is_not_distinct_from(0),
    case(
        (
            Payment.status == PaymentStatus.AUTHORIZED,
            and_(
                ~Payment.void_wanted,
                Payment.authorized_minor >= func.coalesce(Order.charged_minor, 0),
            ),
        ),
        (
            Payment.status.in_(enum_literals(REFUNDABLE)),
            Payment.captured_minor - Payment.refunded_minor - OPEN_REFUNDS_MINOR > 0,
        ),
        else_=False,
    ),
)
"""Whether a payment covers what its order owes; of a statement that joins the two."""
PAID_AND_COMPLETED_LATELY = case(
    (
        COMPLETED_LATELY,
        select(IS_COVERED)
        .where(Payment.order_id == Order.id, Payment.is_current)
        .correlate(Order)
        .scalar_subquery(),
    ),
    else_=False,
)
"""Whether an order was completed lately and its money is secured; other orders cost no read."""
