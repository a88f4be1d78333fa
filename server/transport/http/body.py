"""Reads one GraphQL request from HTTP; its size is checked before it is held in memory."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from models.message_text import number_text
from server.transport.json_text import decode_json
from server.transport.limits import TransportLimits
from server.transport.operation import MalformedRequest, Operation, parse_operation
from server.transport.rejection import RequestRejected

JSON = "application/json"
_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})
_JSON_PARAMETERS = frozenset({"variables", "extensions"})


async def read_text(request: Request, limits: TransportLimits) -> bytes:
    """Read a GET's query string or a POST's body, unparsed; raises RequestRejected."""
    if request.method == "GET":
        text: bytes = request.scope.get("query_string", b"")
        return text
    if request.method == "POST":
        check_content_headers(request.headers)
        return await _bounded_body(request, limits)
    raise RequestRejected(
        405, "METHOD_NOT_ALLOWED", "GraphQL is served by POST and GET.", {"allow": "GET, POST"}
    )


def parse_query_string(text: bytes, limits: TransportLimits) -> Operation:
    """Parse the query string of a GET; raises RequestRejected."""
    return _operation(_parameters(text), limits)


def parse_body(body: bytes, limits: TransportLimits) -> Operation:
    """Parse the body of a POST; raises RequestRejected."""
    return _operation(_json(body, "The body"), limits)


def _operation(parameters: object, limits: TransportLimits) -> Operation:
    try:
        return parse_operation(parameters, levels=limits.json_levels)
    except MalformedRequest as fault:
        raise RequestRejected(400, "BAD_REQUEST", str(fault)) from None


def is_plain_json(headers: Mapping[str, str]) -> bool:
    """Whether the headers announce JSON in the usual words."""
    return headers.get("content-type") == JSON and "content-encoding" not in headers


def check_content_headers(headers: Mapping[str, str]) -> None:
    """Raise RequestRejected unless the headers announce JSON in UTF-8 without an encoding."""
    if is_plain_json(headers):
        return
    # Only application/json makes a browser send a preflight across sites: forms can't forge it.
    media, _, parameters = headers.get("content-type", "").partition(";")
    if media.strip().lower() != JSON:
        raise RequestRejected(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the request with content-type application/json."
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        utf8 = value.strip().strip('"').lower() in {"utf-8", "utf8"}
        if name.strip().lower() == "charset" and not utf8:
            raise RequestRejected(415, "UNSUPPORTED_MEDIA_TYPE", "JSON is read as UTF-8 only.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestRejected(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the body without content-encoding."
        )


async def _bounded_body(request: Request, limits: TransportLimits) -> bytes:
    too_large = RequestRejected(
        413,
        "PAYLOAD_TOO_LARGE",
        f"A request body is at most {number_text(limits.body_bytes)} bytes.",
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limits.body_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.body_bytes:
            raise too_large
    return bytes(body)


def _parameters(query_string: bytes) -> dict[str, object]:
    parameters: dict[str, object] = {}
    for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        if name not in _PARAMETERS:
            continue
        if name in parameters:
            raise RequestRejected(400, "BAD_REQUEST", f"'{name}' is given twice.")
        if text and name in _JSON_PARAMETERS:
            parameters[name] = _json(text.encode(), f"'{name}'")
        else:
            parameters[name] = text
    return parameters


def _json(raw: bytes, subject: str) -> object:
    try:
        return decode_json(raw)
    except ValueError:
        raise RequestRejected(400, "BAD_REQUEST", f"{subject} is not valid JSON.") from None
