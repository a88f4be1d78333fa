"""Listeners of committed events, and what a failing one costs the others."""

from collections.abc import Sequence
from datetime import UTC, datetime

from database.announcer import Announcer, EventNotice

NOTICES = [EventNotice("stream", 1, "TYPE", {}, datetime(2026, 1, 1, tzinfo=UTC))]


async def test_every_listener_gets_the_notices_until_it_unsubscribes() -> None:
    announcer = Announcer()
    calls: list[str] = []

    async def fail(notices: Sequence[EventNotice]) -> None:
        calls.append("fail")
        raise ConnectionError

    async def note(notices: Sequence[EventNotice]) -> None:
        assert notices is NOTICES
        calls.append("note")

    await announcer.announce(NOTICES)
    announcer.subscribe(fail)
    announcer.subscribe(note)
    await announcer.announce(NOTICES)
    announcer.unsubscribe(fail)
    await announcer.announce(NOTICES)
    assert calls == ["fail", "note", "note"]
