"""Conditions on the progress of an order, under which its actions are legal."""

from models.delivery import DeliveryStatus
from models.fulfillment import FulfillmentStatus
from models.payments import PaymentStatus
from services.orders.stages import PAYABLE, OrderProgress

REFUNDABLE = frozenset(
    {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.WON}
)
CHANGEABLE = frozenset(
    {
        FulfillmentStatus.QUEUED,
        FulfillmentStatus.ACCEPTED,
        FulfillmentStatus.PICKING,
        FulfillmentStatus.AWAITING_SUBSTITUTION,
    }
)
UNPACKED: frozenset[FulfillmentStatus | None] = frozenset(
    {
        None,
        FulfillmentStatus.QUEUED,
        FulfillmentStatus.ACCEPTED,
        FulfillmentStatus.PICKING,
        FulfillmentStatus.AWAITING_SUBSTITUTION,
        FulfillmentStatus.REJECTED,
        FulfillmentStatus.TIMED_OUT,
    }
)
BEFORE_HANDOVER = UNPACKED | {
    FulfillmentStatus.PACKED,
    FulfillmentStatus.STAGED,
    FulfillmentStatus.READY_FOR_PICKUP,
}


HANDED_OVER = frozenset({FulfillmentStatus.HANDED_OVER, FulfillmentStatus.COLLECTED})


def payment_is_open(progress: OrderProgress) -> bool:
    return progress.payment_status in PAYABLE


def payment_is_captured(progress: OrderProgress) -> bool:
    return progress.payment_status in REFUNDABLE


def bags_are_open(progress: OrderProgress) -> bool:
    return progress.fulfillment_status in UNPACKED


def nothing_is_packed_or_being_changed(progress: OrderProgress) -> bool:
    return (
        progress.payment_status is PaymentStatus.AUTHORIZED
        and progress.fulfillment_status in CHANGEABLE
        and progress.pending_change_id is None
    )


def bags_are_in_the_store(progress: OrderProgress) -> bool:
    return progress.fulfillment_status in BEFORE_HANDOVER


def was_paid_and_completed_lately(progress: OrderProgress) -> bool:
    """Whether a paid order was handed over so lately that it may have been a mistake."""
    is_delivered = progress.delivery_status in (None, DeliveryStatus.DELIVERED)
    is_handed_over = progress.fulfillment_status in HANDED_OVER and is_delivered
    return progress.paid_and_completed_lately and is_handed_over


def no_rider_was_found(progress: OrderProgress) -> bool:
    return progress.cancel_is_offered and bags_are_in_the_store(progress)
