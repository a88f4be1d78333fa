"""What the head of a request must be: its size, its host, and the framing of its body."""

import re
from collections.abc import Sequence
from enum import Enum

from models.message_text import number_text
from server.transport.limits import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from server.transport.rejection import RequestRejected

HEADER_OVERHEAD_BYTES = 4  # ": " and the end of the line
# What the framing of a chunked body may take: chunks of a byte each take five.
FREE_FRAMING_BYTES = 2 * MAX_HEAD_BYTES
FRAMING_BYTES_PER_BYTE = 8
HOST = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?::\d{0,5})?"
    rb"|\[[0-9A-Fa-f:.]{2,45}\](?::\d{0,5})?"
)
"""A registered name, an IPv4 or an IPv6 address with or without a port; it may be empty
(RFC 9112, 3.2 and RFC 3986, 3.2.2)."""
UNREADABLE_UPGRADE = RequestRejected(
    431, "HEADERS_TOO_LARGE", "A header of a WebSocket request is at most 8 KB."
)
"""For a line that the WebSocket library does not read, which it keeps to itself."""


class RequestPart(Enum):
    """The part of a request that is being received."""

    HEAD = "head"
    BODY = "body"


class HeadRefused(Exception):
    """A head is too large; the first argument is the refusal. In a callback it stops the parser."""


def head_bytes(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The size of a whole head, without the method and the version."""
    return len(url) + sum(len(name) + len(value) + HEADER_OVERHEAD_BYTES for name, value in headers)


def check_head_size(url: bytes, header_count: int, size: int) -> None:
    """Raise HeadRefused if a head, or what has arrived of it, is too large."""
    if len(url) > MAX_URL_BYTES:
        message = f"A URL is at most {number_text(MAX_URL_BYTES)} bytes."
        raise HeadRefused(RequestRejected(414, "URI_TOO_LONG", message))
    if size > MAX_HEAD_BYTES or header_count > MAX_HEADERS:
        message = (
            f"Headers are at most {MAX_HEADERS} and {number_text(MAX_HEAD_BYTES)} bytes in all."
        )
        raise HeadRefused(RequestRejected(431, "HEADERS_TOO_LARGE", message))


def check_host(version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise HeadRefused unless a request names one host; HTTP/1.0 may name none (RFC 9112, 3.2)."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise HeadRefused(RequestRejected(400, "BAD_REQUEST", "A request has one Host header."))
    if hosts and not HOST.fullmatch(hosts[0].strip(b" \t")):
        raise HeadRefused(RequestRejected(400, "BAD_REQUEST", "The Host header names no host."))


def is_mostly_framing(received_bytes: int, body_bytes: int, header_count: int) -> bool:
    """Whether chunks and trailers, which are read like headers, exceed what a body may need."""
    most = FREE_FRAMING_BYTES + FRAMING_BYTES_PER_BYTE * body_bytes
    return received_bytes - body_bytes > most or header_count > 2 * MAX_HEADERS
