"""The simulator's webhooks: sent until taken, late on demand, never beyond this machine."""

import asyncio

import pytest

from simulators.stripe import SimulatorSettings
from simulators.stripe.deliveries import retry_seconds
from tests.support.stripe_simulator import StripeSandbox, wait_until


async def test_a_refused_or_dropped_delivery_is_sent_again(sandbox: StripeSandbox) -> None:
    sandbox.inbox.refusals_left = 1
    await sandbox.authorize()
    await wait_until(lambda: len(sandbox.inbox.requests) == 1)
    await sandbox.control("faults", {"drop_first": True})
    await sandbox.authorize()
    await wait_until(lambda: len(sandbox.inbox.requests) == 2)
    told = await sandbox.finished_deliveries()
    assert [(each["attempts"], each["outcome"]) for each in told] == [(2, "delivered")] * 2
    assert [retry_seconds(n) for n in (1, 2, 3, 50)] == [0.5, 1.0, 2.0, 60.0]


async def test_a_late_delivery_comes_late(sandbox: StripeSandbox) -> None:
    await sandbox.control("faults", {"delay_seconds": [1.0, 1.1]})
    await sandbox.authorize()
    await asyncio.sleep(0.3)
    assert sandbox.inbox.requests == []
    await wait_until(lambda: len(sandbox.inbox.requests) == 1)


def test_it_never_sends_beyond_this_machine() -> None:
    for url in ("http://example.com/hook", "https://127.0.0.1/", "http://127.0.0.1.example.com/"):
        with pytest.raises(ValueError, match="loopback"):
            SimulatorSettings(webhook_url=url)
    with pytest.raises(ValueError, match="sk_test_"):
        SimulatorSettings(secret_key="sk_live_1")
