"""Who may cancel an order for which reason at which stage, and what it costs: one table.

The graph shows the rules as `Order.cancellation`; `services.checkout.cancellation` applies them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.companies import Company
from models.identity import Actor
from models.message_text import words_text
from models.money import amount_text
from models.orders import Order, OrderAction, OrderCancelReason, OrderStage
from services.core.problems import DomainError, Problem
from services.orders.order_states import CUSTOMER, MACHINE, SUPPORT
from services.orders.stages import OrderProgress, order_stage

UNPAID = frozenset({OrderStage.AWAITING_PAYMENT})
PAID = frozenset({OrderStage.CONFIRMED})
BEING_PICKED = frozenset({OrderStage.PICKING, OrderStage.AWAITING_SUBSTITUTION})
PACKED = frozenset({OrderStage.PACKED})
READY_FOR_PICKUP = frozenset({OrderStage.READY_FOR_PICKUP})
BY_CUSTOMER = frozenset(
    {OrderCancelReason.CHANGED_MIND, OrderCancelReason.WRONG_ADDRESS, OrderCancelReason.OTHER}
)
BY_SUPPORT = BY_CUSTOMER | {
    OrderCancelReason.TOO_SLOW,
    OrderCancelReason.OUT_OF_STOCK,
    OrderCancelReason.SUSPECTED_FRAUD,
}
# The reasons that nobody gives: the system cancels for them.
BY_SYSTEM = frozenset(OrderCancelReason) - BY_SUPPORT


@dataclass(frozen=True, slots=True)
class CancellationRule:
    """The reasons that a party may give at some stages; `fee`: the company's fee is charged."""

    party: str
    stages: frozenset[OrderStage]
    reasons: frozenset[OrderCancelReason]
    fee: bool = False


RULES = (
    CancellationRule(CUSTOMER, UNPAID, BY_CUSTOMER),
    CancellationRule(CUSTOMER, PAID | PACKED, BY_CUSTOMER | {OrderCancelReason.TOO_SLOW}),
    CancellationRule(CUSTOMER, BEING_PICKED, BY_CUSTOMER | {OrderCancelReason.TOO_SLOW}, fee=True),
    CancellationRule(SUPPORT, UNPAID | PAID | BEING_PICKED | PACKED | READY_FOR_PICKUP, BY_SUPPORT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReasonNotAllowed(Problem):
    """The caller cannot give this reason now; `allowed_reasons` lists those they can."""

    allowed_reasons: list[OrderCancelReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationFeeChanged(Problem):
    """The cancellation costs another amount than the client showed."""

    fee_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """The reasons that a caller may give for canceling an order now, and what it costs them."""

    reasons: list[OrderCancelReason]
    fee_minor: int
    currency: str


def cancellation_terms(
    order: Order, progress: OrderProgress, actor: Actor, company: Company, now: datetime
) -> CancellationTerms | None:
    """The terms for `actor`; None when they cannot cancel the order now.

    An order that is later than its estimate, or for which no rider is found, costs no fee; nor
    does one that the customer has to pay anew, since there is nothing to take it from.
    """
    if OrderAction.CANCEL not in MACHINE.available_actions(progress, actor):
        return None
    rules = [*_rules(order, actor, order_stage(progress))]
    reasons = {reason for rule in rules for reason in rule.reasons}
    late = now > order.placed_at + timedelta(seconds=order.promise_p90_seconds)
    payment_is_lost = order.payment_due_at is not None
    free = late or progress.cancel_is_offered or payment_is_lost
    charged = any(rule.fee for rule in rules) and not free
    fee_minor = min(company.cancellation_fee_minor, order.total_minor) if charged else 0
    ordered = [reason for reason in OrderCancelReason if reason in reasons]
    return CancellationTerms(ordered, fee_minor, order.currency)


def check_reason(terms: CancellationTerms, reason: OrderCancelReason) -> None:
    """Raise DomainError: CancelReasonNotAllowed for a reason that the caller cannot give."""
    if reason not in terms.reasons:
        message = f'"{words_text(reason)}" is not a reason that you can give now.'
        raise DomainError(
            CancelReasonNotAllowed(
                path=["input", "reason"], message=message, allowed_reasons=terms.reasons
            )
        )


def check_fee(terms: CancellationTerms, expected_fee_minor: int | None) -> None:
    """Raise DomainError: CancellationFeeChanged unless the fee is the one that was shown."""
    if expected_fee_minor is not None and expected_fee_minor != terms.fee_minor:
        message = f"Canceling costs {amount_text(terms.fee_minor, terms.currency)} now."
        raise DomainError(
            CancellationFeeChanged(
                path=["input", "expectedFeeMinor"],
                message=message,
                fee_minor=terms.fee_minor,
                currency=terms.currency,
            )
        )


def _rules(order: Order, actor: Actor, stage: OrderStage) -> Iterator[CancellationRule]:
    party = CUSTOMER if actor.person_id == order.customer_id else SUPPORT
    return (rule for rule in RULES if rule.party == party and stage in rule.stages)
