"""Which client a request comes from: the peer, or whom a trusted proxy names in a header."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

X_FORWARDED_FOR = "x-forwarded-for"
FORWARDED = "forwarded"
FORWARDED_HEADERS = (X_FORWARDED_FOR, FORWARDED)
THIS_MACHINE = ("127.0.0.0/8", "::1/128")
INVALID_CLIENT = "invalid"
"""A client whose proxy names it by no address: all such clients are counted together."""
MAX_CACHED_HEADERS = 10_000
MAX_CACHED_HEADER_CHARS = 200
MAX_HOPS = 20

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """The proxies whose header is believed; from any other peer the header means nothing.

    Only one header is read: proxies set one of the two and pass on the other as the client sent it.
    """

    def __init__(
        self, networks: Iterable[str] = THIS_MACHINE, header: str = X_FORWARDED_FOR
    ) -> None:
        self._networks = tuple(parse_proxies(networks))
        self.header = header.encode()
        """The name of the header that is read, in lower case."""
        read_chain = _x_forwarded_for if header == X_FORWARDED_FOR else _forwarded
        self._read_chain = read_chain
        self._cached_client = lru_cache(MAX_CACHED_HEADERS)(self._client_of)

    def trusts(self, peer: str) -> bool:
        """Whether a peer is one of these proxies."""
        ip = _parse_ip(peer)
        return ip is not None and self._contain(ip)

    def client_of(self, value: str) -> str:
        """The client's address in the header of a trusted proxy.

        Each proxy appends whom it was called by. So the address is the last one that is no proxy of
        ours: what stands before it may be invented by the client.
        """
        if len(value) > MAX_CACHED_HEADER_CHARS:
            return self._client_of(value)
        return self._cached_client(value)

    def _client_of(self, value: str) -> str:
        client = INVALID_CLIENT
        for hop in self._read_chain(value)[: -MAX_HOPS - 1 : -1]:
            ip = _parse_ip(hop)
            if ip is None:
                return INVALID_CLIENT
            client = str(ip)
            if not self._contain(ip):
                break
        return client

    def _contain(self, ip: IPv4Address | IPv6Address) -> bool:
        return any(ip in network for network in self._networks)


def parse_proxies(texts: Iterable[str]) -> list[Network]:
    """Parse addresses and ranges of addresses; raises ValueError for one that is neither."""
    return [ip_network(text.strip()) for text in texts]


def _x_forwarded_for(value: str) -> list[str]:
    return value.split(",")


def _forwarded(value: str) -> list[str]:
    """The `for` of each element (RFC 7239); an element without one is no address."""
    return [_for_of(element) for element in value.split(",")]


def _for_of(element: str) -> str:
    for pair in element.split(";"):
        name, _, node = pair.partition("=")
        if name.strip().lower() == "for":
            return node.strip().strip('"')
    return ""


def _parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """An address, without its port and brackets; None for other text. Mapped IPv4 is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
