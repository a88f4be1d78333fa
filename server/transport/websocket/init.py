"""The sign-in that comes in connection_init, as the headers that HTTP would have carried."""

import re
from collections.abc import Mapping
from typing import Any

from server.transport.limits import HEADER_VALUE_MAX_CHARS, INIT_HEADERS_MAX_COUNT
from server.transport.websocket.frames import BAD_REQUEST, Goodbye

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
# What the network says of a caller is not the caller's to say; a key belongs to one operation,
# not to every mutation of a socket.
_NOT_FROM_CLIENTS = frozenset(
    {"cookie", "forwarded", "host", "idempotency-key", "origin", "x-real-ip"}
)


def init_headers(upgrade: Mapping[str, str], payload: dict[str, Any]) -> dict[str, str]:
    """Answer the upgrade request's headers, overlaid by the header-like keys of the payload.

    Raises Goodbye (4400) when the payload holds too much, or an authorization that is no string.
    """
    if len(payload) > INIT_HEADERS_MAX_COUNT:
        raise Goodbye(BAD_REQUEST, f"a payload has at most {INIT_HEADERS_MAX_COUNT} keys")
    headers = {name.lower(): value for name, value in upgrade.items()}
    headers.pop("idempotency-key", None)
    for name, value in payload.items():
        key = name.lower()
        if not _NAME.fullmatch(name) or key in _NOT_FROM_CLIENTS or key.startswith("x-forwarded-"):
            continue
        if isinstance(value, str) and len(value) <= HEADER_VALUE_MAX_CHARS:
            headers[key] = value
        elif key == "authorization" and value is not None:
            raise Goodbye(BAD_REQUEST, "'authorization' must be a short string")
    return headers
