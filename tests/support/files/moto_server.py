"""A server with the API of S3 in a process of its own, and a gateway to a bucket on it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateways.objects import S3Objects, S3Settings
from tests.support.stripe_simulator import free_port

BUCKET = "darkstore-files"
REGION = "eu-west-1"
START_SECONDS = 60.0


@dataclass
class BucketServer:
    """The server; it can be stopped, as in an outage."""

    url: str
    process: asyncio.subprocess.Process

    def gateway(self) -> S3Objects:
        settings = S3Settings(
            bucket=BUCKET,
            region=REGION,
            access_key="key-of-tests",
            secret_key="secret-of-tests",
            endpoint=self.url,
        )
        return S3Objects(settings)

    async def stop(self) -> None:
        """End the process that this server runs in."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def bucket_server() -> AsyncIterator[BucketServer]:
    """Run the server with an empty bucket for the block."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    server = BucketServer(f"http://127.0.0.1:{port}", process)
    try:
        await _make_bucket(server)
        yield server
    finally:
        await server.stop()


async def _make_bucket(server: BucketServer) -> None:
    body = (
        "<CreateBucketConfiguration>"
        f"<LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    )
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/s3/aws4_request"}
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(timeout=10) as client:
        while True:
            try:
                url = f"{server.url}/{BUCKET}"
                (await client.put(url, content=body, headers=headers)).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
