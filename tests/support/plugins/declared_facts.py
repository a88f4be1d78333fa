"""Each event of an order that tests record has declared readers for its reason and its amount."""

from typing import Any

import pytest

from database.write_session import append_event
from models.events import OrderEventKind
from services.orders.event_facts import AMOUNTS, REASONS, event_amount, event_reason


def require_readers(type: str, body: dict[str, Any]) -> None:
    """Raise AssertionError for a reason or an amount without an entry in the tables."""
    table = "services/orders/event_facts.py"
    if event_reason(body) is not None:
        assert OrderEventKind(type) in REASONS, f"who reads the reason of {type}? Add it to {table}"
    if event_amount(body) is not None:
        assert OrderEventKind(type) in AMOUNTS, f"who reads the amount of {type}? Add it to {table}"


@pytest.fixture(autouse=True)
def declared_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the events of orders as they are recorded."""

    def append_declared(
        session: Any, stream: str, type: str, body: dict[str, Any], *rest: Any
    ) -> None:
        if stream.startswith("order:"):
            require_readers(type, body)
        append_event(session, stream, type, body, *rest)

    monkeypatch.setattr("services.events.event_log.append_event", append_declared)
