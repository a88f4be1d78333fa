"""Serves the real graph with its authentication on a loopback port, and sends requests to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette

from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.oauth import oauth_routes
from server.graphql_engine import GraphQLEngine
from server.transport.connections import LiveConnections
from server.transport.limits import TransportLimits
from server.transport.routes import graphql_routes
from tests.support.actors import ActorClient
from tests.support.server.small_server import run_server

RESPONSE_JSON = "application/graphql-response+json"


@dataclass
class ServerClient:
    """The addresses of a running server."""

    port: int
    http: httpx.AsyncClient

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def post(self, who: ActorClient, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Post one GraphQL request of a person, or of an anonymous caller."""
        return await self.http.post("/graphql", json=body, headers={**auth_headers(who), **headers})


def auth_headers(who: ActorClient) -> dict[str, str]:
    """The headers by which the server authenticates a person."""
    token = {"authorization": f"Bearer {who.token}"} if who.token else {}
    return {"accept": RESPONSE_JSON, **token}


@asynccontextmanager
async def serve_engine(
    container: Container,
    engine: GraphQLEngine,
    authenticator: HeaderAuthenticator | None = None,
    **options: Any,
) -> AsyncIterator[ServerClient]:
    """Serve the engine on a free loopback port while the block runs."""
    connections, limits = LiveConnections(), TransportLimits()
    routes = graphql_routes(
        "/graphql",
        engine,
        authenticator or HeaderAuthenticator(container),
        connections=connections,
        limits=limits,
        **options,
    )
    tokens = oauth_routes(container.authenticator, engine.budgets)
    app = Starlette(routes=[*routes, *tokens])
    async with run_server(app, limits) as (port, _):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            yield ServerClient(port, http)
        await connections.drain(spread_seconds=0)
