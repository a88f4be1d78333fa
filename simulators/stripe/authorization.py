"""Authorizes requests by API key and limits the size of their bodies."""

import base64
import hmac
from contextlib import suppress

from starlette.requests import Request

from simulators.stripe.account import SimulatorSettings
from simulators.stripe.wire import BODY_LIMIT_BYTES, ApiError, Body


def authorize(
    settings: SimulatorSettings, request: Request, params: Body, *, for_clients: bool
) -> bool:
    """Return True for a publishable key and False for the secret key; raises ApiError otherwise."""
    key = _key(request, params)
    if key is None:
        raise ApiError(401, "You did not provide an API key: use `Authorization: Bearer KEY`.")
    if hmac.compare_digest(key.encode(), settings.secret_key.encode()):
        return False
    if not hmac.compare_digest(key.encode(), settings.publishable_key.encode()):
        raise ApiError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
    if not for_clients:
        raise ApiError(
            403,
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    return True


def _key(request: Request, params: Body) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return base64.b64decode(credentials, validate=True).decode().split(":")[0] or None
    key = params.get("key")
    # Only Stripe.js sends its key in the form; a secret key is not accepted there.
    return key if isinstance(key, str) and key.startswith("pk_") else None


async def read_body(request: Request) -> bytes:
    """Read the body; raises ApiError 413 when it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            raise ApiError(413, f"The body is larger than {BODY_LIMIT_BYTES} bytes.")
        parts.append(part)
    return b"".join(parts)
