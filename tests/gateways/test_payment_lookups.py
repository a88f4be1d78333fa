"""What the provider is asked about refunds and disputes, and what counts as an outage."""

from datetime import UTC, datetime, timedelta

import pytest

from gateways.payments import (
    DisputeState,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
    StripePaymentGateway,
    stripe_adapter,
    stripe_responses,
)
from tests.support.stripe_simulator import StripeSandbox


@pytest.mark.parametrize("faults", [{"outage": True}, {"fail_next": 3}])
async def test_errors_of_the_provider_are_outages(
    sandbox: StripeSandbox, faults: dict[str, object]
) -> None:
    intent = await sandbox.authorize()
    await sandbox.control("faults", faults)
    with pytest.raises(PaymentUnavailable):
        await sandbox.payments.retrieve(intent.id)


async def test_a_wrong_api_key_is_an_outage(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    other = StripePaymentGateway(
        secret_key="sk_test_of_another_account",
        webhook_secret="whsec",
        api_base=sandbox.url,
    )
    with pytest.raises(PaymentUnavailable):
        await other.capture(intent.id, 1000, "capture")
    await other.close()


async def test_an_answer_that_can_not_be_read_is_an_outage(
    sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await sandbox.authorize()
    monkeypatch.delitem(stripe_responses.INTENT_STATES, "requires_payment_method")
    with pytest.raises(PaymentUnavailable) as unreadable:
        await sandbox.payments.retrieve(intent.id)
    assert unreadable.value.code == "unreadable_answer"


async def test_refunds_are_read_by_id_and_listed_page_by_page(
    sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_adapter, "PAGE_ROWS", 2)
    intent = await sandbox.authorized_intent()
    await sandbox.payments.capture(intent.id, 1000, "capture")
    made = [await sandbox.payments.refund(intent.id, 10 + n, f"refund-{n}") for n in range(5)]
    assert await sandbox.payments.list_refunds(intent.id) == made[::-1]
    since = datetime.now(UTC) - timedelta(minutes=5)
    first = await sandbox.payments.list_recent_refunds(since)
    assert (first.rows, first.last_id) == (made[:2:-1], made[3].id)
    second = await sandbox.payments.list_recent_refunds(since, first.last_id)
    third = await sandbox.payments.list_recent_refunds(since, second.last_id)
    assert (second.rows, third.rows, third.last_id) == (made[2:0:-1], made[:1], None)
    later = await sandbox.payments.list_recent_refunds(since + timedelta(hours=1))
    assert later.rows == []
    assert await sandbox.payments.retrieve_refund(made[0].id) == made[0]
    with pytest.raises(PaymentNotFound):
        await sandbox.payments.retrieve_refund("re_unknown")


async def test_disputes_are_read_and_listed(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    await sandbox.payments.capture(intent.id, 1000, "capture")
    opened = await sandbox.control("disputes", {"payment_intent": intent.id, "amount": 700})
    dispute = await sandbox.payments.retrieve_dispute(opened["id"])
    assert (dispute.state, dispute.amount_minor, dispute.intent_id) == (
        DisputeState.NEEDS_RESPONSE, 700, intent.id
    )  # fmt: skip
    assert dispute.evidence_due_at is not None
    assert dispute.evidence_due_at > dispute.opened_at
    since = dispute.opened_at - timedelta(minutes=1)
    assert (await sandbox.payments.list_recent_disputes(since)).rows == [dispute]
    assert await sandbox.payments.list_disputes(intent.id) == [dispute]
    with pytest.raises(PaymentRequestInvalid):
        await sandbox.payments.refund(intent.id, 1, "refund-disputed")
