"""The payments gateway over the real SDK, against the simulator on loopback."""

import asyncio
import socket
import time
from uuid import uuid4

import pytest

from gateways.payments import (
    IntentState,
    PaymentInvalid,
    PaymentRefused,
    PaymentUnavailable,
    PaymentUnknown,
    RefundState,
    StripePayments,
)
from tests.support.stripe_simulator import SECRET_KEY, WEBHOOK_SECRET, Desk


async def test_money_is_held_then_taken_then_sent_back(desk: Desk) -> None:
    payment_id = uuid4()
    intent = await desk.authorize(2550, payment_id=payment_id)
    assert (intent.state, intent.amount_minor, intent.currency) == (
        IntentState.INITIATED,
        2550,
        "HKD",
    )
    assert intent.payment_id == payment_id
    assert (await desk.confirm(intent, "pm_card_visa")).json()["status"] == "requires_capture"
    held = await desk.payments.retrieve(intent.id)
    assert (held.state, held.capturable_minor) == (IntentState.AUTHORIZED, 2550)
    taken = await desk.payments.capture(intent.id, 2550, "capture-1")
    assert (taken.state, taken.captured_minor) == (IntentState.CAPTURED, 2550)
    refund = await desk.payments.refund(intent.id, 550, "refund-1", "requested_by_customer")
    assert (refund.state, refund.amount_minor, refund.key) == (
        RefundState.SUCCEEDED,
        550,
        "refund-1",
    )
    after = await desk.payments.retrieve(intent.id)
    assert (after.captured_minor, after.refunded_minor) == (2550, 550)


async def test_a_smaller_capture_lets_the_rest_go_and_is_no_refund(desk: Desk) -> None:
    intent = await desk.paid(1000)
    taken = await desk.payments.capture(intent.id, 700, "capture")
    assert (taken.captured_minor, taken.capturable_minor, taken.refunded_minor) == (700, 0, 0)
    with pytest.raises(PaymentInvalid) as again:
        await desk.payments.capture(intent.id, 300, "capture-rest")
    assert again.value.code == "payment_intent_unexpected_state"
    assert again.value.intent is not None
    assert again.value.intent.state is IntentState.CAPTURED


