"""Reading one GraphQL request out of HTTP, with its size known to be bounded before it is held."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from server.transport.limits import WireLimits
from server.transport.operation import Misshapen, Operation, operation_of
from server.transport.rejected import Rejected

JSON = "application/json"
_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})
_JSON_PARAMETERS = frozenset({"variables", "extensions"})


async def read_operation(request: Request, limits: WireLimits) -> Operation:
    """Answer the operation in a GET's query string or a POST's JSON body; raises Rejected."""
    parameters: object
    if request.method == "GET":
        parameters = _from_url(request, limits)
    elif request.method == "POST":
        check_content(request.headers)
        parameters = _json(await _bounded_body(request, limits), "The body")
    else:
        raise Rejected(
            405, "METHOD_NOT_ALLOWED", "GraphQL is served by POST and GET.", {"allow": "GET, POST"}
        )
    return _operation(parameters, limits)


def operation_in(body: bytes, limits: WireLimits) -> Operation:
    """Answer the operation in the body of a POST; raises Rejected."""
    return _operation(_json(body, "The body"), limits)


def _operation(parameters: object, limits: WireLimits) -> Operation:
    try:
        return operation_of(parameters, levels=limits.json_levels)
    except Misshapen as fault:
        raise Rejected(400, "BAD_REQUEST", str(fault)) from None


def check_content(headers: Mapping[str, str]) -> None:
    """Raise Rejected unless the headers speak of JSON in UTF-8, sent as it is."""
    if headers.get("content-type") == JSON and "content-encoding" not in headers:
        return
    # Only application/json makes a browser ask before it sends across sites: forms cannot forge it.
    media, _, parameters = headers.get("content-type", "").partition(";")
    if media.strip().lower() != JSON:
        raise Rejected(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the request with content-type application/json."
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        utf8 = value.strip().strip('"').lower() in {"utf-8", "utf8"}
        if name.strip().lower() == "charset" and not utf8:
            raise Rejected(415, "UNSUPPORTED_MEDIA_TYPE", "JSON is read as UTF-8 only.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Rejected(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body without content-encoding.")


async def _bounded_body(request: Request, limits: WireLimits) -> bytes:
    too_large = Rejected(
        413, "PAYLOAD_TOO_LARGE", f"A request body is at most {limits.body_bytes} bytes."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limits.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise too_large
    except TimeoutError:
        raise Rejected(
            408, "REQUEST_TIMEOUT", f"The body did not arrive within {limits.body_seconds:g} s."
        ) from None
    return bytes(body)


def _from_url(request: Request, limits: WireLimits) -> dict[str, object]:
    raw: bytes = request.scope.get("query_string", b"")
    if len(raw) > limits.url_query_bytes:
        raise Rejected(
            414, "URI_TOO_LONG", f"A query string is at most {limits.url_query_bytes} bytes."
        )
    parameters: dict[str, object] = {}
    for name, text in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in _PARAMETERS:
            continue
        if name in parameters:
            raise Rejected(400, "BAD_REQUEST", f"'{name}' is given twice.")
        if name in _JSON_PARAMETERS:
            parameters[name] = _json(text.encode(), f"'{name}'") if text else None
        else:
            parameters[name] = text or None
    return parameters


def _json(raw: bytes, what: str) -> object:
    try:
        # orjson refuses bad UTF-8, lone surrogates, NaN and nesting that would exhaust the stack.
        decoded: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Rejected(400, "BAD_REQUEST", f"{what} is not valid JSON.") from None
    return decoded
