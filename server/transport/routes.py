"""The routes that serve one GraphQL engine over HTTP, event streams and WebSocket."""

from starlette.routing import BaseRoute, Route, WebSocketRoute

from execution import Engine
from server.transport.authentication import CallerAuthenticator
from server.transport.connections import LiveConnections
from server.transport.document_lookup import DocumentLookup
from server.transport.http.endpoint import graphql_http
from server.transport.limits import TransportLimits
from server.transport.websocket.endpoint import graphql_websocket


def graphql_routes(
    path: str,
    engine: Engine,
    authenticator: CallerAuthenticator,
    *,
    connections: LiveConnections,
    limits: TransportLimits,
    origins: frozenset[str] = frozenset(),
    get: bool = True,
    documents: DocumentLookup | None = None,
) -> list[BaseRoute]:
    """Build the routes of one engine at one path.

    Call `connections.drain(...)` before the server closes its sockets.
    """
    http = graphql_http(engine, authenticator, limits, connections, get=get, documents=documents)
    websocket = graphql_websocket(
        engine, authenticator, limits, connections, origins=origins, documents=documents
    )
    return [Route(path, http), WebSocketRoute(path, websocket)]
