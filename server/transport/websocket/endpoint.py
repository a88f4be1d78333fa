"""GraphQL over WebSocket: who may upgrade, then one conversation a socket."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from execution import Engine
from server.transport.connections import LiveConnections
from server.transport.contexts import Contexts
from server.transport.limits import WireLimits
from server.transport.persisted_lookup import Library, NoLibrary
from server.transport.rejected import Rejected
from server.transport.websocket import frames
from server.transport.websocket.connection import Conversation
from server.transport.websocket.frames import Goodbye
from server.transport.websocket.uvicorn_protocol import direct_of

SUBPROTOCOL = "graphql-transport-ws"
# How the server says, in the middle of a handshake, that nobody is there.
GONE = (WebSocketDisconnect, OSError)

_RECONNECT = Goodbye(frames.SERVICE_RESTART, "reconnect")


def graphql_websocket(
    engine: Engine,
    contexts: Contexts,
    limits: WireLimits,
    connections: LiveConnections,
    *,
    origins: frozenset[str] = frozenset(),
    library: Library | None = None,
) -> Callable[[WebSocket], Awaitable[None]]:
    """Answer the endpoint that speaks graphql-transport-ws.

    Browsers may come from the server's own origin and from `origins` ("https://shop.example", or
    "*" for any); callers that send no Origin are no browsers and always may.
    """

    shelf = library or NoLibrary()

    async def serve(socket: WebSocket) -> None:
        if not _may_come(socket, origins):
            await socket.close()  # before the handshake: a 403
            return
        refusal = _refusal(socket, connections)
        with suppress(*GONE):
            await socket.accept(None if refusal else SUBPROTOCOL)
            if refusal is not None:
                # Browsers hide an HTTP refusal from the page; a close code reaches its client.
                await socket.close(refusal.code, refusal.reason)
                return
            line = direct_of(socket)
            client = socket.client.host if socket.client else "unknown"
            ended = connections.hold(lambda: conversation.end(_RECONNECT))
            conversation = Conversation(
                line, socket.headers, client, engine, contexts, limits, shelf, ended
            )
            line.attach(conversation)

    return serve


def _may_come(socket: WebSocket, origins: frozenset[str]) -> bool:
    # Browsers send no preflight for sockets: the Origin is all that tells a foreign page from ours.
    origin = socket.headers.get("origin")
    if origin is None or "*" in origins or origin in origins:
        return True
    own_host = socket.headers.get("host")
    return own_host is not None and origin.rpartition("://")[2] == own_host


def _refusal(socket: WebSocket, connections: LiveConnections) -> Goodbye | None:
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        return Goodbye(frames.SUBPROTOCOL_NOT_ACCEPTABLE, "subprotocol not acceptable")
    try:
        connections.check_room()
    except Rejected as rejected:
        return Goodbye(frames.TRY_AGAIN, rejected.message)
    return None
