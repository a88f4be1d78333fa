"""Disputes of captured payments: rows, events, cases, and what they do to refunds."""

from typing import Any

import pytest

from database.scope import PLATFORM
from jobs import payments as payment_jobs
from models.identity import Actor, Grant, Role
from models.payments import Dispute, DisputeStatus, PaymentStatus
from models.support import TicketStatus
from services.core.problems import DomainError, NotFound
from services.payments import disputes, payment_queries
from services.payments.refunds import RefundExceedsCaptured
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.payments import Shop, cancel
from tests.support.payments.settlement import (
    captured_order,
    cases_of,
    create_agent,
    dispute_at_bank,
    disputes_of,
    issue_refund,
    refunds_of,
)
from tests.support.stripe_simulator import wait_until


async def deliver_webhooks(shop: Shop, kind: str) -> None:
    """Take in all webhooks, twice and backwards, once this kind has arrived."""
    inbox = shop.sandbox.inbox
    await wait_until(lambda: kind in inbox.event_types())
    await shop.deliver([*inbox.requests, *reversed(inbox.requests)])


@pytest.mark.parametrize(
    ("end", "status", "payment_status", "remaining_minor"),
    [
        ("won", DisputeStatus.WON, PaymentStatus.WON, 1000),
        ("lost", DisputeStatus.LOST, PaymentStatus.LOST, 0),
    ],
)
async def test_a_dispute_is_told_once_and_decided(
    shop: Shop,
    city: City,
    buyer: Actor,
    end: str,
    status: DisputeStatus,
    payment_status: PaymentStatus,
    remaining_minor: int,
) -> None:
    """The cardholder's bank takes the money back and decides later; each webhook comes twice.

    A chargeback used to be unheard.
    """
    order = await captured_order(shop, city, buyer)
    dispute_id = await dispute_at_bank(shop, order, reason="product_not_received")
    await deliver_webhooks(shop, "charge.dispute.created")
    (dispute,) = await disputes_of(shop, order)
    assert (dispute.provider_dispute_id, dispute.amount_minor) == (dispute_id, 1000)
    assert (dispute.reason, dispute.status) == (
        "product_not_received", DisputeStatus.NEEDS_RESPONSE,
    )  # fmt: skip
    assert dispute.evidence_due_at is not None
    assert (await shop.payment(order)).status is PaymentStatus.DISPUTED
    (case,) = await cases_of(shop, order)
    assert "product_not_received" in case.subject
    with pytest.raises(DomainError) as refused:
        await issue_refund(shop, order, 1)
    assert isinstance(refused.value.problems[0], RefundExceedsCaptured)
    await shop.sandbox.control("disputes", {"dispute": dispute_id, "status": "under_review"})
    await shop.sandbox.control("disputes", {"dispute": dispute_id, "status": end})
    await deliver_webhooks(shop, "charge.dispute.closed")
    (dispute,) = await disputes_of(shop, order)
    assert (dispute.status, dispute.due_at, dispute.closed_at is None) == (status, None, False)
    payment = await shop.payment(order)
    assert payment.status is payment_status
    assert payment.captured_amount_minor - payment.disputed_amount_minor == remaining_minor
    types = [each for each in await shop.event_types(order) if each.startswith("DISPUTE")]
    assert (types[0], types[-1]) == ("DISPUTE_OPENED", f"DISPUTE_{status}")
    assert len(types) == len(set(types))
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.RESOLVED]


async def test_a_dispute_is_found_and_followed_without_webhooks(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The webhooks are lost: the account is compared, and an open dispute is asked about."""
    order = await captured_order(shop, city, buyer)
    dispute_id = await dispute_at_bank(shop, order, amount=400)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    (dispute,) = await disputes_of(shop, order)
    assert dispute.due_at is not None
    with pytest.raises(DomainError):
        await issue_refund(shop, order, 1)  # the provider refuses any while a dispute is open
    await shop.sandbox.control("disputes", {"dispute": dispute_id, "status": "lost"})
    step = payment_jobs.STEPS[Dispute]
    await step(shop.database, shop.payments, dispute.id)
    payment = await shop.payment(order)
    assert (payment.status, payment.disputed_amount_minor) == (PaymentStatus.LOST, 400)
    await issue_refund(shop, order, 600)
    with pytest.raises(DomainError):
        await issue_refund(shop, order, 1)


@pytest.mark.leaves("Payment.WON")
async def test_an_order_canceled_during_a_dispute_is_not_refunded_twice(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The bank holds the money, so the cancellation refunds nothing; a won dispute stays a case."""
    order = await captured_order(shop, city, buyer)
    dispute_id = await dispute_at_bank(shop, order)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    await cancel(shop, buyer, order.id)
    assert await refunds_of(shop, order) == []
    await shop.sandbox.control("disputes", {"dispute": dispute_id, "status": "won"})
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.OPEN]
    await issue_refund(shop, order, 1000)
    await shop.settle(order)
    assert (await shop.payment(order)).status is PaymentStatus.REFUNDED


@pytest.mark.leaves(
    "Dispute.NEEDS_RESPONSE", "Dispute.UNDER_REVIEW", "Dispute.LOST", "Payment.DISPUTED",
    "Payment.LOST",
)  # fmt: skip
async def test_a_dispute_that_was_lost_is_won_on_appeal(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The bank looks at the evidence, decides against the store, and corrects itself later."""
    order = await captured_order(shop, city, buyer)
    dispute_id = await dispute_at_bank(shop, order)
    statuses = []
    for status in (None, "under_review", "lost", "won"):
        if status is not None:
            await shop.sandbox.control("disputes", {"dispute": dispute_id, "status": status})
        await payment_jobs.reconcile_account(shop.database, shop.payments)
        (dispute,) = await disputes_of(shop, order)
        await payment_jobs.STEPS[Dispute](shop.database, shop.payments, dispute.id)
        (dispute,) = await disputes_of(shop, order)
        statuses.append((str(dispute.status), str((await shop.payment(order)).status)))
    assert statuses == [
        ("NEEDS_RESPONSE", "DISPUTED"), ("UNDER_REVIEW", "DISPUTED"), ("LOST", "LOST"),
        ("WON", "WON"),
    ]  # fmt: skip


async def test_disputes_are_for_support_and_the_company_only(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Support and the company's admins see a dispute; its customer and other companies do not."""
    order = await captured_order(shop, city, buyer)
    await dispute_at_bank(shop, order)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    (dispute,) = await disputes_of(shop, order)
    grants = (
        Grant(Role.COMPANY_ADMIN, order.company_id),
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_STAFF, order.company_id, order.store_id),
    )
    admin, stranger, staff = [(await create_people(shop.database, 1, grant))[0] for grant in grants]
    for actor, visible in (
        (await create_agent(shop), True), (admin, True), (stranger, False), (staff, False),
        (buyer, False),
    ):  # fmt: skip
        async with shop.database.read(PLATFORM) as session:
            key: Any = {"actor": actor, "dispute_id": dispute.id}
            if visible:
                assert (await disputes.visible_dispute(session, **key)).id == dispute.id
            else:
                with pytest.raises(DomainError) as hidden:
                    await disputes.visible_dispute(session, **key)
                assert isinstance(hidden.value.problems[0], NotFound)
    async with shop.database.read(admin.scope()) as session:
        page = await payment_queries.disputes(
            session, actor=admin, first=10, cursor=None, company_id=None, open_only=True
        )
    assert dispute.id in [each.id for each in page.nodes]
