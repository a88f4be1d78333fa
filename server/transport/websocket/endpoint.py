"""GraphQL over WebSocket: who may upgrade, then one connection object per socket."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from execution import Engine
from server.transport.authentication import CallerAuthenticator
from server.transport.connections import LiveConnections
from server.transport.document_lookup import DocumentLookup, NoPersistedQueries
from server.transport.limits import TransportLimits
from server.transport.rejection import RequestRejected
from server.transport.uvicorn_internals.websocket_protocol import direct_websocket_of
from server.transport.websocket import frames
from server.transport.websocket.connection import GraphQLWSConnection
from server.transport.websocket.frames import CloseSocket

SUBPROTOCOL = "graphql-transport-ws"
# What the server raises when the client disconnects during the handshake.
DISCONNECTED = (WebSocketDisconnect, OSError)

_RECONNECT = CloseSocket(frames.SERVICE_RESTART, "reconnect")


def graphql_websocket(
    engine: Engine,
    authenticator: CallerAuthenticator,
    limits: TransportLimits,
    connections: LiveConnections,
    *,
    origins: frozenset[str] = frozenset(),
    documents: DocumentLookup | None = None,
) -> Callable[[WebSocket], Awaitable[None]]:
    """Build the endpoint that speaks graphql-transport-ws.

    Browsers may connect from the server's own origin and from `origins` ("https://shop.example",
    or "*" for any); clients that send no Origin are no browsers and always may.
    """
    lookup = documents or NoPersistedQueries()

    async def serve(socket: WebSocket) -> None:
        client = socket.client.host if socket.client else "unknown"
        foreign = not _origin_allowed(socket, origins)
        refusal = _refusal(socket, connections, client)
        if foreign or (refusal and not connections.draining):
            unpaid = authenticator.charge_refusal(client)
            if foreign or unpaid is not None:
                await socket.close()  # before the handshake: a 403
                return
        with suppress(*DISCONNECTED):
            await socket.accept(None if refusal else SUBPROTOCOL)
            if refusal is not None:
                # Browsers hide an HTTP refusal from the page; a close code reaches its client.
                await socket.close(refusal.code, refusal.reason)
                return
            direct = direct_websocket_of(socket)
            unregister = connections.register(client, lambda: connection.end(_RECONNECT))
            connection = GraphQLWSConnection(
                direct, socket.headers, client, engine, authenticator, limits, lookup, unregister
            )
            direct.attach(connection)

    return serve


def _origin_allowed(socket: WebSocket, origins: frozenset[str]) -> bool:
    # Browsers send no preflight for sockets: only the Origin tells a foreign page from ours.
    origin = socket.headers.get("origin")
    if origin is None or "*" in origins or origin in origins:
        return True
    own_host = socket.headers.get("host")
    return own_host is not None and origin.rpartition("://")[2] == own_host


def _refusal(socket: WebSocket, connections: LiveConnections, client: str) -> CloseSocket | None:
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        return CloseSocket(frames.SUBPROTOCOL_NOT_ACCEPTABLE, "subprotocol not acceptable")
    try:
        connections.check_capacity(client)
    except RequestRejected as rejected:
        return CloseSocket(frames.TRY_AGAIN, rejected.message)
    return None
