"""Answers as server-sent events: the distinct-connections mode of the graphql-sse protocol."""

from typing import Any

import orjson

from execution import Answer
from server.transport.stream.event_stream import StreamFraming

# LF only: common clients split events at a blank line and take a CR for part of the data.
HEARTBEAT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


def next_event(answer: Answer) -> bytes:
    """One `next` event; its id is the cursor in the answer, if it has one."""
    return _id_line(answer.data) + _next(answer.encode())


def _errors(errors: list[dict[str, Any]]) -> bytes:
    return _next(orjson.dumps({"errors": errors}))


def _next(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


def _id_line(data: object) -> bytes:
    if not isinstance(data, dict) or len(data) != 1:
        return b""
    (root,) = data.values()
    cursor = root.get("cursor") if isinstance(root, dict) else None
    # A line break in an id would forge fields of the stream.
    if not isinstance(cursor, str) or not cursor.isprintable():
        return b""
    return b"id: " + cursor.encode() + b"\n"


SSE_FRAMING = StreamFraming(
    headers={
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-store",
        "vary": "accept",
        "x-accel-buffering": "no",
    },
    begin=b"",
    heartbeat=HEARTBEAT,
    complete=COMPLETE,
    piece=next_event,
    error_piece=_errors,
)
