"""The simulator's webhooks: sent until taken, late on demand, never beyond this machine."""

import asyncio

import pytest

from simulators.stripe import Settings
from simulators.stripe.deliveries import retry_seconds
from tests.support.stripe_simulator import Desk, until


async def test_a_refused_or_dropped_delivery_is_sent_again(desk: Desk) -> None:
    desk.inbox.refusals_left = 1
    await desk.authorize()
    await until(lambda: len(desk.inbox.letters) == 1)
    await desk.control("faults", {"drop_first": True})
    await desk.authorize()
    await until(lambda: len(desk.inbox.letters) == 2)
    told = await desk.settled_deliveries()
    assert [(each["attempts"], each["outcome"]) for each in told] == [(2, "delivered")] * 2
    assert [retry_seconds(n) for n in (1, 2, 3, 50)] == [0.5, 1.0, 2.0, 60.0]


async def test_a_late_delivery_comes_late(desk: Desk) -> None:
    await desk.control("faults", {"delay_seconds": [1.0, 1.1]})
    await desk.authorize()
    await asyncio.sleep(0.3)
    assert desk.inbox.letters == []
    await until(lambda: len(desk.inbox.letters) == 1)


def test_it_never_sends_beyond_this_machine() -> None:
    for url in ("http://example.com/hook", "https://127.0.0.1/", "http://127.0.0.1.example.com/"):
        with pytest.raises(ValueError, match="loopback"):
            Settings(webhook_url=url)
    with pytest.raises(ValueError, match="sk_test_"):
        Settings(secret_key="sk_live_1")
