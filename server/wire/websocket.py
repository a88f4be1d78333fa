"""GraphQL over WebSocket: who may upgrade, then one conversation a socket."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.websockets import WebSocket

from execution import Engine
from server.wire import frames
from server.wire.connections import LiveConnections
from server.wire.contexts import Contexts
from server.wire.conversation import Conversation
from server.wire.frames import Goodbye
from server.wire.limits import WireLimits
from server.wire.rejected import Rejected

SUBPROTOCOL = "graphql-transport-ws"

_RECONNECT = Goodbye(frames.GOING_AWAY, "reconnect")


def graphql_websocket(
    engine: Engine,
    contexts: Contexts,
    limits: WireLimits,
    connections: LiveConnections,
    *,
    origins: frozenset[str] = frozenset(),
) -> Callable[[WebSocket], Awaitable[None]]:
    """Answer the endpoint that speaks graphql-transport-ws.

    Browsers may come from the server's own origin and from `origins` ("https://shop.example", or
    "*" for any); callers that send no Origin are no browsers and always may.
    """

    async def serve(socket: WebSocket) -> None:
        try:
            _check_origin(socket, origins)
            connections.check_room()
        except Rejected as rejected:
            await _deny(socket, rejected)
            return
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            await socket.accept()
            await socket.close(frames.SUBPROTOCOL_NOT_ACCEPTABLE, "subprotocol not acceptable")
            return
        await socket.accept(SUBPROTOCOL)
        conversation = Conversation(socket, engine, contexts, limits)
        with connections.held(lambda: conversation.end(_RECONNECT)):
            await conversation.run()

    return serve


def _check_origin(socket: WebSocket, origins: frozenset[str]) -> None:
    # Browsers send no preflight for sockets: the Origin is all that tells a foreign page from ours.
    origin = socket.headers.get("origin")
    if origin is None or "*" in origins or origin in origins:
        return
    if urlsplit(origin).netloc != socket.headers.get("host"):
        raise Rejected(403, "FORBIDDEN", "This origin may not open sockets here.")


async def _deny(socket: WebSocket, rejected: Rejected) -> None:
    if "websocket.http.response" not in socket.scope.get("extensions", {}):
        await socket.close()
        return
    headers = {"content-type": "application/json; charset=utf-8", **rejected.headers}
    await socket.send_denial_response(Response(rejected.body(), rejected.status, headers=headers))
