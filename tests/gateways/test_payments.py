"""The Stripe gateway with the real SDK, against the simulator on loopback."""

import asyncio
import socket
from uuid import uuid4

import pytest

from gateways.payments import (
    IntentState,
    PaymentDeclined,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
    RefundState,
    StripePaymentGateway,
)
from tests.support.stripe_simulator import SECRET_KEY, WEBHOOK_SECRET, StripeSandbox


async def test_a_payment_is_authorized_captured_and_refunded(sandbox: StripeSandbox) -> None:
    payment_id = uuid4()
    intent = await sandbox.authorize(2550, payment_id=payment_id)
    assert (intent.state, intent.amount_minor, intent.currency) == (
        IntentState.INITIATED,
        2550,
        "HKD",
    )
    assert intent.payment_id == payment_id
    assert (await sandbox.confirm(intent, "pm_card_visa")).json()["status"] == "requires_capture"
    authorized = await sandbox.payments.retrieve(intent.id)
    assert (authorized.state, authorized.capturable_minor) == (IntentState.AUTHORIZED, 2550)
    captured = await sandbox.payments.capture(intent.id, 2550, "capture-1")
    assert (captured.state, captured.captured_amount_minor) == (IntentState.CAPTURED, 2550)
    refund = await sandbox.payments.refund(intent.id, 550, "refund-1", "requested_by_customer")
    assert (refund.state, refund.amount_minor, refund.key) == (
        RefundState.SUCCEEDED,
        550,
        "refund-1",
    )
    after = await sandbox.payments.retrieve(intent.id)
    assert (after.captured_amount_minor, after.refunded_amount_minor) == (2550, 550)


