"""The connection over which processes hear of events: a silent one is noticed and replaced."""

from typing import Any

import pytest

from subscriptions.engine import broadcaster as module
from subscriptions.engine.broadcaster import Broadcaster
from tests.support.stripe_simulator import wait_until


async def test_a_subscription_that_is_silent_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection lives and nothing comes: no task ends, so only a probe can notice."""
    monkeypatch.setattr(module, "PROBE_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(module, "PROBE_TIMEOUT_SECONDS", 0.2)
    messages: list[str] = []
    losses: list[int] = []
    broadcaster = Broadcaster("memory://", messages.append, lambda: losses.append(1))
    await broadcaster.start()
    try:
        await wait_until(lambda: broadcaster.connected)
        silent: Any = broadcaster._broadcast

        async def lose(channel: str, message: str) -> None:
            """Take a message that no subscriber gets."""

        silent._backend.publish = lose
        known = len(losses)
        await wait_until(lambda: broadcaster.connected and broadcaster._broadcast is not silent)
        assert len(losses) > known, "what was missed meanwhile is read from the log"
        broadcaster.send("stream", "after the silence")
        await wait_until(lambda: bool(messages))
        assert messages == ["after the silence"], "a probe is no message"
        assert broadcaster.restart_count == 1
    finally:
        await broadcaster.close()


async def test_a_subscription_that_delivers_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_EVERY_SECONDS", 0.001)
    broadcaster = Broadcaster("memory://", lambda _: None, lambda: None)
    await broadcaster.start()
    try:
        await wait_until(lambda: broadcaster.connected)
        first: Any = broadcaster._broadcast
        probes: list[str] = []
        publish = first._backend.publish

        async def count(channel: str, message: str) -> None:
            probes.append(channel)
            await publish(channel, message)

        first._backend.publish = count
        await wait_until(lambda: len(probes) > 5)
        assert broadcaster._broadcast is first
    finally:
        await broadcaster.close()
