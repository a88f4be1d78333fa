"""The networks of clients: the one value by which an address is counted, limited or owns a key.

An IPv6 client has at least a /64 and often a /48, so single addresses of it say nothing: they count
as their /64, and the /48 has a larger limit of its own. An IPv4 address counts by itself, however
it is written in IPv6 (mapped, translated by NAT64, 6to4 or Teredo).
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

MAX_CACHED_NETWORKS = 50_000
MAX_ADDRESS_CHARS = 64
CLIENT_PREFIX = 64
SITE_PREFIX = 48
SHARE_PREFIX_V4 = 24
NAT64 = IPv6Network("64:ff9b::/96")
UNNAMED = frozenset({"", "unknown"})
"""A client without an address is a process on this machine that uses a Unix socket."""


@dataclass(frozen=True, slots=True)
class ClientNetwork:
    """The network of one client, as text keys."""

    key: str
    """An IPv4 address, or the /64 of an IPv6 address."""
    site_key: str | None
    """The /48 around an IPv6 client, which has a limit of its own; None for IPv4."""
    limited: bool
    """False for this machine: a proxy or a simulation here speaks for many clients."""
    share_key: str
    """The /24 or /48 around the client: those within it share one place in a queue."""


@lru_cache(MAX_CACHED_NETWORKS)
def parse_network(address: str) -> ClientNetwork:
    """Return the network of a client's address; text that is no address is one network of its own.

    The text itself is never a key, so that nobody gets a new limit by writing an address otherwise.
    """
    if address in UNNAMED:
        return ClientNetwork("local", None, False, "local")
    try:
        ip = ip_address(address[:MAX_ADDRESS_CHARS])
    except ValueError:
        return ClientNetwork("invalid", None, True, "invalid")
    if isinstance(ip, IPv6Address):
        ip = _embedded_v4(ip) or ip
    if isinstance(ip, IPv4Address):
        return ClientNetwork(str(ip), None, not ip.is_loopback, _prefix(ip, SHARE_PREFIX_V4))
    site = _prefix(ip, SITE_PREFIX)
    return ClientNetwork(_prefix(ip, CLIENT_PREFIX), site, not ip.is_loopback, site)


def _embedded_v4(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if any."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return IPv4Address(int(ip) & 0xFFFFFFFF) if int(ip) >> 32 == _NAT64_BITS else None


def _prefix(ip: IPv4Address | IPv6Address, length: int) -> str:
    """The network of this length around an address, such as 2001:db8:1:2::/64."""
    free_bits = ip.max_prefixlen - length
    return f"{type(ip)(int(ip) >> free_bits << free_bits)}/{length}"


_NAT64_BITS = int(NAT64.network_address) >> 32
