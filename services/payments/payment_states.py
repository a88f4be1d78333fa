"""State machines of a payment and of a refund: the provider's reports move both."""

from typing import Any

from gateways.payments.interface import IntentState
from models.payments import Payment, PaymentStatus, Refund, RefundStatus
from services.core.state_machine import AutomaticTransition, StateMachine

UNPAID_STATUSES = frozenset(
    {PaymentStatus.INITIATED, PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED}
)
CAPTURED_STATUSES = frozenset(
    {PaymentStatus.CAPTURED, PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED}
)
FINAL_STATUSES = CAPTURED_STATUSES | {PaymentStatus.VOIDED, PaymentStatus.EXPIRED}
UNCAPTURED_STATUSES = UNPAID_STATUSES | {PaymentStatus.AUTHORIZED}
# What each state that the provider reports changes; late reports are ignored.
REPORTS: dict[IntentState, AutomaticTransition[PaymentStatus]] = {
    IntentState.ACTION_REQUIRED: AutomaticTransition(
        "provider: the bank asks the customer", UNPAID_STATUSES, {PaymentStatus.ACTION_REQUIRED}
    ),
    IntentState.FAILED: AutomaticTransition(
        "provider: declined", UNPAID_STATUSES, {PaymentStatus.FAILED}
    ),
    IntentState.AUTHORIZED: AutomaticTransition(
        "provider: authorized", UNPAID_STATUSES, {PaymentStatus.AUTHORIZED}
    ),
    IntentState.CAPTURED: AutomaticTransition(
        "provider: captured", UNCAPTURED_STATUSES, {PaymentStatus.CAPTURED}
    ),
    IntentState.VOIDED: AutomaticTransition(
        "provider: voided", UNCAPTURED_STATUSES, {PaymentStatus.VOIDED}
    ),
}
PAYMENT_MACHINE: StateMachine[Payment, Any, PaymentStatus] = StateMachine(
    name="Payment",
    model=Payment,
    status=PaymentStatus,
    initial={PaymentStatus.INITIATED},
    automatic=(
        *REPORTS.values(),
        AutomaticTransition(
            "order: had expired before the void", {PaymentStatus.VOIDED}, {PaymentStatus.EXPIRED}
        ),
        AutomaticTransition(
            "refund: the refunded amount changed", CAPTURED_STATUSES, CAPTURED_STATUSES
        ),
    ),
)
REFUND_MACHINE: StateMachine[Refund, Any, RefundStatus] = StateMachine(
    name="Refund",
    model=Refund,
    status=RefundStatus,
    initial={RefundStatus.REQUESTED},
    automatic=(
        AutomaticTransition(
            "provider: succeeded", {RefundStatus.REQUESTED}, {RefundStatus.SUCCEEDED}
        ),
        AutomaticTransition(
            "provider: failed, also after success",
            {RefundStatus.REQUESTED, RefundStatus.SUCCEEDED},
            {RefundStatus.FAILED},
        ),
    ),
)
