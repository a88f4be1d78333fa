"""GraphQL on the wire: HTTP, server-sent events and graphql-transport-ws, behind one set of routes.

Serve with uvicorn's `http` from `short_way`, which spares most requests what they don't need, its
`ws` as DirectSocket, `ws_ping_interval` None (sockets have heartbeats of their own) and
`ws_max_size` at FRAME_MAX_BYTES, so that a larger frame is never held in memory, on a socket that
`tune_listening` has seen, with `StrangersNoise` on the logger "uvicorn.error".
"""

from starlette.routing import BaseRoute, Route, WebSocketRoute

from execution import Engine
from server.transport.connections import LiveConnections
from server.transport.contexts import Contexts, Denied, Opened
from server.transport.http.endpoint import graphql_http
from server.transport.http.fast_path import short_way
from server.transport.limits import FRAME_MAX_BYTES, WireLimits
from server.transport.listening import room_for_connections, tune_listening
from server.transport.noise import StrangersNoise
from server.transport.operation import Operation
from server.transport.persisted_lookup import NOT_FOUND, NOT_SUPPORTED, Library, refused
from server.transport.websocket.endpoint import graphql_websocket
from server.transport.websocket.uvicorn_protocol import DirectSocket

__all__ = [
    "FRAME_MAX_BYTES",
    "NOT_FOUND",
    "NOT_SUPPORTED",
    "Contexts",
    "Denied",
    "DirectSocket",
    "Library",
    "LiveConnections",
    "Opened",
    "Operation",
    "StrangersNoise",
    "WireLimits",
    "graphql_http",
    "graphql_routes",
    "graphql_websocket",
    "refused",
    "room_for_connections",
    "short_way",
    "tune_listening",
]


def graphql_routes(
    path: str,
    engine: Engine,
    contexts: Contexts,
    *,
    connections: LiveConnections,
    limits: WireLimits,
    origins: frozenset[str] = frozenset(),
    get: bool = True,
    library: Library | None = None,
) -> list[BaseRoute]:
    """Answer the routes that serve one engine at one path over HTTP, SSE and WebSocket.

    Call `connections.drain(...)` when the server is told to stop, before it closes its sockets.
    """
    http = graphql_http(engine, contexts, limits, connections, get=get, library=library)
    socket = graphql_websocket(
        engine, contexts, limits, connections, origins=origins, library=library
    )
    return [Route(path, http), WebSocketRoute(path, socket)]
