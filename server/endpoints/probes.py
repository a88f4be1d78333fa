"""Probes of an orchestrator: is the process alive, is it ready for traffic."""

import asyncio

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from database.scope import NOBODY
from database.sessions import Database
from server.transport.connections import LiveConnections

READY_SECONDS = 2.0


def probe_routes(database: Database, connections: LiveConnections) -> list[Route]:
    """`/healthz`: 200 as long as the process answers at all.

    `/readyz`: 200 while the database answers and the server is not about to stop, 503 otherwise.
    """

    async def alive(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        if connections.draining:
            return JSONResponse({"status": "draining"}, 503)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await _query(database)
        except Exception:
            return JSONResponse({"status": "database unreachable"}, 503)
        return JSONResponse({"status": "ready"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


async def _query(database: Database) -> None:
    async with database.read(NOBODY) as session:
        await session.execute(text("select 1"))
