"""Who reads the reason and the amount of an order's events."""

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLObjectType

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways.payments.interface import DisputeResult, DisputeState
from models.events import OrderEventKind
from models.fulfillment import FulfillmentRejectReason
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from models.payments import PaymentStatus, PaymentStuckReason
from resolvers.rules import rule_of
from schema.root import graph
from services.fulfillment import rerouting
from services.orders.event_facts import AMOUNTS, REASONS, FactSource
from services.payments import disputes, stuck
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    payment_of,
    place_paid_order,
)
from tests.support.payments.situations import Situation, set_situation
from tests.support.plugins.declared_facts import require_readers
from tests.support.store_staff import run_step

SOURCES = {*REASONS.values(), *AMOUNTS.values()}
TIMELINE = """query ($id: ID!) { order(id: $id) {
  timeline(first: 50) { nodes { type reason amount { minorUnits } } } } }"""
REJECTED, DISPUTED = ("FULFILLMENT_REJECTED", "TOO_BUSY"), ("DISPUTE_OPENED", "fraudulent")
STUCK = ("PAYMENT_STUCK", "REFUSED")
DISPUTED_MINOR = 777


async def troubled_order(dependencies: OrderDependencies, city: City) -> Order:
    """An order that its first store rejected, whose payment is disputed and stuck."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (task,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    await run_step(database, staff, task, rerouting.reject, reason=FulfillmentRejectReason.TOO_BUSY)
    await set_situation(database, order, Situation(PaymentStatus.CAPTURED))
    dispute = DisputeResult(
        id=f"dp_{order.id}",
        state=DisputeState.NEEDS_RESPONSE,
        amount_minor=DISPUTED_MINOR,
        currency=order.currency,
        reason="fraudulent",
        intent_id="pi",
        evidence_due_at=None,
        opened_at=datetime.now(UTC),
    )
    async with database.write(PLATFORM, AuditContext("test")) as session:
        order = await session.get_one(Order, order.id, with_for_update=True)
        payment = await payment_of(session, order)
        await disputes.apply_disputes(session, order, payment, [dispute])
        await stuck.mark_stuck(session, order, payment, PaymentStuckReason.REFUSED, "No.")
    return order


async def test_the_reason_of_an_event_is_for_whoever_reads_the_field_it_comes_from(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store rejects an order as TOO_BUSY, its bank disputes 7.77, and its payment is stuck.

    Its customer and the staff of the store that has it now read these events by the timeline of
    the order, with the words and the amount that Fulfillment.rejectReason, Payment.stuckReason and
    Payment.disputes refuse to them.
    """
    order = await troubled_order(dependencies, city)
    database, company = dependencies.database, order.company_id
    (support,) = await create_people(database, 1, Grant(Role.SUPPORT_AGENT))
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    readers: list[tuple[Actor, set[tuple[str, str]]]] = [
        (Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),)), set()),
        (await create_picker(database, city.next), set()),
        (admin, {REJECTED, DISPUTED}),
        (support, {REJECTED, DISPUTED, STUCK}),
    ]
    for actor, reads in readers:
        answer = await GraphRunner(database)(TIMELINE, {"id": encode_id(Order, order.id)}, actor)
        nodes: list[dict[str, Any]] = answer.data["order"]["timeline"]["nodes"]
        told = {(node["type"], node["reason"]) for node in nodes if node["reason"]}
        assert told == reads, actor.grants
        amounts = [node["amount"] for node in nodes if node["type"] == "DISPUTE_OPENED"]
        assert amounts == [{"minorUnits": DISPUTED_MINOR} if DISPUTED in reads else None]
        assert {event for event, _ in (REJECTED, DISPUTED, STUCK)} <= {one["type"] for one in nodes}


@pytest.mark.parametrize("source", sorted(SOURCES), ids=lambda source: source.field)
def test_a_fact_of_an_event_has_the_rule_of_its_field(source: FactSource) -> None:
    """The rule of Fulfillment.rejectReason changes, and the table of the events is forgotten."""
    type_name, name = source.field.split(".")
    declared = graph._schema.get_type(type_name)
    assert isinstance(declared, GraphQLObjectType)
    rule = rule_of(declared.fields[name])
    assert source.roles == (None if rule is None else rule.roles)


def test_a_new_event_with_a_reason_needs_declared_readers() -> None:
    """Somebody adds a reason to an event, or an amount, and does not say who may read it."""
    for facts in ({"reason": "CODE"}, {"amount_minor": 1}, {"total_minor": 1}):
        with pytest.raises(AssertionError, match="Add it to"):
            require_readers(OrderEventKind.FULFILLMENT_STAGED, facts)
    require_readers(OrderEventKind.ORDER_CANCELED, {"reason": "CHANGED_MIND"})
