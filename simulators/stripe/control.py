"""The control room: faults, the clock, deliveries. Not Stripe's; for tests and demonstrations."""

from dataclasses import asdict
from typing import Any

from simulators.stripe.books import Books, check_webhook_url
from simulators.stripe.charging import expire_holds
from simulators.stripe.faults import Faults, read_faults
from simulators.stripe.wire import ApiError, Body

CLOCK_LIMIT_SECONDS = 400 * 24 * 3600
LISTED_LIMIT_COUNT = 1000


def overview(books: Books, _: Any) -> Body:
    """GET /_control: what the simulator holds and what is set."""
    rows = books.state.db.execute("SELECT kind, count(*) FROM object GROUP BY kind")
    due = books.state.count("SELECT count(*) FROM delivery WHERE due_at IS NOT NULL")
    return {
        "now": books.state.now(),
        "webhook_url": books.webhook_url,
        "faults": asdict(books.faults),
        "objects": {str(kind): int(count) for kind, count in rows},
        "deliveries_waiting": due,
    }


def set_faults(books: Books, body: Any) -> Body:
    """POST /_control/faults: these and no others from now on."""
    books.faults = read_faults(body)
    return overview(books, None)


def set_webhook(books: Books, body: Any) -> Body:
    """POST /_control/webhook: send events there; null stops them."""
    url = body.get("url") if isinstance(body, dict) else ""
    try:
        if url is not None and not isinstance(url, str):
            raise ValueError("The webhook URL is a string or null.")
        check_webhook_url(url)
    except ValueError as error:
        raise ApiError(400, str(error), param="url") from error
    books.webhook_url = url
    books.wake_deliveries()
    return overview(books, None)


def advance_clock(books: Books, body: Any) -> Body:
    """POST /_control/clock: let simulated time pass, and what runs out in it run out."""
    seconds = body.get("advance_seconds") if isinstance(body, dict) else None
    if type(seconds) is not int or not 0 <= seconds <= CLOCK_LIMIT_SECONDS:
        raise ApiError(400, "advance_seconds is a whole number.", param="advance_seconds")
    with books.state.transaction():
        ahead = books.state.setting("clock_ahead_seconds") + seconds
        books.state.set("clock_ahead_seconds", min(ahead, 10 * CLOCK_LIMIT_SECONDS))
        while expire_holds(books):
            pass
    return overview(books, None)


def reset(books: Books, _: Any) -> Body:
    """POST /_control/reset: an empty account with every fault off."""
    books.faults = Faults()
    with books.state.transaction():
        books.state.clear()
    return overview(books, None)


def deliveries(books: Books, _: Any) -> Body:
    """GET /_control/deliveries: the newest webhooks and what became of them."""
    rows = books.state.db.execute(
        "SELECT delivery.seq, event, object.parent, delivery.due_at, attempts, outcome"
        " FROM delivery JOIN object ON object.id = delivery.event"
        " ORDER BY delivery.seq DESC LIMIT ?",
        (LISTED_LIMIT_COUNT,),
    )
    names = ("seq", "event", "type", "due_at", "attempts", "outcome")
    return {"deliveries": [dict(zip(names, row, strict=True)) for row in rows]}
