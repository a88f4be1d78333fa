"""Webhooks as the store reads them: signed, twice, late, out of order."""

import time

import pytest

from gateways.payments import BadSignature, IntentState, RefundState
from simulators.stripe.deliveries import signature
from tests.support.stripe_simulator import WEBHOOK_SECRET, Desk, until


async def test_a_signed_event_tells_which_payment_it_is_about(desk: Desk) -> None:
    intent = await desk.paid()
    await until(lambda: len(desk.inbox.letters) == 2)
    events = [desk.payments.read_webhook(*letter) for letter in desk.inbox.letters]
    held = next(e for e in events if e.kind == "payment_intent.amount_capturable_updated")
    assert (held.intent_id, held.payment_id) == (intent.id, intent.payment_id)
    assert held.intent is not None
    assert held.intent.state is IntentState.AUTHORIZED
    assert held.intent.refunded_minor is None
    assert held.occurred_at.tzinfo is not None


async def test_a_refund_is_told_with_the_key_it_was_asked_with(desk: Desk) -> None:
    intent = await desk.paid()
    await desk.payments.capture(intent.id, 1000, "capture")
    await desk.payments.refund(intent.id, 250, "refund-7")
    await until(lambda: "refund.created" in desk.inbox.kinds())
    letter = desk.inbox.letters[desk.inbox.kinds().index("refund.created")]
    event = desk.payments.read_webhook(*letter)
    assert event.intent_id == intent.id
    assert event.refund is not None
    assert (event.refund.key, event.refund.amount_minor, event.refund.state) == (
        "refund-7",
        250,
        RefundState.SUCCEEDED,
    )


async def test_forged_old_or_broken_letters_are_refused(desk: Desk) -> None:
    await desk.authorize()
    await until(lambda: len(desk.inbox.letters) == 1)
    body, signed = desk.inbox.letters[0]
    now = int(time.time())
    bad = [
        (body.replace(b"1000", b"9000"), signed),
        (body, signature(body, "whsec_other", now)),
        (body, signature(body, WEBHOOK_SECRET, now - 301)),
        (body, ""),
        (body, "t=,v1="),
        (body, f"t={now},v1=é"),
        (b"\xff\xfe", signature(b"\xff\xfe", WEBHOOK_SECRET, now)),
        (b"not json", signature(b"not json", WEBHOOK_SECRET, now)),
        (b"[]", signature(b"[]", WEBHOOK_SECRET, now)),
        (b'{"data":{"object":7}}', signature(b'{"data":{"object":7}}', WEBHOOK_SECRET, now)),
    ]
    for letter in bad:
        with pytest.raises(BadSignature):
            desk.payments.read_webhook(*letter)
    late = desk.payments.read_webhook(body, signature(body, WEBHOOK_SECRET, now - 290))
    assert late.kind == "payment_intent.created"


async def test_doubled_and_reordered_events_keep_their_ids(desk: Desk) -> None:
    await desk.control("faults", {"duplicate": True, "reorder": True})
    intent = await desk.authorize(method_ref="pm_card_visa")
    await until(lambda: len(desk.inbox.letters) == 4)
    assert desk.inbox.kinds() == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.amount_capturable_updated",
        "payment_intent.created",
        "payment_intent.created",
    ]
    read = [desk.payments.read_webhook(*letter) for letter in desk.inbox.letters]
    assert len({event.event_id for event in read}) == 2
    # Whatever came last, reading the intent again tells how it stands.
    assert (await desk.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED
