"""Answers as parts of one multipart response: Apollo's protocol for subscriptions over HTTP.

A reader takes a part as complete when it sees the boundary after it, so each part ends with one.
"""

from typing import Any

import orjson

from execution import Answer
from server.transport.stream.event_stream import StreamFraming

BOUNDARY = "graphql"
_PART_HEAD = b"\r\ncontent-type: application/json\r\n\r\n"
_BOUNDARY_AFTER = b"\r\n--graphql"


def _part(body: bytes) -> bytes:
    return _PART_HEAD + body + _BOUNDARY_AFTER


def _next(answer: Answer) -> bytes:
    return _part(b'{"payload":' + answer.encode() + b"}")


def _errors(errors: list[dict[str, Any]]) -> bytes:
    # Errors beside the payload are of the transport: the client ends the subscription.
    return _part(orjson.dumps({"payload": None, "errors": errors}))


MULTIPART_FRAMING = StreamFraming(
    headers={
        "content-type": f'multipart/mixed;boundary="{BOUNDARY}";subscriptionSpec=1.0',
        "cache-control": "no-cache, no-store",
        "vary": "accept",
        "x-accel-buffering": "no",
    },
    begin=b"--graphql",
    heartbeat=_part(b"{}"),
    complete=b"--\r\n",
    piece=_next,
    error_piece=_errors,
)