async def test_more_than_is_held_cant_be_taken(desk: Desk) -> None:
    intent = await desk.paid(1000)
    with pytest.raises(PaymentInvalid) as refusal:
        await desk.payments.capture(intent.id, 1001, "capture")
    assert refusal.value.code == "amount_too_large"
    assert (await desk.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED


async def test_refunds_never_exceed_what_was_captured(desk: Desk) -> None:
    intent = await desk.paid(1000)
    await desk.payments.capture(intent.id, 800, "capture")
    await desk.payments.refund(intent.id, 500, "refund-1")
    with pytest.raises(PaymentInvalid) as over:
        await desk.payments.refund(intent.id, 301, "refund-2")
    assert over.value.code == "amount_too_large"
    await desk.payments.refund(intent.id, 300, "refund-3")
    with pytest.raises(PaymentInvalid) as done:
        await desk.payments.refund(intent.id, 1, "refund-4")
    assert done.value.code == "charge_already_refunded"
    assert (await desk.payments.retrieve(intent.id)).refunded_minor == 800


async def test_held_money_cant_be_refunded(desk: Desk) -> None:
    intent = await desk.paid()
    with pytest.raises(PaymentInvalid):
        await desk.payments.refund(intent.id, 100, "refund")


async def test_a_declined_card_leaves_the_intent_open_for_another(desk: Desk) -> None:
    intent = await desk.authorize()
    answer = await desk.confirm(intent, "pm_card_chargeDeclinedInsufficientFunds")
    assert answer.status_code == 402
    assert answer.json()["error"]["decline_code"] == "insufficient_funds"
    failed = await desk.payments.retrieve(intent.id)
    assert (failed.state, failed.failure_code) == (IntentState.FAILED, "insufficient_funds")
    assert failed.refunded_minor == 0
    assert (await desk.confirm(intent, "pm_card_mastercard")).status_code == 200
    assert (await desk.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_saved_card_that_declines_refuses_the_payment(
    desk: Desk, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(PaymentRefused) as refusal:
        await desk.authorize(method_ref=card)
    assert (refusal.value.code, refusal.value.decline_code) == (code, decline_code)
    assert refusal.value.intent is not None
    assert refusal.value.intent.state is IntentState.FAILED


async def test_a_saved_card_is_held_at_once(desk: Desk) -> None:
    intent = await desk.authorize(1200, method_ref="pm_card_visa")
    assert (intent.state, intent.capturable_minor) == (IntentState.AUTHORIZED, 1200)


@pytest.mark.parametrize(
    ("said", "state"), [("approve", IntentState.AUTHORIZED), ("deny", IntentState.FAILED)]
)
async def test_the_bank_asks_for_proof(desk: Desk, said: str, state: IntentState) -> None:
    intent = await desk.authorize()
    answer = await desk.confirm(
        intent, "pm_card_threeDSecure2Required", return_url="https://shop.example/paid?o=1"
    )
    assert answer.json()["status"] == "requires_action"
    waiting = await desk.payments.retrieve(intent.id)
    assert waiting.state is IntentState.ACTION_REQUIRED
    assert waiting.next_action_url is not None
    page = await desk.customer.get(waiting.next_action_url)
    assert page.status_code == 200
    assert 'value="approve"' in page.text
    token = waiting.next_action_url.rpartition("=")[2]
    form = {"challenge": token, "answer": said}
    back = await desk.customer.post(f"/3ds/{intent.id}", data=form)
    assert back.status_code == 303
    assert back.headers["location"].startswith("https://shop.example/paid?o=1&payment_intent=pi_")
    assert (await desk.payments.retrieve(intent.id)).state is state
    again = await desk.customer.post(f"/3ds/{intent.id}", data=form)
    assert again.status_code == 200
    assert (await desk.payments.retrieve(intent.id)).state is state


async def test_a_canceled_hold_is_void_and_stays_void(desk: Desk) -> None:
    intent = await desk.paid()
    void = await desk.payments.cancel(intent.id, "abandoned", "cancel")
    assert (void.state, void.capturable_minor, void.refunded_minor) == (IntentState.VOIDED, 0, 0)
    assert await desk.payments.cancel(intent.id, "abandoned", "cancel") == void
    with pytest.raises(PaymentInvalid) as twice:
        await desk.payments.cancel(intent.id, "abandoned", "another key")
    assert twice.value.intent is not None
    assert twice.value.intent.state is IntentState.VOIDED
    with pytest.raises(PaymentInvalid):
        await desk.payments.capture(intent.id, 1000, "capture")


async def test_the_same_payment_is_opened_once(desk: Desk) -> None:
    payment_id, order_id = uuid4(), uuid4()

    async def open_it(amount_minor: int) -> str:
        intent = await desk.payments.authorize(
            payment_id=payment_id, order_id=order_id, amount_minor=amount_minor, currency="HKD"
        )
        return intent.id

    first = await open_it(900)
    assert await open_it(900) == first
    with pytest.raises(PaymentInvalid) as other:
        await open_it(901)
    assert other.value.code == "idempotency_error"


async def test_an_answer_lost_on_the_way_is_no_second_refund(desk: Desk) -> None:
    intent = await desk.paid()
    await desk.payments.capture(intent.id, 1000, "capture")
    await desk.control("faults", {"lose_answers": 1})
    refund = await desk.payments.refund(intent.id, 400, "refund")  # The SDK asks again by itself.
    assert refund.amount_minor == 400
    assert (await desk.payments.retrieve(intent.id)).refunded_minor == 400


async def test_one_failure_of_the_provider_is_asked_again(desk: Desk) -> None:
    await desk.control("faults", {"fail_next": 1})
    assert (await desk.authorize()).state is IntentState.INITIATED


async def test_a_provider_that_keeps_failing_is_unavailable(desk: Desk) -> None:
    await desk.control("faults", {"fail_next": 3})
    with pytest.raises(PaymentUnavailable):
        await desk.authorize()


async def test_a_key_still_in_flight_is_unavailable(desk: Desk) -> None:
    intent = await desk.paid()
    await desk.control("faults", {"latency_seconds": [2.5, 2.5]})
    first = asyncio.create_task(desk.payments.capture(intent.id, 1000, "capture"))
    await asyncio.sleep(0.3)
    with pytest.raises(PaymentUnavailable) as busy:
        await desk.payments.capture(intent.id, 1000, "capture")
    assert busy.value.code == "idempotency_key_in_use"
    assert (await first).captured_minor == 1000


async def test_what_the_provider_doesnt_have_is_unknown(desk: Desk) -> None:
    with pytest.raises(PaymentUnknown):
        await desk.payments.retrieve("pi_nobody")
    with pytest.raises(PaymentUnknown):
        await desk.authorize(customer_ref="cus_nobody")
    with pytest.raises(PaymentUnknown):
        await desk.authorize(method_ref="pm_nobody")


async def test_an_amount_below_the_least_is_invalid(desk: Desk) -> None:
    with pytest.raises(PaymentInvalid) as small:
        await desk.authorize(1)
    assert small.value.code == "amount_too_small"


async def test_nobody_listening_is_unavailable_in_bounded_time() -> None:
    with socket.socket() as taken:  # Bound but not listening: connections are refused.
        taken.bind(("127.0.0.1", 0))
        payments = StripePayments(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=f"http://127.0.0.1:{taken.getsockname()[1]}",
        )
        start = time.monotonic()
        with pytest.raises(PaymentUnavailable):
            await payments.retrieve("pi_1")
        assert time.monotonic() - start < 6
        await payments.close()


async def test_silence_is_unavailable_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        payments = StripePayments(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=f"http://127.0.0.1:{silent.getsockname()[1]}",
            call_timeout_seconds=0.5,
        )
        start = time.monotonic()
        with pytest.raises(PaymentUnavailable):
            await payments.retrieve("pi_1")
        assert time.monotonic() - start < 2
        await payments.close()


async def test_a_wrong_key_is_unavailable_not_declined(desk: Desk) -> None:
    payments = StripePayments(
        secret_key="sk_test_other", webhook_secret=WEBHOOK_SECRET, api_base=desk.url
    )
    with pytest.raises(PaymentUnavailable):
        await payments.retrieve("pi_1")
    await payments.close()
