"""A whole POST as it was received, and what a connection remembers of the last request's head."""

import itertools
import re
import uuid
from collections.abc import Mapping
from typing import Self

from server.transport.http.accept import AcceptedMedia, parse_accept
from server.transport.http.body import check_content_headers, is_plain_json
from server.transport.http.compression import parse_accept_encoding
from server.transport.http.reply import not_acceptable
from server.transport.limits import MAX_REQUEST_ID_CHARS

MAX_CACHED_HEAD_BYTES = 4 * 1024
MAX_FAST_BODY_BYTES = 60 * 1024
_MAX_LENGTH_DIGITS = 5

# A head that can be read in one way only: every line ends in CR LF, the last one is empty.
_UNAMBIGUOUS_HEAD = re.compile(rb"(?:[^\r\n]+\r\n)+\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)
_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_REQUEST_ID_CHARS}}}")
# Our own ids: 20 random digits of the process, then its count of requests.
_PROCESS_ID = uuid.uuid4().hex[:20]
_REQUEST_NUMBERS = itertools.count(1)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The client's own id of the request if it is well-formed, otherwise a new one."""
    return _client_request_id(headers) or new_request_id()


def new_request_id() -> str:
    """An id that no other request of any process has."""
    return f"{_PROCESS_ID}{next(_REQUEST_NUMBERS):012x}"


def _client_request_id(headers: Mapping[str, str]) -> str | None:
    request_id = headers.get("x-request-id", "")
    return request_id if request_id and _REQUEST_ID.fullmatch(request_id) else None


class RequestHead:
    """The parsed head of a POST, shared by all requests that begin with the same bytes."""

    __slots__ = (
        "accepted",
        "client",
        "client_request_id",
        "encoding",
        "headers",
        "is_plain_json",
    )

    def __init__(self, headers: Mapping[bytes, bytes], client: str) -> None:
        self.client = client
        """The client's address."""
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()
        }
        self.accepted: AcceptedMedia = parse_accept(self.headers.get("accept"))
        self.encoding = parse_accept_encoding(self.headers.get("accept-encoding"))
        """By which the body of the answer may be compressed."""
        self.client_request_id = _client_request_id(self.headers)
        self.is_plain_json = self.accepted.json is not None and is_plain_json(self.headers)
        """Whether `check` would find nothing: nearly every head."""

    def check(self) -> None:
        """Raise RequestRejected unless it announces JSON and accepts JSON as the answer."""
        if self.accepted.json is None:
            raise not_acceptable()
        check_content_headers(self.headers)


class CachedRequestHead:
    """The bytes of a parsed head, by which the next equal one is recognized without parsing.

    Only the content-length may differ. The cached head went through the parser alone and whole, so
    nothing can be smuggled past the parser: a request matches only if all bytes before and after
    the length are equal, its body is as long as it says, and nothing follows.
    """

    __slots__ = ("_after", "_before", "head")

    def __init__(self, head: RequestHead, before: bytes, after: bytes) -> None:
        self.head = head
        self._before = before
        self._after = after

    @classmethod
    def of(cls, head: RequestHead, data: bytes, body: bytes) -> Self | None:
        """Cache the head of `data`, one whole request; None for an unusual one."""
        end = len(data) - len(body)
        if end > MAX_CACHED_HEAD_BYTES or not _UNAMBIGUOUS_HEAD.fullmatch(data, 0, end):
            return None
        length = _LENGTH.search(data, 0, end)
        if length is None or int(length[1]) != len(body):
            return None
        return cls(head, data[: length.start(1)], data[length.end(1) : end])

    def body_of(self, data: bytes) -> bytes | None:
        """The body if `data` is exactly one request with this head; None if it must be parsed."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        begin = len(before)
        end = data.find(b"\r", begin, begin + _MAX_LENGTH_DIGITS + 1)
        if end <= begin or not data.startswith(after, end):
            return None
        digits, body = data[begin:end], data[end + len(after) :]
        if not digits.isdigit() or int(digits) != len(body) or len(body) > MAX_FAST_BODY_BYTES:
            return None
        return body


class FastRequest:
    """One POST of the fast path: its head and its body."""

    __slots__ = ("body", "cancelable", "head", "request_id")

    def __init__(self, head: RequestHead, body: bytes) -> None:
        self.head = head
        self.body = body
        self.request_id = head.client_request_id or new_request_id()
        self.cancelable = True
        """Whether it may be canceled when its client disconnects: not once a mutation runs."""

    def headers(self) -> dict[str, str]:
        """The headers, with the request's id among them."""
        return {**self.head.headers, "x-request-id": self.request_id}
