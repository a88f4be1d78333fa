"""Who may cancel for which reason at which stage, and what it costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from database.base import uuid7
from models.companies import Company
from models.delivery import DeliveryStatus
from models.fulfillment import FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import PaymentStatus
from services.core.problems import DomainError
from services.orders import cancellation_rules
from services.orders.cancellation_rules import (
    BY_CUSTOMER,
    BY_SUPPORT,
    BY_SYSTEM,
    RULES,
    CancelReasonNotAllowed,
)
from services.orders.order_states import CUSTOMER
from services.orders.stages import STAGE_OF_DELIVERY_STATUS, OrderProgress

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
COMPANY = Company(id=uuid7(), cancellation_fee_minor=300)
ORDER = Order(
    id=uuid7(),
    company_id=COMPANY.id,
    store_id=uuid7(),
    customer_id=uuid7(),
    currency="EUR",
    total_minor=2_000,
    placed_at=NOW,
    promise_p90_seconds=1_800,
)
BUYER = Actor(ORDER.customer_id, grants=(Grant(Role.CUSTOMER),))
AGENT = Actor(uuid7(), grants=(Grant(Role.SUPPORT_AGENT, COMPANY.id),))
STRANGER = Actor(uuid7(), grants=(Grant(Role.CUSTOMER),))


def progress(
    fulfillment: FulfillmentStatus | None,
    status: OrderStatus = OrderStatus.CONFIRMED,
    payment: PaymentStatus = PaymentStatus.AUTHORIZED,
    delivery: DeliveryStatus | None = None,
) -> OrderProgress:
    owners = (ORDER.id, ORDER.company_id, ORDER.store_id, ORDER.customer_id)
    return OrderProgress(*owners, status, payment, fulfillment, delivery)


# With the bags out of the store no store works on the order any more.
CARRIED = frozenset(STAGE_OF_DELIVERY_STATUS)
# Without a ride nobody waits for a rider.
COLLECTED = frozenset({FulfillmentStatus.READY_FOR_PICKUP, FulfillmentStatus.COLLECTED})
UNPAID = progress(None, OrderStatus.PLACED, PaymentStatus.INITIATED)
QUEUED = progress(FulfillmentStatus.QUEUED)
PICKING = progress(FulfillmentStatus.PICKING)
PACKED = progress(FulfillmentStatus.PACKED)
READY = progress(FulfillmentStatus.READY_FOR_PICKUP, payment=PaymentStatus.CAPTURED)
ON_THE_WAY = progress(FulfillmentStatus.HANDED_OVER, delivery=DeliveryStatus.PICKED_UP)


def terms(
    actor: Actor, at: OrderProgress, now: datetime = NOW
) -> tuple[frozenset[OrderCancelReason], int] | None:
    found = cancellation_rules.cancellation_terms(ORDER, at, actor, COMPANY, now)
    return None if found is None else (frozenset(found.reasons), found.fee_minor)


@pytest.mark.parametrize(
    ("actor", "at", "expected"),
    [
        (BUYER, UNPAID, (BY_CUSTOMER, 0)),
        (BUYER, QUEUED, (BY_CUSTOMER | {OrderCancelReason.TOO_SLOW}, 0)),
        (BUYER, PICKING, (BY_CUSTOMER | {OrderCancelReason.TOO_SLOW}, 300)),
        (BUYER, PACKED, None),
        (BUYER, ON_THE_WAY, None),
        (AGENT, UNPAID, (BY_SUPPORT, 0)),
        (AGENT, PICKING, (BY_SUPPORT, 0)),
        (AGENT, PACKED, (BY_SUPPORT, 0)),
        (AGENT, READY, (BY_SUPPORT, 0)),
        (AGENT, ON_THE_WAY, None),
        (STRANGER, QUEUED, None),
    ],
)
def test_the_table(
    actor: Actor, at: OrderProgress, expected: tuple[frozenset[OrderCancelReason], int] | None
) -> None:
    assert terms(actor, at) == expected


@pytest.mark.parametrize("actor", [BUYER, AGENT])
def test_whoever_may_cancel_has_a_reason_to_give(actor: Actor) -> None:
    """Support was offered to cancel an order that was ready for pickup, with no reason allowed.

    In no combination of the states of order, payment, store's work and ride.
    """
    states = product(PaymentStatus, (None, *FulfillmentStatus), (None, *DeliveryStatus))
    for payment, fulfillment, delivery in states:
        status = OrderStatus.PLACED if fulfillment is None else OrderStatus.CONFIRMED
        for offered in (False, True):
            at = replace(
                progress(fulfillment, status, payment, delivery), cancel_is_offered=offered
            )
            found = terms(actor, at)
            impossible = delivery in CARRIED or (at.fulfillment_status in COLLECTED and offered)
            assert found is None or found[0] or impossible, at


def test_an_order_later_than_its_estimate_costs_no_fee() -> None:
    late = NOW + timedelta(seconds=ORDER.promise_p90_seconds + 1)
    assert terms(BUYER, PICKING, late) == (BY_CUSTOMER | {OrderCancelReason.TOO_SLOW}, 0)


def test_the_fee_is_at_most_the_total() -> None:
    dear = Company(id=COMPANY.id, cancellation_fee_minor=9_999)
    found = cancellation_rules.cancellation_terms(ORDER, PICKING, BUYER, dear, NOW)
    assert found is not None
    assert found.fee_minor == ORDER.total_minor


def test_every_reason_belongs_to_a_person_or_to_the_system() -> None:
    given = frozenset[OrderCancelReason]().union(*(rule.reasons for rule in RULES))
    assert given | BY_SYSTEM == frozenset(OrderCancelReason)
    assert not given & BY_SYSTEM


def test_only_support_suspects_fraud() -> None:
    """A customer could cancel with SUSPECTED_FRAUD, and every other reason of the enum."""
    by_customer = [rule.reasons for rule in RULES if rule.party == CUSTOMER]
    assert all(OrderCancelReason.SUSPECTED_FRAUD not in reasons for reasons in by_customer)
    found = cancellation_rules.cancellation_terms(ORDER, QUEUED, BUYER, COMPANY, NOW)
    assert found is not None
    with pytest.raises(DomainError) as caught:
        cancellation_rules.check_reason(found, OrderCancelReason.SUSPECTED_FRAUD)
    (problem,) = caught.value.problems
    assert isinstance(problem, CancelReasonNotAllowed)
    assert problem.allowed_reasons == found.reasons
