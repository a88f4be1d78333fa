"""The servers whose live streams are compared, and the transports of their listeners."""

from dataclasses import dataclass

from benchmarks.peers.contenders import Contender


@dataclass(frozen=True, slots=True)
class LiveCase:
    """One server and one transport."""

    name: str
    title: str
    kind: str
    contender: Contender


OURS = Contender("darkstore", "Darkstore", "ours", (), ours=True)
YOGA = Contender("yoga-live", "GraphQL Yoga", "ours", ("node", "servers/live_yoga.js"))
MERCURIUS = Contender("mercurius-live", "Mercurius", "ours", ("node", "servers/live_mercurius.js"))
CASES = (
    LiveCase("darkstore-ws", "Darkstore, WebSocket", "ws", OURS),
    LiveCase("darkstore-sse", "Darkstore, SSE", "sse", OURS),
    LiveCase("mercurius-ws", "Mercurius, WebSocket", "ws", MERCURIUS),
    LiveCase("yoga-ws", "GraphQL Yoga, graphql-ws", "ws", YOGA),
    LiveCase("yoga-sse", "GraphQL Yoga, SSE", "sse", YOGA),
)
