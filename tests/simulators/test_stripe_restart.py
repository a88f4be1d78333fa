"""A simulator that is killed goes on where it was: yesterday's payments can still be captured."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from gateways.payments import Intent
from tests.support.paths import ROOT
from tests.support.stripe_simulator import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    Desk,
    Inbox,
    free_port,
    served,
    store_at,
    until,
)


@asynccontextmanager
async def process(port: int, state: Path, webhook: str) -> AsyncIterator[int]:
    """The simulator from its command line; killed without a word at the end."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.stripe", "--port", str(port), "--state", str(state)),
        *("--webhook", webhook, "--secret", WEBHOOK_SECRET, "--key", SECRET_KEY),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/v1/balance")
                    break
                await asyncio.sleep(0.05)
        yield child.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        await child.wait()


async def test_a_killed_simulator_keeps_payments_keys_and_undelivered_events(
    tmp_path: Path,
) -> None:
    inbox, port = Inbox(refusals_left=1_000_000), free_port()
    url, state = f"http://127.0.0.1:{port}", tmp_path / "stripe.db"
    payment_id, order_id = uuid4(), uuid4()

    async def open_again(desk: Desk) -> Intent:
        return await desk.payments.authorize(
            payment_id=payment_id, order_id=order_id, amount_minor=900, currency="HKD"
        )

    async with served(inbox) as hook:
        address = hook + inbox.address
        async with process(port, state, address), store_at(url, inbox, hook) as desk:
            held, asked = await desk.paid(1000), await open_again(desk)
            await until(lambda: inbox.refusals_left < 1_000_000)
        inbox.refusals_left = 0
        async with process(port, state, address), store_at(url, inbox, hook) as desk:
            assert await desk.payments.retrieve(held.id) == held
            assert await open_again(desk) == asked
            await until(lambda: len(inbox.letters) == 3)
            assert (await desk.payments.capture(held.id, 1000, "c")).captured_minor == 1000
