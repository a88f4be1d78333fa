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
import pytest

from gateways.payments import PaymentIntent
from tests.support.paths import ROOT
from tests.support.stripe_simulator import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    StripeSandbox,
    WebhookInbox,
    connect_sandbox,
    free_port,
    serve,
    wait_until,
)


@asynccontextmanager
async def process(port: int, state: Path, webhook: str) -> AsyncIterator[int]:
    """The simulator from its command line; killed without a word at the end."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.stripe", "--port", str(port), "--state", str(state)),
        *("--webhook", webhook, "--secret", WEBHOOK_SECRET, "--key", SECRET_KEY),
        cwd=ROOT,
        env={**os.environ, "DARKSTORE_ENV": "development"},
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


@pytest.mark.processes
async def test_a_killed_simulator_keeps_payments_keys_and_undelivered_events(
    tmp_path: Path,
) -> None:
    inbox, port = WebhookInbox(refusals_left=1_000_000), free_port()
    url, state = f"http://127.0.0.1:{port}", tmp_path / "stripe.db"
    payment_id, order_id = uuid4(), uuid4()

    async def open_again(sandbox: StripeSandbox) -> PaymentIntent:
        return await sandbox.payments.authorize(
            payment_id=payment_id, order_id=order_id, amount_minor=900, currency="HKD"
        )

    async with serve(inbox) as hook:
        address = hook + inbox.address
        async with process(port, state, address), connect_sandbox(url, inbox, hook) as sandbox:
            held, asked = await sandbox.authorized_intent(1000), await open_again(sandbox)
            await wait_until(lambda: inbox.refusals_left < 1_000_000)
        inbox.refusals_left = 0
        async with process(port, state, address), connect_sandbox(url, inbox, hook) as sandbox:
            assert await sandbox.payments.retrieve(held.id) == held
            assert await open_again(sandbox) == asked
            await wait_until(lambda: len(inbox.requests) == 3)
            assert (
                await sandbox.payments.capture(held.id, 1000, "c")
            ).captured_amount_minor == 1000
