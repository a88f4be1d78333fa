"""Posting to addresses that strangers have named, without ever reaching into our own network.

A name is resolved here, once for each connection; every address it stands for must be a public
one, and the connection is made to the very address that was checked. So a name that changes its
mind between the check and the connection gains nothing, and neither does a redirect: none is
followed.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import httpcore

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
BODY_BYTES = 256 * 1024
SNIPPET_BYTES = 1_024
URL_LENGTH = 2_000
CONNECTIONS_COUNT = 50
IDLE_SECONDS = 30.0
RESOLVING_THREADS = 8
PORTS = frozenset({80, 443})
# Of IPv6 only what is given out to the world, less what carries an IPv4 address in it.
UNICAST = IPv6Network("2000::/3")
CARRYING = tuple(map(IPv6Network, ("2001::/32", "2002::/16", "64:ff9b::/96", "64:ff9b:1::/48")))


class WebhookFault(Exception):
    """The message did not get an answer; what it says may be shown to the endpoint's owner."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered: `snippet` is the beginning of it."""

    status: int
    latency_ms: int
    snippet: str = ""
    retry_after_seconds: int | None = None

    @property
    def taken(self) -> bool:
        """Whether the message has arrived."""
        return 200 <= self.status < 300


class Webhooks(Protocol):
    """How messages get to the endpoints of third parties."""

    def against(self, url: str) -> str | None:
        """Why no message ever goes to this address; None when one may."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Post once, within TOTAL_SECONDS; raises WebhookFault when there is no answer."""

    async def close(self) -> None:
        """Let go of the connections."""


def public(address: str) -> bool:
    """Whether an address belongs to the world and to no network of somebody's own."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_multicast or found.is_reserved or not found.is_global:
        return False
    if isinstance(found, IPv4Address):
        return True
    return found in UNICAST and not any(found in network for network in CARRYING)


class PublicWebhooks:
    """HTTPS to public addresses, and plain HTTP to the `allowed` ones ("127.0.0.1:9000")."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(one.lower() for one in allowed)
        self._pool: httpcore.AsyncConnectionPool | None = None

    def against(self, url: str) -> str | None:
        try:
            parts, port = _parts(url)
        except ValueError:
            return f"An address is a URL of at most {URL_LENGTH} plain characters."
        host = parts.hostname or ""
        if parts.username is not None or parts.fragment:
            return "An address holds neither a user nor a fragment."
        if f"{host}:{port}" in self._allowed:
            return None
        if parts.scheme != "https":
            return "Messages go to https addresses only."
        if port not in PORTS:
            return "Messages go to the ports 443 and 80 only."
        if _is_address(host) and not public(host):
            return "This address is not a public one."
        return None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        if (reason := self.against(url)) is not None:
            raise WebhookFault(reason)
        if len(body) > BODY_BYTES:
            raise WebhookFault(f"The message is longer than {BODY_BYTES} bytes.")
        began = time.monotonic()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._posted(url, headers, body, began)
        except TimeoutError:
            raise WebhookFault(f"There was no answer within {TOTAL_SECONDS:g} s.") from None
        except httpcore.TimeoutException:
            raise WebhookFault("The connection took too long.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise WebhookFault(f"The connection failed: {_plain(str(error))}") from None

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _posted(self, url: str, headers: dict[str, str], body: bytes, began: float) -> Reply:
        times = {"connect": CONNECT_SECONDS, "read": TOTAL_SECONDS, "write": TOTAL_SECONDS}
        async with self._opened().stream(
            "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": times}
        ) as answer:
            latency_ms = round((time.monotonic() - began) * 1000)
            begins = b""
            async for chunk in answer.aiter_stream():
                begins += chunk[: SNIPPET_BYTES - len(begins)]
                if len(begins) >= SNIPPET_BYTES:
                    break  # the rest is not read: leaving closes the connection
        again = _retry_after(answer.headers)
        return Reply(answer.status, latency_ms, _plain(begins.decode(errors="replace")), again)

    def _opened(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=CONNECTIONS_COUNT,
                max_keepalive_connections=CONNECTIONS_COUNT,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=_Checked(self._allowed),
            )
        return self._pool


class _Checked(httpcore.AnyIOBackend):
    """Connects to addresses that were looked at, never to names."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__()
        self._allowed = allowed
        # Names that resolve slowly must not take the threads that others wait for.
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, "webhook-names")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await resolved(host, port, self._threads)
        if f"{host.lower()}:{port}" not in self._allowed:
            for address in found:
                if not public(address):
                    raise httpcore.ConnectError("the name leads to an address that is not public")
        return await super().connect_tcp(found[0], port, timeout, local_address, socket_options)


async def resolved(host: str, port: int, threads: Executor) -> list[str]:
    """Every address that a name stands for, each once."""
    loop = asyncio.get_running_loop()
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            rows = await loop.run_in_executor(threads, look_up)
    except TimeoutError:
        raise httpcore.ConnectTimeout("the name took too long") from None
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("the name is not known") from None
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not found:
        raise httpcore.ConnectError("the name is not known")
    return found


def _parts(url: str) -> tuple[SplitResult, int]:
    if len(url) > URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(url)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "\\" in url:
        raise ValueError(url)
    return parts, parts.port or (443 if parts.scheme == "https" else 80)


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


def _plain(text: str) -> str:
    """Text that a database keeps and a log line holds."""
    return "".join(one if one.isprintable() else " " for one in text)[:SNIPPET_BYTES].strip()
