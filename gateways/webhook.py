"""Posts messages to URLs given by third parties, without access to private networks (SSRF).

A host name is resolved once for each connection, all its addresses must be public, and the
connection is made to the address that was checked. DNS rebinding is therefore not possible, and
redirects are not followed.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import httpcore

CONNECT_TIMEOUT_SECONDS = 3.0
TOTAL_TIMEOUT_SECONDS = 10.0
MAX_BODY_BYTES = 256 * 1024
MAX_SNIPPET_BYTES = 1_024
MAX_NAME_LENGTH, MAX_LABEL_LENGTH = 253, 63  # RFC 1035, section 2.3.4
MAX_URL_LENGTH = 2_000
MAX_CONNECTIONS = 50
KEEPALIVE_SECONDS = 30.0
RESOLVER_THREADS = 8
ALLOWED_PORTS = frozenset({80, 443})
# IPv6: only global unicast addresses.
GLOBAL_UNICAST = IPv6Network("2000::/3")
# Of the special-purpose address registries of IANA (RFC 6890) what `is_global` takes for public:
# protocols and relays that no endpoint has, addresses that embed an IPv4 address, documentation.
SPECIAL_PURPOSE = tuple(
    ip_network(name)
    for name in (
        "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
        "64:ff9b::/96", "64:ff9b:1::/48",
    )
)  # fmt: skip
# Names that no public name server has (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`).
PRIVATE_SUFFIXES = (
    "alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local",
    "localdomain", "localhost", "mail", "onion", "private", "test",
)  # fmt: skip
NO_ADDRESS = "the name leads to no public address"


class WebhookError(Exception):
    """There was no response; the endpoint's owner may see the message."""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The response of an endpoint; `snippet` is the beginning of its body."""

    status: int
    latency_milliseconds: int
    snippet: str = ""
    retry_after_seconds: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the endpoint accepted the message."""
        return 200 <= self.status < 300


class WebhookClient(Protocol):
    """Posts messages to the endpoints of third parties."""

    def rejection_reason(self, url: str) -> str | None:
        """Why this URL is never used; None if it may be."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> WebhookResponse:
        """Post once, within TOTAL_TIMEOUT_SECONDS. Raises WebhookError without a response."""

    async def close(self) -> None:
        """Close the connections."""


def is_public_address(address: str) -> bool:
    """Whether an IP address is globally reachable, and embeds no IPv4 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    if any(ip in network for network in SPECIAL_PURPOSE):
        return False
    return isinstance(ip, IPv4Address) or ip in GLOBAL_UNICAST


def is_public_name(host: str) -> bool:
    """Whether a name may be one of the public domain name system.

    The last label of a public name has a letter, so "127.1", "0x7f000001" and other ways to write
    an address are none, as the URL standard has it.
    """
    labels = host.removesuffix(".").split(".")
    last = labels[-1].lower()
    if len(labels) < 2 or last in PRIVATE_SUFFIXES or len(host) > MAX_NAME_LENGTH:
        return False
    if not all(0 < len(label) <= MAX_LABEL_LENGTH for label in labels):
        return False
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) is None


class PublicWebhookClient:
    """HTTPS to public addresses, and plain HTTP to the `allowed` ones ("127.0.0.1:9000")."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(host_and_port.lower() for host_and_port in allowed)
        self._pool: httpcore.AsyncConnectionPool | None = None

    def rejection_reason(self, url: str) -> str | None:
        try:
            parts, port = _split_url(url)
        except ValueError:
            most = f"{MAX_URL_LENGTH:,}"
            return f"An address begins with https:// and has at most {most} plain characters."
        host = parts.hostname or ""
        if parts.username is not None or parts.fragment:
            return "An address holds neither a user nor a fragment."
        if f"{host}:{port}" in self._allowed:
            return None
        if parts.scheme != "https":
            return "An address begins with https://."
        if port not in ALLOWED_PORTS:
            return "Messages go to the ports 443 and 80 only."
        if not (is_public_address(host) if _is_address(host) else is_public_name(host)):
            return "This is not an address of the public internet."
        return None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> WebhookResponse:
        if (reason := self.rejection_reason(url)) is not None:
            raise WebhookError(reason)
        if len(body) > MAX_BODY_BYTES:
            raise WebhookError(f"The message is longer than {MAX_BODY_BYTES:,} bytes.")
        started_at = time.monotonic()
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_SECONDS):
                return await self._send(url, headers, body, started_at)
        except TimeoutError:
            raise WebhookError(
                f"There was no answer within {TOTAL_TIMEOUT_SECONDS:,g} seconds."
            ) from None
        except httpcore.TimeoutException:
            raise WebhookError("The connection took too long.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise WebhookError(f"The connection failed: {_printable(str(error))}") from None

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _send(
        self, url: str, headers: dict[str, str], body: bytes, started_at: float
    ) -> WebhookResponse:
        times = {
            "connect": CONNECT_TIMEOUT_SECONDS,
            "read": TOTAL_TIMEOUT_SECONDS,
            "write": TOTAL_TIMEOUT_SECONDS,
        }
        async with self._open_pool().stream(
            "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": times}
        ) as response:
            latency_milliseconds = round((time.monotonic() - started_at) * 1000)
            beginning = b""
            async for chunk in response.aiter_stream():
                beginning += chunk[: MAX_SNIPPET_BYTES - len(beginning)]
                if len(beginning) >= MAX_SNIPPET_BYTES:
                    break  # don't read the rest: leaving the block closes the connection
        retry_after = _retry_after(response.headers)
        return WebhookResponse(
            response.status,
            latency_milliseconds,
            _printable(beginning.decode(errors="replace")),
            retry_after,
        )

    def _open_pool(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=MAX_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
                network_backend=_PublicAddressBackend(self._allowed),
            )
        return self._pool


class _PublicAddressBackend(httpcore.AnyIOBackend):
    """Resolves host names itself and connects only to addresses that are public or allowed."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__()
        self._allowed = allowed
        # Own threads: slow name resolution must not block the default executor.
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "webhook-names")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await resolve_host(host, port, self._threads)
        if f"{host.lower()}:{port}" not in self._allowed:
            for address in addresses:
                if not is_public_address(address):
                    raise httpcore.ConnectError(NO_ADDRESS)
        return await super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)


async def resolve_host(host: str, port: int, threads: Executor) -> list[str]:
    """All addresses of a host name, without duplicates. Raises httpcore.ConnectError."""
    loop = asyncio.get_running_loop()
    lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            rows = await loop.run_in_executor(threads, lookup)
    except TimeoutError:
        raise httpcore.ConnectTimeout("the name took too long") from None
    except (OSError, UnicodeError):
        raise httpcore.ConnectError(NO_ADDRESS) from None
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not addresses:
        raise httpcore.ConnectError(NO_ADDRESS)
    return addresses


def _split_url(url: str) -> tuple[SplitResult, int]:
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(url)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "\\" in url:
        raise ValueError(url)
    port = parts.port
    if port == 0:
        raise ValueError(url)
    return parts, port or (443 if parts.scheme == "https" else 80)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 6:
            return int(value)
    return None


def _printable(text: str) -> str:
    """Text with unprintable characters replaced, for the database and the log."""
    return "".join(character if character.isprintable() else " " for character in text)[
        :MAX_SNIPPET_BYTES
    ].strip()
