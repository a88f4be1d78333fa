"""Root fields of payments and refunds that need a person, and of disputes."""

import strawberry

from resolvers.payments import stuck
from resolvers.rules import COMPANY_OR_SUPPORT, SUPPORT
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.payments.payments import DisputeType, PaymentType, RefundType
from schema.payments.refunds import (
    PaymentResumePayload,
    RefundClosePayload,
    RefundMarkPaidPayload,
    RefundResumePayload,
    RefundRetryPayload,
)


@strawberry.type
class PaymentQuery:
    stuck_payments: ConnectionType[PaymentType] | None = field(
        stuck.stuck_payments,
        "Payments whose void or capture the provider refuses or does not answer, oldest first.",
        allow=SUPPORT,
    )
    stuck_refunds: ConnectionType[RefundType] | None = field(
        stuck.stuck_refunds,
        "Refunds that failed, or that the provider does not answer or send, oldest first.",
        allow=SUPPORT,
    )
    disputes: ConnectionType[DisputeType] | None = field(
        stuck.disputes, "The disputes of card payments, oldest first.", allow=COMPANY_OR_SUPPORT
    )


@strawberry.type
class PaymentMutation:
    payment_resume: PaymentResumePayload | None = mutation(
        stuck.resume_payment,
        "Retries at once a void or capture that the provider has not executed.",
        allow=SUPPORT,
    )
    refund_resume: RefundResumePayload | None = mutation(
        stuck.resume_refund,
        "Retries a stuck refund at the provider at once.",
        allow=SUPPORT,
    )
    refund_retry: RefundRetryPayload | None = mutation(
        stuck.retry_refund, "Requests a failed refund again, as another refund.", allow=SUPPORT
    )
    refund_mark_paid: RefundMarkPaidPayload | None = mutation(
        stuck.mark_refund_paid,
        "Records that a failed refund was paid in another way, such as a bank transfer.",
        allow=SUPPORT,
    )
    refund_close: RefundClosePayload | None = mutation(
        stuck.close_refund,
        "Ends a failed refund without another payment, such as one that another refund replaces.",
        allow=SUPPORT,
    )
