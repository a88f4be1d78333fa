"""HTTP responses to GraphQL requests: statuses, header lines and bodies."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from starlette.responses import Response

from execution import Answer
from server.transport.http.accept import LEGACY_JSON, RESPONSE_JSON, AcceptedMedia
from server.transport.http.compression import MIN_COMPRESSED_BYTES, compress
from server.transport.rejection import RequestRejected
from server.transport.timed_execution import TIMED_OUT

log = logging.getLogger(__name__)

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
# Proxies and retrying clients act on these statuses, so they are kept for every media type.
_STATUS_BY_CODE = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "PERSISTED_ONLY": 403,
    "RATE_LIMITED": 429,
    "THROTTLED": 429,
    "UNAVAILABLE": 503,
    TIMED_OUT: 504,
}


class HttpReply(NamedTuple):
    """A response: its status, its own header lines (each with its line end) and its body."""

    status: int
    head: bytes
    body: bytes

    def encode(self, server_lines: bytes, request_id: str) -> bytes:
        """The bytes to send; `server_lines` are the header lines of every response."""
        return b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (
            STATUS_LINES[self.status],
            server_lines,
            self.head,
            len(self.body),
            request_id.encode("latin-1"),
            self.body,
        )

    def compressed(self, encoding: str | None) -> "HttpReply":
        """The same with its body compressed, where the client accepts it and it is worth it."""
        if encoding is None or len(self.body) < MIN_COMPRESSED_BYTES:
            return self
        head = b"%bcontent-encoding: %b\r\n" % (self.head, encoding.encode())
        return HttpReply(self.status, head, compress(self.body, encoding))

    def response(self) -> Response:
        """The same as an ASGI response."""
        response = Response(self.body, self.status)
        lines = (line.split(b": ", 1) for line in self.head.split(b"\r\n") if line)
        response.raw_headers.extend((name, value) for name, value in lines)
        return response


def answer_reply(answer: Answer, media: str | None) -> HttpReply:
    """The response that carries one answer."""
    media = media or LEGACY_JSON
    if answer.executed:
        return HttpReply(200, FIXED_LINES[media], answer.encode())
    return HttpReply(_status(answer, media), _head(media, _retry_after(answer)), answer.encode())


def rejection_reply(rejected: RequestRejected, accepted: AcceptedMedia) -> HttpReply:
    """The response to a request that is rejected."""
    return HttpReply(rejected.status, _head(accepted.json, rejected.headers), rejected.body())


def failure_reply(request_id: str, accepted: AcceptedMedia) -> HttpReply:
    """The response to a request that failed by our fault; call it while the error is handled."""
    log.exception("request %s failed outside its operation", request_id)
    rejected = RequestRejected(503, "UNAVAILABLE", f"Try again. Reference: {request_id}.")
    return rejection_reply(rejected, accepted)


def not_acceptable() -> RequestRejected:
    return RequestRejected(406, "NOT_ACCEPTABLE", f"Accept {RESPONSE_JSON} or {LEGACY_JSON}.")


def stream_not_accepted() -> RequestRejected:
    message = (
        "Subscribe by WebSocket, or by accepting text/event-stream or multipart/mixed with"
        " subscriptionSpec=1.0."
    )
    return RequestRejected(406, "NOT_ACCEPTABLE", message)


def _status(answer: Answer, media: str) -> int:
    for error in answer.errors or ():
        code = (error.get("extensions") or {}).get("code")
        if code in _STATUS_BY_CODE:
            return _STATUS_BY_CODE[code]
    # Older clients read only the body of a 200; the newer media type lets the status tell.
    return 400 if media == RESPONSE_JSON else 200


def _retry_after(answer: Answer) -> dict[str, str]:
    for error in answer.errors or ():
        seconds = (error.get("extensions") or {}).get("retryAfterSeconds")
        if isinstance(seconds, int):
            return {"retry-after": str(seconds)}
    return {}


def _head(media: str | None, headers: Mapping[str, str]) -> bytes:
    """The header lines of every response, and those of this one."""
    fixed = FIXED_LINES[media or LEGACY_JSON]
    own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return fixed + own.encode("latin-1") if own else fixed


FIXED_LINES = {
    media: (
        f"content-type: {media}; charset=utf-8\r\ncache-control: no-store\r\n"
        "vary: accept, accept-encoding\r\n"
    ).encode()
    for media in (RESPONSE_JSON, LEGACY_JSON)
}