async def test_a_partial_capture_releases_the_rest_without_a_refund(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent(1000)
    captured = await sandbox.payments.capture(intent.id, 700, "capture")
    assert (
        captured.captured_amount_minor,
        captured.capturable_minor,
        captured.refunded_amount_minor,
    ) == (
        700,
        0,
        0,
    )
    with pytest.raises(PaymentRequestInvalid) as again:
        await sandbox.payments.capture(intent.id, 300, "capture-rest")
    assert again.value.code == "payment_intent_unexpected_state"
    assert again.value.intent is not None
    assert again.value.intent.state is IntentState.CAPTURED


async def test_more_than_the_authorized_amount_can_not_be_captured(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent(1000)
    with pytest.raises(PaymentRequestInvalid) as error:
        await sandbox.payments.capture(intent.id, 1001, "capture")
    assert error.value.code == "amount_too_large"
    assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED


async def test_refunds_can_not_exceed_the_captured_amount(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent(1000)
    await sandbox.payments.capture(intent.id, 800, "capture")
    await sandbox.payments.refund(intent.id, 500, "refund-1")
    with pytest.raises(PaymentRequestInvalid) as over:
        await sandbox.payments.refund(intent.id, 301, "refund-2")
    assert over.value.code == "amount_too_large"
    await sandbox.payments.refund(intent.id, 300, "refund-3")
    with pytest.raises(PaymentRequestInvalid) as done:
        await sandbox.payments.refund(intent.id, 1, "refund-4")
    assert done.value.code == "charge_already_refunded"
    assert (await sandbox.payments.retrieve(intent.id)).refunded_amount_minor == 800


async def test_an_authorized_amount_can_not_be_refunded(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    with pytest.raises(PaymentRequestInvalid):
        await sandbox.payments.refund(intent.id, 100, "refund")


async def test_an_intent_can_be_confirmed_with_another_card_after_a_decline(
    sandbox: StripeSandbox,
) -> None:
    intent = await sandbox.authorize()
    answer = await sandbox.confirm(intent, "pm_card_chargeDeclinedInsufficientFunds")
    assert answer.status_code == 402
    assert answer.json()["error"]["decline_code"] == "insufficient_funds"
    failed = await sandbox.payments.retrieve(intent.id)
    assert (failed.state, failed.failure_code) == (IntentState.FAILED, "insufficient_funds")
    assert failed.refunded_amount_minor == 0
    assert (await sandbox.confirm(intent, "pm_card_mastercard")).status_code == 200
    assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.AUTHORIZED


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_declined_saved_card_raises_payment_declined(
    sandbox: StripeSandbox, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(PaymentDeclined) as error:
        await sandbox.authorize(method_ref=card)
    assert (error.value.code, error.value.decline_code) == (code, decline_code)
    assert error.value.intent is not None
    assert error.value.intent.state is IntentState.FAILED


async def test_a_saved_card_is_authorized_at_once(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorize(1200, method_ref="pm_card_visa")
    assert (intent.state, intent.capturable_minor) == (IntentState.AUTHORIZED, 1200)


@pytest.mark.parametrize(
    ("decision", "state"), [("approve", IntentState.AUTHORIZED), ("deny", IntentState.FAILED)]
)
async def test_a_card_can_require_3d_secure(
    sandbox: StripeSandbox, decision: str, state: IntentState
) -> None:
    intent = await sandbox.authorize()
    answer = await sandbox.confirm(
        intent, "pm_card_threeDSecure2Required", return_url="https://shop.example/paid?o=1"
    )
    assert answer.json()["status"] == "requires_action"
    waiting = await sandbox.payments.retrieve(intent.id)
    assert waiting.state is IntentState.ACTION_REQUIRED
    assert waiting.next_action_url is not None
    page = await sandbox.customer.get(waiting.next_action_url)
    assert page.status_code == 200
    assert 'value="approve"' in page.text
    token = waiting.next_action_url.rpartition("=")[2]
    form = {"challenge": token, "answer": decision}
    back = await sandbox.customer.post(f"/3ds/{intent.id}", data=form)
    assert back.status_code == 303
    assert back.headers["location"].startswith("https://shop.example/paid?o=1&payment_intent=pi_")
    assert (await sandbox.payments.retrieve(intent.id)).state is state
    again = await sandbox.customer.post(f"/3ds/{intent.id}", data=form)
    assert again.status_code == 200
    assert (await sandbox.payments.retrieve(intent.id)).state is state


async def test_a_canceled_authorization_stays_voided(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    void = await sandbox.payments.cancel(intent.id, "abandoned", "cancel")
    assert (void.state, void.capturable_minor, void.refunded_amount_minor) == (
        IntentState.VOIDED,
        0,
        0,
    )
    assert await sandbox.payments.cancel(intent.id, "abandoned", "cancel") == void
    with pytest.raises(PaymentRequestInvalid) as twice:
        await sandbox.payments.cancel(intent.id, "abandoned", "another key")
    assert twice.value.intent is not None
    assert twice.value.intent.state is IntentState.VOIDED
    with pytest.raises(PaymentRequestInvalid):
        await sandbox.payments.capture(intent.id, 1000, "capture")


async def test_one_payment_creates_one_intent(sandbox: StripeSandbox) -> None:
    payment_id, order_id = uuid4(), uuid4()

    async def open_it(amount_minor: int) -> str:
        intent = await sandbox.payments.authorize(
            payment_id=payment_id, order_id=order_id, amount_minor=amount_minor, currency="HKD"
        )
        return intent.id

    first = await open_it(900)
    assert await open_it(900) == first
    with pytest.raises(PaymentRequestInvalid) as other:
        await open_it(901)
    assert other.value.code == "idempotency_error"


async def test_a_lost_response_causes_no_second_refund(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    await sandbox.payments.capture(intent.id, 1000, "capture")
    await sandbox.control("faults", {"lose_answers": 1})
    refund = await sandbox.payments.refund(intent.id, 400, "refund")  # The SDK retries.
    assert refund.amount_minor == 400
    assert (await sandbox.payments.retrieve(intent.id)).refunded_amount_minor == 400


async def test_a_single_provider_error_is_retried(sandbox: StripeSandbox) -> None:
    await sandbox.control("faults", {"fail_next": 1})
    assert (await sandbox.authorize()).state is IntentState.INITIATED


async def test_a_provider_that_keeps_failing_is_unavailable(sandbox: StripeSandbox) -> None:
    await sandbox.control("faults", {"fail_next": 3})
    with pytest.raises(PaymentUnavailable):
        await sandbox.authorize()


async def test_a_key_still_in_flight_is_unavailable(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent()
    await sandbox.control("faults", {"latency_seconds": [2.5, 2.5]})
    first = asyncio.create_task(sandbox.payments.capture(intent.id, 1000, "capture"))
    await asyncio.sleep(0.3)
    with pytest.raises(PaymentUnavailable) as busy:
        await sandbox.payments.capture(intent.id, 1000, "capture")
    assert busy.value.code == "idempotency_key_in_use"
    assert (await first).captured_amount_minor == 1000


async def test_unknown_objects_raise_payment_not_found(sandbox: StripeSandbox) -> None:
    with pytest.raises(PaymentNotFound):
        await sandbox.payments.retrieve("pi_nobody")
    with pytest.raises(PaymentNotFound):
        await sandbox.authorize(customer_ref="cus_nobody")
    with pytest.raises(PaymentNotFound):
        await sandbox.authorize(method_ref="pm_nobody")


async def test_an_amount_below_the_minimum_is_invalid(sandbox: StripeSandbox) -> None:
    with pytest.raises(PaymentRequestInvalid) as small:
        await sandbox.authorize(1)
    assert small.value.code == "amount_too_small"


async def test_a_refused_connection_is_unavailable() -> None:
    with socket.socket() as bound:  # Bound but not listening: connections are refused.
        bound.bind(("127.0.0.1", 0))
        payments = StripePaymentGateway(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=f"http://127.0.0.1:{bound.getsockname()[1]}",
        )
        with pytest.raises(PaymentUnavailable):
            await payments.retrieve("pi_1")
        await payments.close()


async def test_a_missing_response_is_unavailable_after_the_call_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        payments = StripePaymentGateway(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=f"http://127.0.0.1:{silent.getsockname()[1]}",
            call_timeout_seconds=0.5,
        )
        with pytest.raises(PaymentUnavailable):
            await payments.retrieve("pi_1")
        await payments.close()


async def test_a_wrong_key_is_unavailable_not_declined(sandbox: StripeSandbox) -> None:
    payments = StripePaymentGateway(
        secret_key="sk_test_other", webhook_secret=WEBHOOK_SECRET, api_base=sandbox.url
    )
    with pytest.raises(PaymentUnavailable):
        await payments.retrieve("pi_1")
    await payments.close()
