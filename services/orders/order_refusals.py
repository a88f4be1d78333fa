"""Sentences that say why an action of an order is not legal."""

from collections.abc import Collection

from models.message_text import action_text, duration_text, words_text
from models.orders import OrderAction
from services.orders.stages import REOPEN_SECONDS, OrderProgress, order_stage

REFUSALS = {
    OrderAction.PAY: "No payment is open.",
    OrderAction.CANCEL: "It is too late to cancel.",
    OrderAction.CHANGE: "An order is changed after it is paid and before it is packed.",
    OrderAction.REFUND: "No payment was captured that could be refunded.",
    OrderAction.REOPEN: "Only an order that was paid and handed over in the last"
    f" {duration_text(REOPEN_SECONDS)} is reopened.",
}
"""Why an action with a condition is not legal in a state that allows it otherwise."""


def refusal_text(
    progress: OrderProgress, action: OrderAction, possible: Collection[OrderAction]
) -> str:
    """Why an action is not legal: what it waits for, where the state alone would allow it.

    `possible` are the actions that somebody may take in this state, some under a condition.
    """
    if action is OrderAction.CHANGE and progress.pending_change_id is not None:
        return "Another change waits for its payment: confirm it or withdraw it first."
    stage = words_text(order_stage(progress))
    if action in possible and action in REFUSALS:
        return f"{REFUSALS[action]} The order is {stage}."
    return f"{action_text(action)} is not possible: the order is {stage}."
