"""State machines of payments, refunds and disputes: the provider's reports move them."""

from typing import Any

from gateways.payments.interface import DisputeState, IntentState
from models.identity import Actor
from models.payments import (
    Dispute,
    DisputeStatus,
    Payment,
    PaymentAction,
    PaymentStatus,
    Refund,
    RefundAction,
    RefundStatus,
)
from services.core.access import SUPPORT_ROLES
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.orders.payment_cover import OPEN_REFUND_STATUSES

SETTLE_JOB = "payment.settle"
UNPAID_STATUSES = frozenset(
    {PaymentStatus.INITIATED, PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED}
)
UNDISPUTED_STATUSES = frozenset(
    {
        PaymentStatus.CAPTURED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.WON,
    }
)
CAPTURED_STATUSES = UNDISPUTED_STATUSES | {PaymentStatus.DISPUTED, PaymentStatus.LOST}
PAID_STATUSES = CAPTURED_STATUSES | {PaymentStatus.AUTHORIZED}
FINAL_STATUSES = CAPTURED_STATUSES | {PaymentStatus.VOIDED, PaymentStatus.EXPIRED}
UNCAPTURED_STATUSES = UNPAID_STATUSES | {PaymentStatus.AUTHORIZED}
OPEN_DISPUTE_STATUSES = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
# What each state that the provider reports changes; late reports are ignored.
REPORTS: dict[IntentState, AutomaticTransition[PaymentStatus]] = {
    IntentState.ACTION_REQUIRED: AutomaticTransition(
        "provider: the bank asks the customer",
        UNPAID_STATUSES,
        {PaymentStatus.ACTION_REQUIRED},
        job=SETTLE_JOB,
    ),
    IntentState.FAILED: AutomaticTransition(
        "provider: declined", UNPAID_STATUSES, {PaymentStatus.FAILED}, job=SETTLE_JOB
    ),
    IntentState.AUTHORIZED: AutomaticTransition(
        "provider: authorized", UNPAID_STATUSES, {PaymentStatus.AUTHORIZED}, job=SETTLE_JOB
    ),
    IntentState.CAPTURED: AutomaticTransition(
        "provider: captured", UNCAPTURED_STATUSES, {PaymentStatus.CAPTURED}, job=SETTLE_JOB
    ),
    IntentState.VOIDED: AutomaticTransition(
        "provider: voided", UNCAPTURED_STATUSES, {PaymentStatus.VOIDED}, job=SETTLE_JOB
    ),
}


def was_rejected(payment: Payment) -> bool:
    """Whether the provider refused for good to open the payment: there is nothing to void."""
    return payment.intent_id is None and payment.status is PaymentStatus.FAILED


def is_stuck(row: Payment | Refund) -> bool:
    return row.stuck_at is not None


def _is_support(row: Any, actor: Actor) -> bool:
    return actor.has_company_role(row.company_id, SUPPORT_ROLES)


