"""Answers as the parts of one multipart response: Apollo's protocol for subscriptions over HTTP.

A reader takes a part for whole when it sees the boundary after it, so each part brings that along.
"""

from typing import Any

import orjson

from execution import Answer
from server.transport.stream.event_stream import Framing

BOUNDARY = "graphql"
_PART = b"\r\ncontent-type: application/json\r\n\r\n"
_BETWEEN = b"\r\n--graphql"


def _part(body: bytes) -> bytes:
    return _PART + body + _BETWEEN


def _next(answer: Answer) -> bytes:
    return _part(b'{"payload":' + answer.encode() + b"}")


def _fault(errors: list[dict[str, Any]]) -> bytes:
    # Errors beside the payload are the transport's own: the client ends the subscription.
    return _part(orjson.dumps({"payload": None, "errors": errors}))


PARTS = Framing(
    headers={
        "content-type": f'multipart/mixed;boundary="{BOUNDARY}";subscriptionSpec=1.0',
        "cache-control": "no-cache, no-store",
        "vary": "accept",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
    },
    begin=b"--graphql",
    heartbeat=_part(b"{}"),
    complete=b"--\r\n",
    of=_next,
    fault=_fault,
)
