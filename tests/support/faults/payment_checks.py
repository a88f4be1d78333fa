"""Compares the payments and refunds of each order with those of the provider."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.ids import decode_id
from models.orders import Order
from tests.support.faults.run_records import OrderRecord, RunRecords
from tests.support.faults.shoppers import ShoppingLog

SERVED = frozenset({"CONFIRMED", "COMPLETED"})
SECURED = frozenset({"AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"})


def check_payments(records: RunRecords, log: ShoppingLog) -> Iterable[str]:
    """A sentence for every payment that is lost, made twice or not made, and every other refund."""
    canceled = log.canceled_by_support | {
        decode_id(Order, order_id)
        for checkout in log.checkouts
        if checkout.canceled
        for order_id in checkout.order_ids
    }
    for intent in records.strays:
        yield f"payment without an order: {intent}"
    for order in records.orders.values():
        yield from _check_attempts(records, order)
        yield from _check_refunds(records, order, log)
        yield from _check_end(order)
        by_somebody = order.id in canceled or order.cancel_reason == "PAYMENT_LOST"
        if order.status == "CANCELED" and not by_somebody:
            yield f"canceled by nobody: {order}"


def _check_attempts(records: RunRecords, order: OrderRecord) -> Iterable[str]:
    """Of all attempts of an order one takes money, and it is the one that the order knows."""
    payments = {str(payment["id"]): payment for payment in order.payments}
    paid, live_count = 0, 0
    for intent in order.intents:
        payment = payments[intent["metadata"]["payment_id"]]
        given_back = sum(one["amount"] for one in _sent(records, intent))
        kept = intent["amount_received"] - given_back
        live = intent["status"] == "requires_capture" or kept > 0
        live_count += live
        paid += kept if intent["status"] == "succeeded" else intent["amount_capturable"]
        if payment["intent_id"] not in (None, intent["id"]):
            yield f"payment with two intents: {_of(order, intent)}"
        if payment["captured_amount_minor"] != intent["amount_received"]:
            yield f"other captured amount: {_of(order, intent)}"
        if payment["refunded_amount_minor"] != given_back:
            yield (
                f"refunds differ: {payment['refunded_amount_minor']}, {given_back}:"
                f" {_of(order, intent)}"
            )
        if live and not payment["is_current"]:
            yield f"charged for a replaced attempt: {_of(order, intent)}"
    if live_count > 1:
        yield f"charged twice: {order}"
    if order.status not in SERVED and paid > order.cancellation_fee_minor:
        yield f"paid and lost: {order}, {paid} minor units"


def _check_refunds(records: RunRecords, order: OrderRecord, log: ShoppingLog) -> Iterable[str]:
    """Each refund was requested once by somebody, and made once by the provider."""
    made = [one["metadata"].get("key") or one["id"] for intent in order.intents
            for one in _sent(records, intent)]  # fmt: skip
    if len(made) != len(order.refunds):
        yield f"refunds differ: {len(made)} made, {len(order.refunds)} requested: {order}"
    by_agent = sum(refund["reason"] == "GOODWILL" for refund in order.refunds)
    if by_agent != log.refunds[order.id]:
        yield f"refunds differ: {by_agent} requested, {log.refunds[order.id]} wanted: {order}"


def _check_end(order: OrderRecord) -> Iterable[str]:
    """What is served is paid, unless support has a case; a reopened payment has an end."""
    status = order.current["status"]
    if order.status == "COMPLETED" and not order.has_case:
        captured = order.current["captured_amount_minor"]
        if captured != order.final_total_minor:
            yield f"handed over unpaid: {captured} of {order.final_total_minor}: {order}"
    if order.status in SERVED and status not in SECURED and not order.has_case:
        yield f"voided and served: {status}, {order}"
    if order.reopened and order.status not in SERVED and order.status != "CANCELED":
        yield f"reopened and neither served nor canceled: {order}"


def _sent(records: RunRecords, intent: Mapping[str, Any]) -> list[dict[str, Any]]:
    refunds = records.refunds_by_intent.get(intent["id"], ())
    return [one for one in refunds if one["status"] == "succeeded"]


def _of(order: OrderRecord, intent: Mapping[str, Any]) -> str:
    return f"intent {intent['id']} is {intent['status']}: {order}"
