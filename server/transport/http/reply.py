"""Responses of the graph over HTTP: their statuses, their header lines and their bodies."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from execution import Answer
from server.transport.http.accept import LEGACY_JSON, RESPONSE_JSON, Accepted
from server.transport.rejected import Rejected
from server.transport.running import TIMED_OUT

log = logging.getLogger(__name__)

# Refusals that mean something to proxies and retrying clients keep their status in every dialect.
_STATUS_BY_CODE = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "PERSISTED_ONLY": 403,
    "RATE_LIMITED": 429,
    "THROTTLED": 429,
    "UNAVAILABLE": 503,
    TIMED_OUT: 504,
}


class Reply(NamedTuple):
    """A response: its status, its own header lines, each with its end, and its body."""

    status: int
    head: bytes
    body: bytes

    def sent(self, beside: bytes, request_id: str) -> bytes:
        """The same as it goes on the wire; `beside` are header lines of the server's."""
        return b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (
            STATUS_LINE[self.status],
            beside,
            self.head,
            len(self.body),
            request_id.encode("latin-1"),
            self.body,
        )

    def response(self) -> Response:
        """The same for ASGI."""
        response = Response(self.body, self.status)
        lines = (line.split(b": ", 1) for line in self.head.split(b"\r\n") if line)
        response.raw_headers.extend((name, value) for name, value in lines)
        return response


def _status(answer: Answer, media: str) -> int:
    for error in answer.errors or ():
        code = (error.get("extensions") or {}).get("code")
        if code in _STATUS_BY_CODE:
            return _STATUS_BY_CODE[code]
    # Older clients read the body of a 200 only; the newer media type lets the status speak.
    return 400 if media == RESPONSE_JSON else 200


def _retry_after(answer: Answer) -> dict[str, str]:
    for error in answer.errors or ():
        seconds = (error.get("extensions") or {}).get("retryAfterSeconds")
        if isinstance(seconds, int):
            return {"retry-after": str(seconds)}
    return {}


def single(answer: Answer, media: str | None) -> Reply:
    media = media or LEGACY_JSON
    if answer.executed:
        return Reply(200, FIXED[media], answer.encode())
    return Reply(_status(answer, media), _head(media, _retry_after(answer)), answer.encode())


def rejection(rejected: Rejected, wanted: Accepted) -> Reply:
    return Reply(rejected.status, _head(wanted.json, rejected.headers), rejected.body())


def broken(request_id: str, wanted: Accepted) -> Reply:
    """The response to a request that failed where it should not: called while it is handled."""
    log.exception("request %s failed outside its operation", request_id)
    rejected = Rejected(503, "UNAVAILABLE", f"Try again. Reference: {request_id}.")
    return rejection(rejected, wanted)


def _head(media: str | None, headers: Mapping[str, str]) -> bytes:
    """The lines that every response has, and those of this one."""
    fixed = FIXED[media or LEGACY_JSON]
    own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return fixed + own.encode("latin-1") if own else fixed


FIXED = {
    media: (
        f"content-type: {media}; charset=utf-8\r\ncache-control: no-store\r\n"
        "vary: accept\r\nx-content-type-options: nosniff\r\n"
    ).encode()
    for media in (RESPONSE_JSON, LEGACY_JSON)
}


def unacceptable() -> Rejected:
    return Rejected(406, "NOT_ACCEPTABLE", f"Accept {RESPONSE_JSON} or {LEGACY_JSON}.")


def no_stream() -> Rejected:
    said = (
        "Subscribe by WebSocket, or by accepting text/event-stream or multipart/mixed with"
        " subscriptionSpec=1.0."
    )
    return Rejected(406, "NOT_ACCEPTABLE", said)
