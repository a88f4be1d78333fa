"""The serve command: it stops at a signal, having closed what it has opened."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
import uvicorn

from server.commands.serve import StopSignals
from tests.server.test_settings import DEVELOPMENT
from tests.support.paths import ROOT
from tests.support.waiting import until

READY_SECONDS = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


async def serve(port: int, database_url: str, folder: Path) -> asyncio.subprocess.Process:
    """Start the command in a process of its own."""
    settings = {
        **DEVELOPMENT,
        "DATABASE_URL": database_url,
        "DARKSTORE_KEYS_FILE": str(folder / "keys.json"),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "serve", "--port", str(port),
        cwd=ROOT, env={**os.environ, **settings}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def wait_ready(port: int) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                response = await client.get(f"http://127.0.0.1:{port}/readyz")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            assert response.status_code == 200
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_with_status_0(
    number: signal.Signals, database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    process = await serve(port, database_url, tmp_path)
    await wait_ready(port)
    process.send_signal(number)
    _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    assert b"Traceback" not in log


async def test_a_port_in_use_is_an_error(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = await serve(listening.getsockname()[1], database_url, tmp_path)
        _, log = await process.communicate()
    assert process.returncode
    assert b"address already in use" in log.lower()


async def test_a_signal_before_the_server_starts_stops_it_when_it_has_started() -> None:
    signals, server = StopSignals(), uvicorn.Server(uvicorn.Config("none"))
    with signals.captured():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        signals.forward_to(server)
    assert server.should_exit


async def test_a_second_signal_ends_the_waiting_for_connections() -> None:
    signals, server = StopSignals(), uvicorn.Server(uvicorn.Config("none"))
    with signals.captured():
        signals.forward_to(server)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            await until(lambda: server.should_exit, what="the signal arrives")
            await asyncio.sleep(0.05)
    assert server.force_exit
