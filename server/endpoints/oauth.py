"""`POST /oauth/token`: access tokens for apps by client credentials (RFC 6749, section 4.4)."""

import binascii
import logging
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from models.identity import AppScope
from models.ids import encode
from models.integrations import App, AppSecretKind
from server.auth.edge import Edge
from server.errors import passing
from services.core.address_rate_limit import Pace
from services.core.problems import RateLimited, Refused
from services.identity.access_tokens import ACCESS_SECONDS, TOKENS
from workflows.identity.app_cache import Holder

log = logging.getLogger("darkstore.oauth")

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address, not a secret
BODY_BYTES = 8_192
FIELDS_COUNT = 20
FAILURES_COUNT = 100
GRANT = "client_credentials"
FORM = "application/x-www-form-urlencoded"
KEYS_KEPT = {"cache-control": "public, max-age=300"}
UNSTORED = {"cache-control": "no-store", "pragma": "no-cache"}


class Fault(Exception):
    """An error as RFC 6749, section 5.2, names them."""

    def __init__(self, code: str, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.code = code
        self.status = status

    @property
    def answer(self) -> Response:
        headers = dict(UNSTORED)
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="darkstore"'
        said = {"error": self.code, "error_description": str(self)}
        return JSONResponse(said, self.status, headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed request for a token."""

    client_id: str
    secret: str
    scopes: frozenset[AppScope] | None


def oauth_routes(edge: Edge) -> list[BaseRoute]:
    """Where tokens are given out, and where the keys that sign them are published."""

    async def jwks(request: Request) -> Response:
        """The public keys that our access tokens are signed with (RFC 7517)."""
        return JSONResponse(edge.house.identity.jwks(), headers=KEYS_KEPT)

    return [
        Route("/.well-known/jwks.json", jwks),
        Route(TOKEN_PATH, Tokens(edge).endpoint, methods=["POST"]),
    ]


class Tokens:
    """The endpoint; it counts the failures of each address."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._failures = Pace("wrong client secrets came", FAILURES_COUNT)

    async def endpoint(self, request: Request) -> Response:
        """A token, or why there is none."""
        try:
            asked = _asked(await _form(request), request.headers.get("authorization"))
            return await self._granted(asked, request.client.host if request.client else "")
        except Fault as fault:
            return fault.answer
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            if not passing(error):
                raise
            log.warning("a client could not be looked up: %s", error)
            return JSONResponse({"error": "temporarily_unavailable"}, 503, UNSTORED)

    async def _granted(self, asked: Asked, address: str) -> Response:
        identity = self._edge.house.identity
        holder = await identity.apps.of_text(asked.secret, AppSecretKind.CLIENT_SECRET)
        if holder is None or encode(App, holder.app_id) != asked.client_id:
            self._count(address)
            raise Fault("invalid_client", "There is no such client with this secret.", 401)
        scopes = _within(asked, holder)
        token, _ = identity.sign(holder.actor(scopes))
        said = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": " ".join(sorted(scope.token for scope in scopes)),
        }
        return JSONResponse(said, headers=UNSTORED)

    def _count(self, address: str) -> None:
        try:
            self._failures.step(address)
        except Refused as refused:
            [reason] = refused.reasons
            wait = reason.retry_after_seconds if isinstance(reason, RateLimited) else 60
            raise Fault("slow_down", f"{reason.message} ({wait} s)", 429) from None


def _within(asked: Asked, holder: Holder) -> frozenset[AppScope]:
    """What was asked for, or all that the app may; refused when it is more than that."""
    wanted = holder.scopes if asked.scopes is None else asked.scopes
    if beyond := wanted - holder.scopes:
        named = " ".join(sorted(scope.token for scope in beyond))
        raise Fault("invalid_scope", f"The app may not: {named}.")
    return wanted


async def _form(request: Request) -> Mapping[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM:
        raise Fault("invalid_request", f"Send {FORM}.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise Fault("invalid_request", "The request is too long.", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=FIELDS_COUNT)
    except ValueError:
        raise Fault("invalid_request", "The form can't be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Fault("invalid_request", "A parameter came twice.")
    return form


def _asked(form: Mapping[str, str], authorization: str | None) -> Asked:
    kind = form.get("grant_type")
    if kind is None:
        raise Fault("invalid_request", "grant_type is missing.")
    if kind != GRANT:
        raise Fault("unsupported_grant_type", f"grant_type is {GRANT}.")
    client_id, secret = _client(form, authorization)
    return Asked(client_id, secret, _scopes(form.get("scope")))


def _client(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    """The client's name and secret: in the header, or in the form, but not in both."""
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise Fault("invalid_client", "Name the client by HTTP Basic or in the form.", 401)
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise Fault("invalid_request", "The client is named twice.")
    kind, _, coded = authorization.partition(" ")
    if kind.lower() != "basic":
        raise Fault("invalid_client", "Clients are named by HTTP Basic.", 401)
    try:
        name, colon, secret = b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Fault("invalid_client", "The Authorization header can't be read.", 401) from None
    if not colon:
        raise Fault("invalid_client", "The Authorization header holds no secret.", 401)
    return unquote_plus(name), unquote_plus(secret)


def _scopes(text: str | None) -> frozenset[AppScope] | None:
    if text is None or not text.strip():
        return None
    words = text.split()
    if unknown := [word for word in words if word not in TOKENS]:
        raise Fault("invalid_scope", f"There is no scope {unknown[0][:40]!r}.")
    return frozenset(TOKENS[word] for word in words)
