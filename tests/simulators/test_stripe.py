"""The Stripe simulator keeps to Stripe's protocol where money depends on it."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.payments import IntentState
from simulators.stripe.wire import ApiError, parse_form
from tests.support.stripe_simulator import (
    PUBLISHABLE_KEY,
    SECRET_KEY,
    StripeSandbox,
    open_sandbox,
    wait_until,
)

INTENTS = "/v1/payment_intents"


def new_form(**more: str) -> dict[str, str]:
    return {"amount": "1000", "currency": "hkd", "capture_method": "manual", **more}


async def refusal(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


async def test_a_replay_is_the_first_answer_and_says_so(sandbox: StripeSandbox) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first = await sandbox.store.post(INTENTS, data=new_form(), headers=headers)
    again = await sandbox.store.post(INTENTS, data=new_form(), headers=headers)
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]


async def test_a_decline_is_replayed_but_an_invalid_request_isnt(sandbox: StripeSandbox) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    bad = await sandbox.store.post(INTENTS, data=new_form(currency="xyz"), headers=headers)
    assert bad.status_code == 400
    form = new_form(payment_method="pm_card_chargeDeclined", confirm="true")
    declined = await sandbox.store.post(INTENTS, data=form, headers=headers)
    assert declined.status_code == 402
    again = await sandbox.store.post(INTENTS, data=form, headers=headers)
    assert (again.status_code, again.content) == (402, declined.content)


async def test_a_key_serves_one_request_only(sandbox: StripeSandbox) -> None:
    headers = {"Idempotency-Key": "one"}
    intent = (await sandbox.store.post(INTENTS, data=new_form(), headers=headers)).json()
    other = await sandbox.store.post(INTENTS, data=new_form(amount="999"), headers=headers)
    assert (await refusal(other, 400))["type"] == "idempotency_error"
    elsewhere = await sandbox.store.post(f"{INTENTS}/{intent['id']}/cancel", headers=headers)
    assert (await refusal(elsewhere, 400))["type"] == "idempotency_error"
    await sandbox.control("clock", {"advance_seconds": 24 * 3600 + 1})
    later = await sandbox.store.post(INTENTS, data=new_form(amount="999"), headers=headers)
    assert later.status_code == 200


async def test_fifty_equal_requests_at_once_make_one_intent(sandbox: StripeSandbox) -> None:
    await sandbox.control("faults", {"latency_seconds": [0.05, 0.1]})
    headers = {"Idempotency-Key": "same"}
    answers = await asyncio.gather(
        *(sandbox.store.post(INTENTS, data=new_form(), headers=headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 200}) == 1
    listed = (await sandbox.store.get(INTENTS)).json()
    assert len(listed["data"]) == 1


async def test_captures_of_a_share_of_the_intents_are_refused(sandbox: StripeSandbox) -> None:
    """An intent's id decides, so that a refused capture is refused again."""
    await sandbox.control("faults", {"refuse_captures": 0.5})
    statuses = []
    for _ in range(16):
        intent = await sandbox.authorized_intent()
        path = f"{INTENTS}/{intent.id}/capture"
        statuses.append([(await sandbox.store.post(path)).status_code for _ in range(2)])
    assert [400, 400] in statuses
    assert [200, 400] in statuses


