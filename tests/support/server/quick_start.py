"""Runs the program of a quick start: its code blocks, a free port, our processes."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from tests.support.paths import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READY_SECONDS, RUN_SECONDS = 240, 120


@contextmanager
def free_port() -> Iterator[int]:
    """A loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    yield port


@asynccontextmanager
async def run_process(environment: dict[str, str], *arguments: str) -> AsyncIterator[None]:
    """Run a module of ours while the block runs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        child.terminate()
        await child.wait()


async def wait_until_ready(url: str) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


async def run_program(program: Path, variables: dict[str, str]) -> str:
    """Run a program with these variables alone to its end, without an error; return its output."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(program), env=variables,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(RUN_SECONDS):
        output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()
    return output.decode()
