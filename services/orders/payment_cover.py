"""Whether the money of an order is secured: the one rule of hand-overs and of reopening.

A hold covers what is owed; of a captured amount something has to stay with the seller. A partial
goodwill refund leaves enough. A full refund, made, on its way or failed, and a dispute that is open
or lost do not: the goods would be handed over for nothing. A failed refund that was issued anew
counts once.
"""

from sqlalchemy import and_, bindparam, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.base import enum_literals
from database.statements import prepared
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundStatus
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.orders.order_conditions import REFUNDABLE
from services.orders.stages import COMPLETED_LATELY

GIVEN_BACK = REFUNDABLE | {PaymentStatus.REFUNDED, PaymentStatus.DISPUTED, PaymentStatus.LOST}
OPEN_REFUND_STATUSES = frozenset({RefundStatus.REQUESTED, RefundStatus.PENDING})
# The customer has the money of these, whoever paid it.
PAID_REFUND_STATUSES = frozenset({RefundStatus.SUCCEEDED, RefundStatus.PAID_OTHERWISE})
IS_OPEN = Refund.status.in_(enum_literals(OPEN_REFUND_STATUSES))
OPEN_REFUNDS_MINOR = (
    select(func.coalesce(func.sum(Refund.amount_minor), 0))
    .where(Refund.payment_id == Payment.id, IS_OPEN)
    .correlate(Payment)
    .scalar_subquery()
)
CLOSED = aliased(Refund)
REPLACES_ANOTHER = or_(
    Refund.retry_of_id.is_not(None),
    exists().where(CLOSED.payment_id == Refund.payment_id, CLOSED.settled_by_id == Refund.id),
)
# From each refund on: the failed ones, less what was refunded after them.
STILL_FAILED_MINOR = func.sum(
    case(
        (Refund.status == RefundStatus.FAILED, Refund.amount_minor),
        (REPLACES_ANOTHER, 0),
        else_=-Refund.amount_minor,
    )
).over(order_by=Refund.id.desc())
COUNTED_STATUSES = OPEN_REFUND_STATUSES | PAID_REFUND_STATUSES | {RefundStatus.FAILED}
STILL_FAILED = (
    select(STILL_FAILED_MINOR.label("minor"))
    .where(Refund.payment_id == Payment.id, Refund.status.in_(enum_literals(COUNTED_STATUSES)))
    .correlate(Payment)
    .subquery()
)
FAILED_REFUNDS_MINOR = select(
    func.greatest(0, func.coalesce(func.max(STILL_FAILED.c.minor), 0))
).scalar_subquery()
"""What the customer is still to get of failed refunds; a later refund counts against them."""
OWED_REFUNDS_MINOR = OPEN_REFUNDS_MINOR + FAILED_REFUNDS_MINOR
IS_COVERED = or_(
    Order.final_total_minor.is_not_distinct_from(0),
    case(
        (
            Payment.status == PaymentStatus.AUTHORIZED,
            and_(
                ~Payment.void_wanted,
                Payment.authorized_amount_minor >= func.coalesce(Order.final_total_minor, 0),
            ),
        ),
        (
            Payment.status.in_(enum_literals(REFUNDABLE)),
            Payment.captured_amount_minor - Payment.refunded_amount_minor - OWED_REFUNDS_MINOR > 0,
        ),
        else_=False,
    ),
)
"""Whether a payment covers what its order owes; of a statement that joins the two."""
LOCK_COVER = prepared(
    select(Payment.status, IS_COVERED)
    .join(Order, Order.id == Payment.order_id)
    .where(Payment.order_id == bindparam("order"), Payment.is_current)
    .with_for_update(of=Payment)
)
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


async def is_secured(session: AsyncSession, order: Order) -> bool:
    """Whether a hold or a capture covers what is owed; locks the payment of a locked order."""
    row = (await session.execute(LOCK_COVER, {"order": order.id})).first()
    return row is not None and bool(row[1])


async def require_secured(session: AsyncSession, order: Order, *path: str) -> None:
    """Raise DomainError: InvalidTransition while neither a hold nor a capture covers what is owed.

    Captured money that was given back, or that a bank demands back, does not: support cancels such
    an order.
    """
    row = (await session.execute(LOCK_COVER, {"order": order.id})).first()
    if row is None:
        raise not_found(Payment)
    status, is_covered = row
    if not is_covered:
        message = "The payment has to be confirmed again before anything is handed over."
        if status in GIVEN_BACK:
            message = "The money is given back or demanded back: support has to cancel the order."
        raise illegal_step(*path, message=message, state=status)
