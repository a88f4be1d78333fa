"""Probes of an orchestrator: is the process alive, is it ready for traffic."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from database.scope import NOBODY
from database.sessions import Database
from server.transport.connections import LiveConnections

READY_SECONDS = 2.0
KEPT_SECONDS = 1.0


def probe_routes(database: Database, connections: LiveConnections) -> list[Route]:
    """`/healthz`: 200 as long as the process answers at all.

    `/readyz`: 200 while the database answers and the server is not about to stop, 503 otherwise.
    """

    async def alive(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    probe = DatabaseProbe(database)

    async def ready(request: Request) -> JSONResponse:
        if connections.draining:
            return JSONResponse({"status": "draining"}, 503)
        if not await probe.answers():
            return JSONResponse({"status": "database unreachable"}, 503)
        return JSONResponse({"status": "ready"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


class DatabaseProbe:
    """Asks the database at most once in KEPT_SECONDS, however many ask whether it answers."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._asked: tuple[float, asyncio.Task[bool]] | None = None

    async def answers(self) -> bool:
        """Return whether the database answers, or has answered within KEPT_SECONDS."""
        asked, now = self._asked, self._clock()
        if asked is None or (asked[1].done() and now - asked[0] >= KEPT_SECONDS):
            asked = self._asked = now, asyncio.create_task(self._ask())
        # Others wait for the same answer: a client that leaves must not cancel it.
        return await asyncio.shield(asked[1])

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS), self._database.read(NOBODY) as session:
                await session.execute(text("select 1"))
        except Exception:
            return False
        return True
