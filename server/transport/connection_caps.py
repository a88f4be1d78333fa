"""How many connections a process accepts, in total and from one network."""

from collections import Counter

from server.transport.client_address import TrustedProxies
from server.transport.limits import (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_WAITING_REFUSED,
)
from services.core.address_rate_limit import SITE_FACTOR
from services.core.network_address import parse_network


class NetworkCounts:
    """Counts things of client networks; an IPv6 /48 may have SITE_FACTOR times as many."""

    def __init__(self, per_network: int, *, this_machine: bool = True) -> None:
        """`this_machine` says whether clients on this machine are limited like others."""
        self._per_network = per_network
        self._this_machine = this_machine
        self._counts: Counter[str] = Counter()

    def has_room(self, address: str) -> bool:
        """Whether the network of an address may have one more."""
        network = parse_network(address)
        if not network.limited and not self._this_machine:
            return True
        if self._counts[network.key] >= self._per_network:
            return False
        site = network.site_key
        return site is None or self._counts[site] < self._per_network * SITE_FACTOR

    def add(self, address: str, change: int) -> None:
        """Count one more, or one less with -1."""
        network = parse_network(address)
        for key in filter(None, (network.key, network.site_key)):
            self._counts[key] += change
            if not self._counts[key]:
                del self._counts[key]


class ConnectionCaps:
    """The open connections of a process. A trusted proxy speaks for many: it has no cap."""

    def __init__(
        self,
        total: int = MAX_CONNECTIONS,
        per_address: int = MAX_CONNECTIONS_PER_ADDRESS,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.proxies = proxies or TrustedProxies()
        self._total = total
        self._networks = NetworkCounts(per_address)
        self._peers: dict[object, str | None] = {}
        self._refused: set[object] = set()

    def admit(self, connection: object, peer: str) -> bool:
        """Count a new connection until `release`; False when there is no room for it."""
        capped = None if self.proxies.trusts(peer) else peer
        if len(self._peers) >= self._total:
            return False
        if capped is not None and not self._networks.has_room(capped):
            return False
        self._peers[connection] = capped
        if capped is not None:
            self._networks.add(capped, 1)
        return True

    def may_wait(self, connection: object) -> bool:
        """Whether a refused connection may stay for a moment, until its client has read why."""
        if len(self._refused) >= MAX_WAITING_REFUSED:
            return False
        self._refused.add(connection)
        return True

    def release(self, connection: object) -> None:
        """Forget a connection that is closed."""
        self._refused.discard(connection)
        capped = self._peers.pop(connection, None)
        if capped is not None:
            self._networks.add(capped, -1)