def _permits(row: Any, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return _is_support(row, actor)


PAYMENT_MACHINE: StateMachine[Payment, PaymentAction, PaymentStatus] = StateMachine(
    name="Payment",
    model=Payment,
    status=PaymentStatus,
    noun="payment",
    id_path="paymentId",
    initial={PaymentStatus.INITIATED},
    transitions=(
        Transition(
            PaymentAction.RESUME,
            frozenset(PaymentStatus) - {PaymentStatus.EXPIRED},
            roles=SUPPORT_ROLES,
            party="support",
            condition=is_stuck,
        ),
    ),
    automatic=(
        *REPORTS.values(),
        AutomaticTransition(
            "order: had expired before the void", {PaymentStatus.VOIDED}, {PaymentStatus.EXPIRED}
        ),
        AutomaticTransition(
            "refund: the refunded amount changed",
            UNDISPUTED_STATUSES,
            UNDISPUTED_STATUSES,
            mutation="refundIssue",
        ),
        AutomaticTransition(
            "provider: a dispute was opened",
            UNDISPUTED_STATUSES | {PaymentStatus.LOST},
            {PaymentStatus.DISPUTED},
            job=SETTLE_JOB,
        ),
        AutomaticTransition(
            "provider: the dispute was won",
            {PaymentStatus.DISPUTED, PaymentStatus.LOST},
            {PaymentStatus.WON, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED},
            job=SETTLE_JOB,
        ),
        AutomaticTransition(
            "provider: the dispute was lost",
            {PaymentStatus.DISPUTED},
            {PaymentStatus.LOST},
            job=SETTLE_JOB,
        ),
    ),
    is_visible=_is_support,
    permits=_permits,
)
REFUND_MACHINE: StateMachine[Refund, RefundAction, RefundStatus] = StateMachine(
    name="Refund",
    model=Refund,
    status=RefundStatus,
    noun="refund",
    id_path="refundId",
    initial={RefundStatus.REQUESTED},
    transitions=(
        Transition(
            RefundAction.RETRY,
            {RefundStatus.FAILED},
            {RefundStatus.RETRIED},
            SUPPORT_ROLES,
            "support",
        ),
        Transition(
            RefundAction.MARK_PAID,
            {RefundStatus.FAILED},
            {RefundStatus.PAID_OTHERWISE},
            SUPPORT_ROLES,
            "support",
        ),
        Transition(
            RefundAction.CLOSE,
            {RefundStatus.FAILED},
            {RefundStatus.CLOSED},
            SUPPORT_ROLES,
            "support",
        ),
        Transition(
            RefundAction.RESUME,
            OPEN_REFUND_STATUSES,
            roles=SUPPORT_ROLES,
            party="support",
            condition=is_stuck,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "provider: accepted", {RefundStatus.REQUESTED}, {RefundStatus.PENDING}, job=SETTLE_JOB
        ),
        AutomaticTransition(
            "provider: succeeded, also when its first answer was lost",
            {RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.FAILED},
            {RefundStatus.SUCCEEDED},
            job=SETTLE_JOB,
        ),
        AutomaticTransition(
            "provider: failed, also after success",
            {RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.SUCCEEDED},
            {RefundStatus.FAILED},
            job=SETTLE_JOB,
        ),
    ),
    is_visible=_is_support,
    permits=_permits,
)
STATUS_OF_DISPUTE = {
    DisputeState.NEEDS_RESPONSE: DisputeStatus.NEEDS_RESPONSE,
    DisputeState.UNDER_REVIEW: DisputeStatus.UNDER_REVIEW,
    DisputeState.WON: DisputeStatus.WON,
    DisputeState.LOST: DisputeStatus.LOST,
}
DISPUTE_MACHINE: StateMachine[Dispute, Any, DisputeStatus] = StateMachine(
    name="Dispute",
    model=Dispute,
    status=DisputeStatus,
    noun="dispute",
    id_path="disputeId",
    initial={DisputeStatus.NEEDS_RESPONSE},
    automatic=(
        AutomaticTransition(
            "provider: evidence was sent, or more is asked for",
            OPEN_DISPUTE_STATUSES,
            OPEN_DISPUTE_STATUSES,
            job=SETTLE_JOB,
        ),
        AutomaticTransition(
            "provider: won, also on appeal",
            OPEN_DISPUTE_STATUSES | {DisputeStatus.LOST},
            {DisputeStatus.WON},
            job=SETTLE_JOB,
        ),
        AutomaticTransition(
            "provider: lost", OPEN_DISPUTE_STATUSES, {DisputeStatus.LOST}, job=SETTLE_JOB
        ),
    ),
)


def captured_payment_status(payment: Payment) -> PaymentStatus:
    """The status of a captured payment by its disputes and by how much of it is refunded."""
    if payment.dispute_status in OPEN_DISPUTE_STATUSES:
        return PaymentStatus.DISPUTED
    if payment.dispute_status is DisputeStatus.LOST:
        return PaymentStatus.LOST
    if payment.refunded_amount_minor > 0:
        complete = payment.refunded_amount_minor >= payment.captured_amount_minor
        return PaymentStatus.REFUNDED if complete else PaymentStatus.PARTIALLY_REFUNDED
    won = payment.dispute_status is DisputeStatus.WON
    return PaymentStatus.WON if won else PaymentStatus.CAPTURED


def refresh_captured_status(payment: Payment) -> bool:
    """Move a captured payment to the status that its amounts say; whether it changed."""
    status = captured_payment_status(payment)
    if status is payment.status:
        return False
    PAYMENT_MACHINE.move(payment, status)
    return True