async def test_a_client_may_only_read_and_confirm_its_own_intent(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorize()
    url, key = f"{INTENTS}/{intent.id}", {"key": PUBLISHABLE_KEY}
    right = {**key, "client_secret": intent.client_secret or ""}
    seen = (await sandbox.customer.get(url, params=right)).json()
    assert seen["status"] == "requires_payment_method"
    assert "metadata" not in seen
    assert (await refusal(await sandbox.customer.get(url, params=key), 400))["code"]
    wrong = await sandbox.customer.get(url, params={**key, "client_secret": "guess"})
    assert (await refusal(wrong, 400))["code"] == "payment_intent_invalid_parameter"
    for path in ("capture", "cancel"):
        barred = await sandbox.customer.post(f"{url}/{path}", data=right)
        assert (await refusal(barred, 403))["code"] == "secret_key_required"
    for headers in ({}, {"Authorization": "Bearer sk_test_guess"}, {"Authorization": "Basic !"}):
        await refusal(await sandbox.customer.get(url, headers=headers), 401)
    basic = await sandbox.customer.get(url, auth=(SECRET_KEY, ""))
    assert basic.json()["id"] == intent.id


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (new_form(amount="-5"), "parameter_invalid_integer"),
        (new_form(amount="1e3"), "parameter_invalid_integer"),
        (new_form(amount="399"), "amount_too_small"),
        (new_form(amount="100000000"), "amount_too_large"),
        (new_form(color="red"), "parameter_unknown"),
        ({"currency": "hkd"}, "parameter_missing"),
        (
            new_form(**{"payment_method_types[0]": "card"}),
            "payment_method_types_no_longer_supported",
        ),
        (new_form(payment_method="pm_nobody"), "resource_missing"),
    ],
)
async def test_bad_parameters_have_stripes_codes(
    sandbox: StripeSandbox, form: dict[str, str], code: str
) -> None:
    answer = await sandbox.store.post(INTENTS, data=form)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["code"] == code
    assert (await sandbox.store.get(INTENTS)).json()["data"] == []


