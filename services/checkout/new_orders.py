"""Builds the rows of a new order from the plan of the store that delivers it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import MINIMUM_AGE
from models.message_text import duration_text
from models.orders import FulfillmentMethod, Order, OrderLine, OrderStatus
from services.carts.basket_problems import (
    DeliveryEstimateChanged,
    InsufficientStock,
    visible_shortages,
)
from services.carts.baskets import DeliveryTarget
from services.carts.sourcing_plans import SourcingPlan
from services.checkout.order_guards import PlannedOrder
from services.core import clock
from services.orders import orders
from services.orders.proof_codes import new_code
from services.stores.delivery_estimates import (
    DeliveryEstimate,
    estimate_delivery,
    estimate_pickup,
)

SUMS = (
    "subtotal_minor", "delivery_fee_minor", "small_order_fee_minor", "discount_minor", "tip_minor",
    "tax_minor", "tax_rate_basis_points", "total_minor", "authorization_buffer_minor",
)  # fmt: skip


async def build_order(
    session: AsyncSession,
    planned: PlannedOrder,
    target: DeliveryTarget,
    payment_seconds: float,
) -> Order:
    """The row of a new order, to be paid within `payment_seconds`."""
    plan, source = planned.plan, planned.payer.source
    serving_store, totals = plan.serving_store, plan.cart_totals
    now = await clock.current_time(session)
    estimate = _estimate(target, plan, now)
    return Order(
        id=planned.order_id,
        company_id=serving_store.company.id,
        customer_id=target.customer_id,
        store_id=serving_store.store.id,
        code=orders.generate_code(),
        customer_name=target.customer_name,
        method=target.method,
        status=OrderStatus.PLACED,
        currency=totals.currency,
        **{name: getattr(totals, name) for name in SUMS},
        latitude=target.point.latitude,
        longitude=target.point.longitude,
        address_line=target.address_line,
        delivery_instructions=target.delivery_instructions,
        minimum_age=MINIMUM_AGE if plan.age_restricted else None,
        dropoff_distance_meters=serving_store.distance_m,
        promise_p50_seconds=estimate.p50_seconds,
        promise_p90_seconds=estimate.p90_seconds,
        delivery_pin=new_code(),
        payment_due_at=now + timedelta(seconds=payment_seconds),
        network_hash=source.network,
        device_hash=source.device,
    )


async def add_late_problems(
    session: AsyncSession,
    plans: Sequence[SourcingPlan],
    target: DeliveryTarget,
    expected_p90_seconds: int | None,
) -> list[SourcingPlan]:
    """Return the plans with DeliveryEstimateChanged for those that come later than expected.

    It is known before units are reserved: otherwise an order that can't come in time would tell
    for free whether a store has as many units as it asks for. So it is told in place of a shortage
    that a cart does not show, and other problems are told alone.
    """
    if expected_p90_seconds is None:
        return list(plans)
    now = await clock.current_time(session)
    return [
        _with_late_problem(plan, _estimate(target, plan, now), expected_p90_seconds)
        for plan in plans
    ]


def _with_late_problem(
    plan: SourcingPlan, estimate: DeliveryEstimate, expected_p90_seconds: int
) -> SourcingPlan:
    told = [one for one in plan.problems if not isinstance(one, InsufficientStock)]
    told += visible_shortages(plan.line_numbers, plan.available, plan.units)
    if told or estimate.p90_seconds <= expected_p90_seconds:
        return plan
    problem = DeliveryEstimateChanged(
        path=["input", "expectedP90Seconds"],
        message=f"It takes up to {duration_text(estimate.p90_seconds)} now.",
        current_p50_seconds=estimate.p50_seconds,
        current_p90_seconds=estimate.p90_seconds,
    )
    return replace(plan, problems=(problem,))


def _estimate(target: DeliveryTarget, plan: SourcingPlan, now: datetime) -> DeliveryEstimate:
    store, totals = plan.serving_store.store, plan.cart_totals
    if target.method is FulfillmentMethod.PICKUP:
        return estimate_pickup(
            preparation_seconds=store.preparation_seconds, currency=totals.currency, now=now
        )
    return estimate_delivery(
        distance_m=plan.serving_store.distance_m,
        preparation_seconds=store.preparation_seconds,
        fee_minor=totals.delivery_fee_minor,
        currency=totals.currency,
        now=now,
    )


def build_order_lines(order: Order, plan: SourcingPlan) -> list[OrderLine]:
    """The rows of a new order's lines, priced as the customer was shown."""
    prices = {priced.product_id: priced for priced in plan.cart_totals.lines}
    authorization_buffer_basis_points = plan.serving_store.company.authorization_buffer_basis_points
    return [
        OrderLine(
            order_id=order.id,
            company_id=order.company_id,
            customer_id=order.customer_id,
            product_id=line.product_id,
            position=position,
            name=plan.names[line.product_id],
            currency=order.currency,
            unit_price_minor=prices[line.product_id].unit_price_minor,
            quantity=line.quantity,
            total_minor=prices[line.product_id].total_minor,
            average_weight_grams=prices[line.product_id].average_weight_grams,
            price_per_kilogram_minor=prices[line.product_id].price_per_kilogram_minor,
            authorization_buffer_minor=prices[line.product_id].authorization_buffer_minor(
                authorization_buffer_basis_points
            ),
            substitution_preference=line.substitution,
            age_restricted=line.product_id in plan.age_restricted,
        )
        for position, line in enumerate(plan.lines)
    ]
