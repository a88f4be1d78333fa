"""Messages of graphql-transport-ws: parsing those of clients, encoding those of the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from execution import Answer
from models.message_text import number_text
from server.transport.json_text import decode_json
from server.transport.limits import MAX_OPERATION_ID_CHARS, MAX_SIGNAL_BYTES, TransportLimits
from server.transport.operation import MalformedRequest, Operation, parse_operation

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

_MAX_REASON_BYTES = 123  # what a close frame can hold


class CloseSocket(Exception):
    """Closes the socket: a close code, and a reason cut to what a close frame can hold."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """connection_init, with the client's credentials."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """ping: answered by a pong; an authorization in its payload replaces the last one."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pong:
    """pong: the answer to a ping."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """subscribe: an operation of any type under the client's id."""

    id: str
    operation: Operation


@dataclass(frozen=True, slots=True)
class Complete:
    """complete: the client stops that operation."""

    id: str


Frame = ConnectionInit | Ping | Pong | Subscribe | Complete


def frame_bytes(text: str, limits: TransportLimits) -> bytes:
    """The bytes of a text frame; raises CloseSocket (1009) if they are too many."""
    if len(text) > limits.frame_bytes or len(raw := text.encode()) > limits.frame_bytes:
        raise CloseSocket(
            FRAME_TOO_BIG, f"a frame is at most {number_text(limits.frame_bytes)} bytes"
        )
    return raw


def parse_frame(raw: bytes, limits: TransportLimits) -> Frame:
    """Parse the message in a text frame; raises CloseSocket (4400) if it is invalid."""
    try:
        message = decode_json(raw)
    except ValueError:
        raise CloseSocket(BAD_REQUEST, "the frame is not valid JSON") from None
    if not isinstance(message, dict):
        raise CloseSocket(BAD_REQUEST, "the frame is not a JSON object")
    frame = _frame(message, limits)
    if len(raw) > MAX_SIGNAL_BYTES and _is_signal(frame):
        reason = f"a ping, pong or complete is at most {number_text(MAX_SIGNAL_BYTES)} bytes"
        raise CloseSocket(BAD_REQUEST, reason)
    return frame


def _frame(message: dict[str, Any], limits: TransportLimits) -> Frame:
    match message.get("type"):
        case "connection_init":
            return ConnectionInit(_optional_payload(message))
        case "ping":
            return Ping(_optional_payload(message))
        case "pong":
            _optional_payload(message)
            return Pong()
        case "subscribe":
            return Subscribe(_id(message), _operation(message, limits))
        case "complete":
            return Complete(_id(message))
    raise CloseSocket(BAD_REQUEST, "'type' is none that a client may send")


def _is_signal(frame: Frame) -> bool:
    """Whether a frame has nothing to tell beyond its type and id: no token, no operation."""
    match frame:
        case Ping(payload):
            return "authorization" not in payload
    return isinstance(frame, Pong | Complete)


def _optional_payload(message: dict[str, Any]) -> dict[str, Any]:
    payload = message.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise CloseSocket(BAD_REQUEST, "'payload' must be an object")
    return payload


def _id(message: dict[str, Any]) -> str:
    value = message.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_OPERATION_ID_CHARS:
        raise CloseSocket(
            BAD_REQUEST, f"'id' must be a string of 1 to {MAX_OPERATION_ID_CHARS} characters"
        )
    return value


def _operation(message: dict[str, Any], limits: TransportLimits) -> Operation:
    """The operation of a frame; its size was paid before the frame was parsed."""
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise CloseSocket(BAD_REQUEST, "'payload' must be an object")
    try:
        return parse_operation(payload, levels=limits.json_levels)
    except MalformedRequest as fault:
        raise CloseSocket(BAD_REQUEST, str(fault)) from None


def text_frame(text: bytes) -> bytes:
    """Encode a text as one unmasked frame, as a server sends it (RFC 6455, 5.2)."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text


ACK = text_frame(b'{"type":"connection_ack"}')
PING = text_frame(b'{"type":"ping"}')
PONG = text_frame(b'{"type":"pong"}')


def renewal_frame(expires_at: float | None, errors: Sequence[Any] = ()) -> bytes:
    """The frame that tells when the token expires (a Unix time); with errors, the earlier one."""
    payload = {"expiresAt": expires_at, **({"errors": errors} if errors else {})}
    return text_frame(orjson.dumps({"type": "pong", "payload": payload}))


def next_prefix(operation_id: str) -> bytes:
    """The bytes before each result of an operation."""
    return b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'


def next_frame(prefix: bytes, answer: Answer) -> bytes:
    """The frame of one result; a shared answer is encoded once for all equal prefixes."""
    if not answer.shared:
        return text_frame(prefix + answer.encode() + b"}")
    if answer.cached_frame is None or answer.cached_frame[0] != prefix:
        answer.cached_frame = prefix, text_frame(prefix + answer.encode() + b"}")
    return answer.cached_frame[1]


def error_frame(operation_id: str, errors: list[dict[str, Any]]) -> bytes:
    """The frame that ends an operation which never ran."""
    payload = orjson.dumps(errors, default=str)
    return text_frame(
        b'{"id":' + orjson.dumps(operation_id) + b',"type":"error","payload":%b}' % payload
    )


def complete_frame(operation_id: str) -> bytes:
    """The frame after the last result."""
    return text_frame(b'{"id":' + orjson.dumps(operation_id) + b',"type":"complete"}')