async def test_raw_cards_are_never_taken(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorize()
    answer = await sandbox.confirm(
        intent, "", **{"payment_method_data[card][number]": "4242424242424242"}
    )
    assert "generally unsafe" in (await refusal(answer, 400))["message"]


async def test_lists_go_from_the_newest_page_by_page(sandbox: StripeSandbox) -> None:
    made = [(await sandbox.authorize()).id for _ in range(5)]
    first = (await sandbox.store.get(INTENTS, params={"limit": 2})).json()
    assert [row["id"] for row in first["data"]] == [made[4], made[3]]
    assert first["has_more"] is True
    rest = (await sandbox.store.get(INTENTS, params={"limit": 3, "starting_after": made[3]})).json()
    assert [row["id"] for row in rest["data"]] == [made[2], made[1], made[0]]
    assert rest["has_more"] is False
    back = (await sandbox.store.get(INTENTS, params={"limit": 1, "ending_before": made[3]})).json()
    assert [row["id"] for row in back["data"]] == [made[4]]
    await refusal(await sandbox.store.get(INTENTS, params={"limit": 101}), 400)


async def test_events_and_balance_tell_what_happened(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorized_intent(1000)
    await sandbox.payments.capture(intent.id, 900, "capture")
    await sandbox.payments.refund(intent.id, 100, "refund")
    events = (await sandbox.store.get("/v1/events", params={"limit": 20})).json()["data"]
    assert [event["type"] for event in events] == [
        "charge.refunded",
        "refund.created",
        "payment_intent.succeeded",
        "charge.captured",
        "payment_intent.amount_capturable_updated",
        "charge.succeeded",
        "payment_intent.created",
    ]
    assert events[2]["request"]["idempotency_key"] == "capture"
    balance = (await sandbox.store.get("/v1/balance")).json()
    assert balance["available"][0]["amount"] == 800
    charge = events[0]["data"]["object"]
    read = (await sandbox.store.get(f"/v1/charges/{charge['id']}?expand[]=payment_intent")).json()
    assert (read["amount_refunded"], read["payment_intent"]["id"]) == (100, intent.id)


async def test_a_hold_runs_out_by_itself(sandbox: StripeSandbox) -> None:
    intent, captured = await sandbox.authorized_intent(), await sandbox.authorized_intent()
    await sandbox.payments.capture(captured.id, 1000, "capture")
    await sandbox.control("clock", {"advance_seconds": 7 * 24 * 3600 + 1})
    assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.VOIDED
    assert (await sandbox.payments.retrieve(captured.id)).state is IntentState.CAPTURED
    await wait_until(lambda: "payment_intent.canceled" in sandbox.inbox.event_types())
    canceled = sandbox.inbox.events()[sandbox.inbox.event_types().index("payment_intent.canceled")]
    assert canceled["data"]["object"]["cancellation_reason"] == "expired"
    assert "charge.expired" in sandbox.inbox.event_types()


async def test_a_three_d_secure_link_needs_its_token(sandbox: StripeSandbox) -> None:
    intent = await sandbox.authorize()
    await sandbox.confirm(intent, "pm_card_authenticationRequired")
    url = f"/3ds/{intent.id}"
    await refusal(await sandbox.customer.get(url, params={"challenge": "guess"}), 400)
    form = {"challenge": "guess", "answer": "approve"}
    await refusal(await sandbox.customer.post(url, data=form), 400)
    await refusal(await sandbox.customer.post(url, data={"answer": "perhaps"}), 400)
    assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.ACTION_REQUIRED


async def test_control_endpoints_take_the_secret_key_and_sane_values_only(
    sandbox: StripeSandbox,
) -> None:
    assert (await sandbox.customer.post("/_control/reset")).status_code == 401
    key = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
    assert (await sandbox.customer.post("/_control/reset", headers=key)).status_code == 403
    bad: list[tuple[str, bytes]] = [
        ("faults", b"[]"),
        ("faults", b"{"),
        ("faults", b'{"fail_next": -1}'),
        ("faults", b'{"delay_seconds": [5, 1]}'),
        ("faults", b'{"refuse_captures": 2}'),
        ("faults", b'{"meteor": true}'),
        ("clock", b'{"advance_seconds": "a day"}'),
        ("webhook", b'{"url": "http://203.0.113.7/hook"}'),
        ("webhook", b'{"url": "http://127.0.0.1:99999/hook"}'),
    ]
    for room, body in bad:
        answer = await sandbox.store.post(f"/_control/{room}", content=body)
        assert answer.status_code == 400, (room, body)
    await sandbox.authorize()
    emptied = await sandbox.control("reset", None)
    assert emptied["objects"] == {}


async def test_odd_bodies_and_addresses_are_refused_clearly(sandbox: StripeSandbox) -> None:
    for body in (b"\xff\xfe=1", b"a=1&a[b]=2", b"a[b]=2&a=1", b"a]b[=1", b"x=1&" * 600):
        answer = await sandbox.store.post(INTENTS, content=body)
        assert answer.status_code == 400, body
    big = await sandbox.store.post(INTENTS, content=b"a=" + b"1" * 70_000)
    assert big.status_code == 413
    assert "Unrecognized" in (await refusal(await sandbox.store.get("/v1/dragons"), 404))["message"]
    intent = await sandbox.authorize()
    odd = await sandbox.store.get(f"{INTENTS}/{intent.id}", params={"expand[]": "dragons"})
    assert "cannot be expanded" in (await refusal(odd, 400))["message"]


def test_forms_nest_as_stripes_do() -> None:
    body = b"amount=5&metadata[a]=1&metadata[b]=2&expand[]=x&expand[]=y&list[1][z]=w&list[0]=v"
    assert parse_form(body) == {
        "amount": "5",
        "metadata": {"a": "1", "b": "2"},
        "expand": ["x", "y"],
        "list": ["v", {"z": "w"}],
    }
    with pytest.raises(ApiError):
        parse_form(b"a[b][c][d][e][f]=1")


async def test_holds_can_be_made_short() -> None:
    async with open_sandbox(hold_seconds=1) as sandbox:
        intent = await sandbox.authorized_intent()
        await wait_until(lambda: "payment_intent.canceled" in sandbox.inbox.event_types())
        assert (await sandbox.payments.retrieve(intent.id)).state is IntentState.VOIDED
