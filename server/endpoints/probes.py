"""What an orchestrator asks: is the process alive, is it ready for traffic."""

import asyncio

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from database.scope import NOBODY
from resolvers.context import House

READY_SECONDS = 2.0


async def alive(request: Request) -> JSONResponse:
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "alive"})


async def ready(request: Request) -> JSONResponse:
    """200 when the database answers and no shutdown is under way, 503 otherwise."""
    state = request.app.state
    if getattr(state, "draining", False):
        return JSONResponse({"status": "draining"}, 503)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await _ask(state.house)
    except Exception:
        return JSONResponse({"status": "database unreachable"}, 503)
    return JSONResponse({"status": "ready"})


async def _ask(house: House) -> None:
    async with house.database.read(NOBODY) as session:
        await session.execute(text("select 1"))


PROBES = [Route("/healthz", alive), Route("/readyz", ready)]
