"""The control endpoints for tests and demonstrations, which Stripe does not have."""

from dataclasses import asdict
from typing import Any

from simulators.stripe.account import StripeAccount, check_webhook_url
from simulators.stripe.charging import expire_holds
from simulators.stripe.faults import Faults, read_faults
from simulators.stripe.wire import ApiError, Body

CLOCK_LIMIT_SECONDS = 400 * 24 * 3600
LISTED_LIMIT_COUNT = 1000


def overview(account: StripeAccount, _: Any) -> Body:
    """GET /_control: the number of objects and the current settings."""
    rows = account.state.db.execute("SELECT kind, count(*) FROM object GROUP BY kind")
    due = account.state.count("SELECT count(*) FROM delivery WHERE due_at IS NOT NULL")
    return {
        "now": account.state.now(),
        "webhook_url": account.webhook_url,
        "faults": asdict(account.faults),
        "objects": {str(kind): int(count) for kind, count in rows},
        "deliveries_waiting": due,
    }


def set_faults(account: StripeAccount, body: Any) -> Body:
    """POST /_control/faults: replace the active faults."""
    account.faults = read_faults(body)
    return overview(account, None)


def set_webhook(account: StripeAccount, body: Any) -> Body:
    """POST /_control/webhook: send events there; null stops them."""
    url = body.get("url") if isinstance(body, dict) else ""
    try:
        if url is not None and not isinstance(url, str):
            raise ValueError("The webhook URL is a string or null.")
        check_webhook_url(url)
    except ValueError as error:
        raise ApiError(400, str(error), param="url") from error
    account.webhook_url = url
    account.wake_deliveries()
    return overview(account, None)


def advance_clock(account: StripeAccount, body: Any) -> Body:
    """POST /_control/clock: advance the simulated time and expire holds."""
    seconds = body.get("advance_seconds") if isinstance(body, dict) else None
    if type(seconds) is not int or not 0 <= seconds <= CLOCK_LIMIT_SECONDS:
        raise ApiError(400, "advance_seconds is a whole number.", param="advance_seconds")
    with account.state.transaction():
        ahead = account.state.setting("clock_ahead_seconds") + seconds
        account.state.set("clock_ahead_seconds", min(ahead, 10 * CLOCK_LIMIT_SECONDS))
        while expire_holds(account):
            pass
    return overview(account, None)


def reset(account: StripeAccount, _: Any) -> Body:
    """POST /_control/reset: delete all objects and deactivate all faults."""
    account.faults = Faults()
    with account.state.transaction():
        account.state.clear()
    return overview(account, None)


def deliveries(account: StripeAccount, _: Any) -> Body:
    """GET /_control/deliveries: the newest webhooks and their outcomes."""
    rows = account.state.db.execute(
        "SELECT delivery.seq, event, object.parent, delivery.due_at, attempts, outcome"
        " FROM delivery JOIN object ON object.id = delivery.event"
        " ORDER BY delivery.seq DESC LIMIT ?",
        (LISTED_LIMIT_COUNT,),
    )
    names = ("seq", "event", "type", "due_at", "attempts", "outcome")
    return {"deliveries": [dict(zip(names, row, strict=True)) for row in rows]}
