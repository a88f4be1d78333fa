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
from models.ids import encode_id
from models.integrations import App, AppSecretKind
from services.core.problems import DomainError, RateLimited
from services.core.transient_errors import is_transient
from services.identity.access_tokens import ACCESS_TOKEN_SECONDS, SCOPES_BY_TOKEN
from workflows.identity.app_cache import AppCredential
from workflows.identity.authenticator import Authenticator

log = logging.getLogger("darkstore.oauth")

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address, not a secret
MAX_BODY_BYTES = 8_192
MAX_FIELDS = 20
FAILURES_PER_HOUR = 100
GRANT_TYPE = "client_credentials"
FORM = "application/x-www-form-urlencoded"
CACHED = {"cache-control": "public, max-age=300"}
NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}


class OAuthError(Exception):
    """An error response of RFC 6749, section 5.2."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status

    def response(self) -> Response:
        headers = dict(NOT_STORED)
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="darkstore"'
        body = {"error": self.code, "error_description": str(self)}
        return JSONResponse(body, self.status, headers)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A well-formed request for a token."""

    client_id: str
    secret: str
    scopes: frozenset[AppScope] | None


def oauth_routes(authenticator: Authenticator) -> list[BaseRoute]:
    """Where access tokens are issued, and where the keys that sign them are published."""

    async def jwks(request: Request) -> Response:
        """The public keys that sign our access tokens (RFC 7517)."""
        return JSONResponse(authenticator.jwks(), headers=CACHED)

    return [
        Route("/.well-known/jwks.json", jwks),
        Route(TOKEN_PATH, TokenEndpoint(authenticator).respond, methods=["POST"]),
    ]


class TokenEndpoint:
    """Issues tokens; limits the failures of each address."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._failures = authenticator.limit_of("wrong client secrets came", FAILURES_PER_HOUR)

    async def respond(self, request: Request) -> Response:
        """Respond with a token, or with the reason why there is none."""
        try:
            form = await _read_form(request)
            token_request = _parse_request(form, request.headers.get("authorization"))
            return await self._issue(token_request, request.client.host if request.client else "")
        except OAuthError as error:
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("a client could not be looked up: %s", error)
            return JSONResponse({"error": "temporarily_unavailable"}, 503, NOT_STORED)

    async def _issue(self, request: TokenRequest, address: str) -> Response:
        credential = await self._authenticator.apps.find_by_secret(
            request.secret, AppSecretKind.CLIENT_SECRET
        )
        if credential is None or encode_id(App, credential.app_id) != request.client_id:
            self._count_failure(address)
            raise OAuthError("invalid_client", "There is no such client with this secret.", 401)
        scopes = _granted_scopes(request, credential)
        token, _ = self._authenticator.sign(credential.actor(scopes))
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": " ".join(sorted(scope.token for scope in scopes)),
        }
        return JSONResponse(body, headers=NOT_STORED)

    def _count_failure(self, address: str) -> None:
        try:
            self._failures.count_attempt(address)
        except DomainError as error:
            [problem] = error.problems
            wait = problem.retry_after_seconds if isinstance(problem, RateLimited) else 60
            raise OAuthError("slow_down", f"{problem.message} ({wait} s)", 429) from None


def _granted_scopes(request: TokenRequest, credential: AppCredential) -> frozenset[AppScope]:
    """The requested scopes, by default all of the app; raises OAuthError for others."""
    scopes = credential.scopes if request.scopes is None else request.scopes
    if excess := scopes - credential.scopes:
        names = " ".join(sorted(scope.token for scope in excess))
        raise OAuthError("invalid_scope", f"The app may not: {names}.")
    return scopes


async def _read_form(request: Request) -> Mapping[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM:
        raise OAuthError("invalid_request", f"Send {FORM}.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise OAuthError("invalid_request", "The request is too long.", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise OAuthError("invalid_request", "The form can't be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter came twice.")
    return form


def _parse_request(form: Mapping[str, str], authorization: str | None) -> TokenRequest:
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "grant_type is missing.")
    if grant_type != GRANT_TYPE:
        raise OAuthError("unsupported_grant_type", f"grant_type is {GRANT_TYPE}.")
    client_id, secret = _parse_client(form, authorization)
    return TokenRequest(client_id, secret, _parse_scopes(form.get("scope")))


def _parse_client(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    """The client's id and secret: from the header or from the form, but not from both."""
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            message = "Name the client by HTTP Basic or in the form."
            raise OAuthError("invalid_client", message, 401)
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise OAuthError("invalid_request", "The client is named twice.")
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", "Clients are named by HTTP Basic.", 401)
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        message = "The Authorization header can't be read."
        raise OAuthError("invalid_client", message, 401) from None
    if not colon:
        raise OAuthError("invalid_client", "The Authorization header holds no secret.", 401)
    return unquote_plus(name), unquote_plus(secret)


def _parse_scopes(text: str | None) -> frozenset[AppScope] | None:
    if text is None or not text.strip():
        return None
    words = text.split()
    if unknown := [word for word in words if word not in SCOPES_BY_TOKEN]:
        raise OAuthError("invalid_scope", f"There is no scope {unknown[0][:40]!r}.")
    return frozenset(SCOPES_BY_TOKEN[word] for word in words)
