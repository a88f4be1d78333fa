"""A whole POST as it came from the wire, and what one connection remembers of the last one."""

import itertools
import re
import uuid
from collections.abc import Mapping
from typing import Self

from server.transport.http.accept import Accepted, accepted
from server.transport.http.body import check_content
from server.transport.http.reply import unacceptable
from server.transport.limits import REQUEST_ID_MAX_CHARS

HEAD_KEPT_BYTES = 4 * 1024
SHORT_BODY_BYTES = 60 * 1024
_LENGTH_MAX_DIGITS = 5

# A head that can't be read in two ways: lines that end as they should, and one empty line.
_PLAIN = re.compile(rb"(?:[^\r\n]+\r\n)+\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)
_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{REQUEST_ID_MAX_CHARS}}}")
# Our own ids: 20 random digits of the process, then its count of requests.
_PROCESS = uuid.uuid4().hex[:20]
_COUNTED = itertools.count(1)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The caller's own name for a request when it is a proper one, otherwise one of ours."""
    return _offered(headers) or own_request_id()


def own_request_id() -> str:
    """A name that no other request of any process has."""
    return f"{_PROCESS}{next(_COUNTED):012x}"


def _offered(headers: Mapping[str, str]) -> str | None:
    offered = headers.get("x-request-id", "")
    return offered if offered and _REQUEST_ID.fullmatch(offered) else None


class Head:
    """What stands before the body of a POST, read once for all requests that begin with it."""

    __slots__ = ("headers", "offered", "wanted")

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()
        }
        self.wanted: Accepted = accepted(self.headers.get("accept"))
        self.offered = _offered(self.headers)

    def check(self) -> None:
        """Raise Rejected unless it announces JSON, and takes JSON for an answer."""
        if self.wanted.json is None:
            raise unacceptable()
        check_content(self.headers)


class KnownHead:
    """The bytes of a head that was read: those of the next request are the same, or are read too.

    Only its content-length may be another. What is remembered has been through the parser, alone
    and to its end, so nothing can be smuggled past it: a request is known when all bytes before and
    after the length are equal and its body is as long as it says, with nothing behind it.
    """

    __slots__ = ("_after", "_before", "head")

    def __init__(self, head: Head, before: bytes, after: bytes) -> None:
        self.head = head
        self._before = before
        self._after = after

    @classmethod
    def of(cls, head: Head, data: bytes, body: bytes) -> Self | None:
        """What to remember of `data`, one request that was read whole; None of an unusual one."""
        ends = len(data) - len(body)
        if ends > HEAD_KEPT_BYTES or not _PLAIN.fullmatch(data, 0, ends):
            return None
        length = _LENGTH.search(data, 0, ends)
        if length is None or int(length[1]) != len(body):
            return None
        return cls(head, data[: length.start(1)], data[length.end(1) : ends])

    def body_of(self, data: bytes) -> bytes | None:
        """The body, when `data` is one request with this head; None when that is to be read."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        begin = len(before)
        end = data.find(b"\r", begin, begin + _LENGTH_MAX_DIGITS + 1)
        if end <= begin or not data.startswith(after, end):
            return None
        digits, body = data[begin:end], data[end + len(after) :]
        if not digits.isdigit() or int(digits) != len(body) or len(body) > SHORT_BODY_BYTES:
            return None
        return body


class Asked:
    """One POST: its head, its body, and who sent it."""

    __slots__ = ("body", "client", "head", "reads", "request_id")

    def __init__(self, head: Head, body: bytes, client: str) -> None:
        self.head = head
        self.body = body
        self.client = client
        self.request_id = head.offered or own_request_id()
        self.reads = True
        """Whether nothing is lost when the answer is not waited for."""

    def headers(self) -> dict[str, str]:
        """The headers, and the name that the request goes by."""
        return {**self.head.headers, "x-request-id": self.request_id}
