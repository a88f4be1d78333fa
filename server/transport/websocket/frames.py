"""The messages a client may send over graphql-transport-ws, each checked for shape before use."""

from dataclasses import dataclass
from typing import Any

import orjson

from execution import Answer
from server.transport.limits import OPERATION_ID_MAX_CHARS, WireLimits
from server.transport.operation import Misshapen, Operation, operation_of

ABNORMAL = 1006
FRAME_TOO_BIG = 1009
SERVICE_RESTART = 1012
TRY_AGAIN = 1013
BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBPROTOCOL_NOT_ACCEPTABLE = 4406
TIMED_OUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_REQUESTS = 4429

_REASON_MAX_BYTES = 123  # what a close frame can hold


class Goodbye(Exception):
    """The end of a socket: a close code and a reason short enough for a close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_REASON_MAX_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Init:
    """connection_init, with the sign-in that came along."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """ping: answered by a pong; an authorization in its payload takes the place of the last one."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pong:
    """pong: proof of life, nothing more."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """subscribe: an operation of any kind under the client's id."""

    id: str
    operation: Operation


@dataclass(frozen=True, slots=True)
class Complete:
    """complete: the client wants no more of that operation."""

    id: str


Frame = Init | Ping | Pong | Subscribe | Complete


def frame_of(text: str, limits: WireLimits) -> Frame:
    """Answer the message in a text frame; raises Goodbye (1009 or 4400) for anything else."""
    if len(text) > limits.frame_bytes or len(raw := text.encode()) > limits.frame_bytes:
        raise Goodbye(FRAME_TOO_BIG, f"a frame is at most {limits.frame_bytes} bytes")
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Goodbye(BAD_REQUEST, "the frame is not valid JSON") from None
    if not isinstance(message, dict):
        raise Goodbye(BAD_REQUEST, "the frame is not a JSON object")
    match message.get("type"):
        case "connection_init":
            return Init(_optional_payload(message))
        case "ping":
            return Ping(_optional_payload(message))
        case "pong":
            _optional_payload(message)
            return Pong()
        case "subscribe":
            return Subscribe(_id(message), _operation(message, limits))
        case "complete":
            return Complete(_id(message))
    raise Goodbye(BAD_REQUEST, "'type' is none that a client may send")


def _optional_payload(message: dict[str, Any]) -> dict[str, Any]:
    payload = message.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise Goodbye(BAD_REQUEST, "'payload' must be an object")
    return payload


def _id(message: dict[str, Any]) -> str:
    value = message.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= OPERATION_ID_MAX_CHARS:
        raise Goodbye(
            BAD_REQUEST, f"'id' must be a string of 1 to {OPERATION_ID_MAX_CHARS} characters"
        )
    return value


def _operation(message: dict[str, Any], limits: WireLimits) -> Operation:
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise Goodbye(BAD_REQUEST, "'payload' must be an object")
    try:
        return operation_of(payload, levels=limits.json_levels)
    except Misshapen as fault:
        raise Goodbye(BAD_REQUEST, str(fault)) from None


def framed(text: bytes) -> bytes:
    """A text in one unmasked frame, as a server sends it (RFC 6455, 5.2)."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text


ACK = framed(b'{"type":"connection_ack"}')
PING = framed(b'{"type":"ping"}')
PONG = framed(b'{"type":"pong"}')


def renewed(expires_at: float | None) -> bytes:
    """The frame that says how long the renewed token is good for (a Unix time)."""
    return framed(orjson.dumps({"type": "pong", "payload": {"expiresAt": expires_at}}))


def head_of(operation_id: str) -> bytes:
    """What stands before the results of an operation."""
    return b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'


def next_of(head: bytes, answer: Answer) -> bytes:
    """The frame of one result; made once for all who get this very answer under the same id."""
    if not answer.shared:
        return framed(head + answer.encode() + b"}")
    if answer.framed is None or answer.framed[0] != head:
        answer.framed = head, framed(head + answer.encode() + b"}")
    return answer.framed[1]


def error_of(operation_id: str, errors: list[dict[str, Any]]) -> bytes:
    """The frame that ends an operation which never ran."""
    listed = orjson.dumps(errors, default=str)
    return framed(
        b'{"id":' + orjson.dumps(operation_id) + b',"type":"error","payload":%b}' % listed
    )


def complete_of(operation_id: str) -> bytes:
    """The frame after the last result."""
    return framed(b'{"id":' + orjson.dumps(operation_id) + b',"type":"complete"}')
