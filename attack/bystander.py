"""Somebody else who uses the server meanwhile: an attack must not shut them out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from attack.target import BYSTANDER, Target, document
from tests.support.server.raw_client import post, raw_connection

PAUSE_SECONDS = 0.1


@dataclass
class Bystander:
    """What the bystander's requests were answered."""

    served: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """How many requests were not served; one if none was sent at all."""
        return len(self.failed) + (not self.served)


async def ask(target: Target, bystander: Bystander) -> None:
    """Send one query on a new connection, and note how it ended."""
    query = post(json.dumps({"query": document("schema_version")}).encode())
    try:
        async with raw_connection(target.port, source=BYSTANDER) as connection:
            await connection.send(query)
            status, body = await connection.response()
    except OSError as error:
        bystander.failed.append(str(error))
        return
    if status == 200 and b'"errors"' not in body:
        bystander.served += 1
    else:
        bystander.failed.append(f"{status} {body[:200]!r}")


@asynccontextmanager
async def bystander_of(target: Target) -> AsyncIterator[Bystander]:
    """Somebody who asks again and again during the block."""
    bystander = Bystander()
    await ask(target, bystander)

    async def go_on() -> None:
        while True:
            await ask(target, bystander)
            await asyncio.sleep(PAUSE_SECONDS)

    asking = asyncio.create_task(go_on())
    try:
        yield bystander
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await ask(target, bystander)
