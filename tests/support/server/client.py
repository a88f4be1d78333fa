"""The real graph behind real doors, with the edge's sign-in, for a house of the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette

from resolvers.context import House
from server.auth.edge import Edge
from server.endpoints.oauth import oauth_routes
from server.graphql_engine import HouseEngine
from server.transport import LiveConnections, WireLimits, graphql_routes
from tests.support.actors import Standing
from tests.support.server.small_server import listening

RESPONSE_JSON = "application/graphql-response+json"


@dataclass
class Doors:
    """The ways in."""

    port: int
    http: httpx.AsyncClient

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def post(self, who: Standing, body: dict[str, Any], **headers: str) -> httpx.Response:
        """The answer to one request of a person, or of nobody."""
        return await self.http.post("/graphql", json=body, headers={**signed(who), **headers})


def signed(who: Standing) -> dict[str, str]:
    """What tells the edge who calls."""
    token = {"authorization": f"Bearer {who.token}"} if who.token else {}
    return {"accept": RESPONSE_JSON, **token}


@asynccontextmanager
async def opened(house: House, engine: HouseEngine, **options: Any) -> AsyncIterator[Doors]:
    """Serve the engine on a free loopback port while the block runs."""
    edge, connections, limits = Edge(), LiveConnections(), WireLimits()
    edge.house = house
    routes = graphql_routes(
        "/graphql", engine, edge, connections=connections, limits=limits, **options
    )
    async with listening(
        Starlette(routes=[*routes, *oauth_routes(edge)]), limits.stalled_seconds
    ) as (port, _):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            yield Doors(port, http)
        await connections.drain(spread_seconds=0)
