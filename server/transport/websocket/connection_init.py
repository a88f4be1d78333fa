"""The credentials in connection_init, as the headers that an HTTP request would carry."""

import re
from collections.abc import Mapping
from typing import Any

from server.transport.limits import MAX_HEADER_VALUE_CHARS, MAX_INIT_HEADERS
from server.transport.websocket.frames import BAD_REQUEST, CloseSocket

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
# Clients may not set headers that describe their network. An idempotency key belongs to one
# operation, not to every mutation of a socket.
_NOT_FROM_CLIENTS = frozenset(
    {"cookie", "forwarded", "host", "idempotency-key", "origin", "x-real-ip"}
)


def init_headers(upgrade: Mapping[str, str], payload: dict[str, Any]) -> dict[str, str]:
    """Merge the header-like keys of the payload into the headers of the upgrade request.

    Raises CloseSocket (4400) if the payload has too many keys or an invalid authorization.
    """
    if len(payload) > MAX_INIT_HEADERS:
        raise CloseSocket(BAD_REQUEST, f"a payload has at most {MAX_INIT_HEADERS} keys")
    headers = {name.lower(): value for name, value in upgrade.items()}
    headers.pop("idempotency-key", None)
    for name, value in payload.items():
        key = name.lower()
        if not _NAME.fullmatch(name) or key in _NOT_FROM_CLIENTS or key.startswith("x-forwarded-"):
            continue
        if isinstance(value, str) and len(value) <= MAX_HEADER_VALUE_CHARS:
            headers[key] = value
        elif key == "authorization" and value is not None:
            raise CloseSocket(BAD_REQUEST, "'authorization' must be a short string")
    return headers
