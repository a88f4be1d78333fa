"""The servers whose live streams are compared, and the protocols of their listeners."""

from dataclasses import dataclass

from benchmarks.peers.contenders import Contender


@dataclass(frozen=True, slots=True)
class Match:
    """One server and one way to listen to it."""

    name: str
    title: str
    kind: str
    contender: Contender


OURS = Contender("darkstore", "Darkstore", "ours", (), ours=True)
YOGA = Contender("yoga-live", "GraphQL Yoga", "ours", ("node", "servers/live_yoga.js"))
MERCURIUS = Contender("mercurius-live", "Mercurius", "ours", ("node", "servers/live_mercurius.js"))
MATCHES = (
    Match("darkstore-ws", "Darkstore, WebSocket", "ws", OURS),
    Match("darkstore-sse", "Darkstore, SSE", "sse", OURS),
    Match("mercurius-ws", "Mercurius, WebSocket", "ws", MERCURIUS),
    Match("yoga-ws", "GraphQL Yoga, graphql-ws", "ws", YOGA),
    Match("yoga-sse", "GraphQL Yoga, SSE", "sse", YOGA),
)
