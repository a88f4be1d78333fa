"""Payment webhooks: signatures, duplicates, late and reordered events."""

import time

import pytest

from gateways.payments import IntentState, InvalidSignature, RefundState
from simulators.stripe.deliveries import signature
from tests.support.stripe_simulator import WEBHOOK_SECRET, StripeSandbox, wait_until


async def test_a_signed_event_names_its_payment(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    await wait_until(lambda: len(sandbox.inbox.requests) == 2)
    events = [sandbox.payments.read_webhook(*message) for message in sandbox.inbox.requests]
    authorized = next(e for e in events if e.type == "payment_intent.amount_capturable_updated")
    assert (authorized.intent_id, authorized.payment_id) == (intent.id, intent.payment_id)
    assert authorized.intent is not None
    assert authorized.intent.state is IntentState.AUTHORIZED
    assert authorized.intent.refunded_amount_minor is None
    assert authorized.occurred_at.tzinfo is not None


async def test_a_refund_event_contains_the_idempotency_key(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    await sandbox.payments.capture(intent.id, 1000, "capture")
    await sandbox.payments.refund(intent.id, 250, "refund-7")
    await wait_until(lambda: "refund.created" in sandbox.inbox.event_types())
    message = sandbox.inbox.requests[sandbox.inbox.event_types().index("refund.created")]
    event = sandbox.payments.read_webhook(*message)
    assert event.intent_id == intent.id
    assert event.refund is not None
    assert (event.refund.key, event.refund.amount_minor, event.refund.state) == (
        "refund-7",
        250,
        RefundState.SUCCEEDED,
    )


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"data":{"object":7}}', b"{}"])
def test_a_signed_message_that_can_not_be_read_is_an_event_without_ids(
    sandbox: StripeSandbox, body: bytes
) -> None:
    """A refusal would let the provider send the same message for days."""
    event = sandbox.payments.read_webhook(body, signature(body, WEBHOOK_SECRET, int(time.time())))
    assert event.unreadable is not None
    assert event.event_id.startswith("unreadable-")
    assert (event.intent_id, event.intent, event.refund, event.dispute_id) == (None,) * 4


async def test_a_message_about_an_object_of_another_form_still_names_its_intent(
    sandbox: StripeSandbox,
) -> None:
    """An intent without a client secret, with a status that this version does not know."""
    await sandbox.authorize()
    await wait_until(lambda: len(sandbox.inbox.requests) == 1)
    body = sandbox.inbox.requests[0][0]
    changed = body.replace(b"requires_payment_method", b"requires_something_new")
    now = int(time.time())
    event = sandbox.payments.read_webhook(changed, signature(changed, WEBHOOK_SECRET, now))
    assert event.intent is None
    assert event.unreadable is not None
    assert (event.intent_id or "").startswith("pi_")


async def test_forged_or_old_messages_are_refused(sandbox: StripeSandbox) -> None:
    await sandbox.authorize()
    await wait_until(lambda: len(sandbox.inbox.requests) == 1)
    body, signed = sandbox.inbox.requests[0]
    now = int(time.time())
    bad = [
        (body.replace(b"1000", b"9000"), signed),
        (body, signature(body, "whsec_other", now)),
        (body, signature(body, WEBHOOK_SECRET, now - 301)),
        (body, ""),
        (body, "t=,v1="),
        (body, f"t={now},v1=é"),
        (b"\xff\xfe", signature(b"\xff\xfe", WEBHOOK_SECRET, now)),
    ]
    for message in bad:
        with pytest.raises(InvalidSignature):
            sandbox.payments.read_webhook(*message)
    late = sandbox.payments.read_webhook(body, signature(body, WEBHOOK_SECRET, now - 290))
    assert late.type == "payment_intent.created"


async def test_duplicate_and_reordered_events_keep_their_ids(sandbox: StripeSandbox) -> None:
    await sandbox.control("faults", {"duplicate": True, "reorder": True})
    intent = await sandbox.authorize(method_ref="pm_card_visa")
    await wait_until(lambda: len(sandbox.inbox.requests) == 4)
    assert sandbox.inbox.event_types() == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.amount_capturable_updated",
        "payment_intent.created",
        "payment_intent.created",
    ]
    parsed = [sandbox.payments.read_webhook(*message) for message in sandbox.inbox.requests]
    assert len({event.event_id for event in parsed}) == 2
    # Retrieving the intent gives the current state, whatever event came last.
    assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED
