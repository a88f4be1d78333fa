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
from resolvers import prices
from server.errors import retry_after_of
from server.rate_limit.budgets import CallerBudgets, throttled_message
from services.core.rate_limiter import CostRejected
from services.core.transient_errors import is_transient
from services.identity.access_tokens import ACCESS_TOKEN_SECONDS, SCOPES_BY_TOKEN
from workflows.identity.app_cache import AppCredential
from workflows.identity.authenticator import Authenticator

log = logging.getLogger("darkstore.oauth")

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address, not a secret
MAX_BODY_BYTES = 8_192
MAX_FIELDS = 20
GRANT_TYPE = "client_credentials"
FORM = "application/x-www-form-urlencoded"
CACHED = {"cache-control": "public, max-age=300"}
NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}


class OAuthError(Exception):
    """An error response of RFC 6749, section 5.2."""

    def __init__(
        self, code: str, description: str, status: int = 400, rejected: CostRejected | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.status = status
        self.wait = retry_after_of(rejected)

    def response(self) -> Response:
        headers = dict(NOT_STORED)
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="darkstore"'
        for seconds in self.wait.values():
            headers["retry-after"] = str(seconds)
        body = {"error": self.code, "error_description": str(self), **self.wait}
        return JSONResponse(body, self.status, headers)


def slow_down(rejected: CostRejected) -> OAuthError:
    """The refusal of a client without budget, with the seconds to wait."""
    return OAuthError("slow_down", throttled_message(rejected), 429, rejected)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A well-formed request for a token."""

    client_id: str
    secret: str
    scopes: frozenset[AppScope] | None


def oauth_routes(authenticator: Authenticator, budgets: CallerBudgets) -> list[BaseRoute]:
    """Where access tokens are issued, and where the keys that sign them are published."""

    async def jwks(request: Request) -> Response:
        """The public keys that sign our access tokens (RFC 7517)."""
        return JSONResponse(authenticator.jwks(), headers=CACHED)

    return [
        Route("/.well-known/jwks.json", jwks),
        Route(TOKEN_PATH, TokenEndpoint(authenticator, budgets).respond, methods=["POST"]),
    ]


class TokenEndpoint:
    """Issues tokens: the app pays for its own, the client network for everything else."""

    def __init__(self, authenticator: Authenticator, budgets: CallerBudgets) -> None:
        self._authenticator = authenticator
        self._budgets = budgets

    async def respond(self, request: Request) -> Response:
        """Respond with a token, or with the reason why there is none."""
        address = request.client.host if request.client else ""
        try:
            return await self._issue(await self._token_request(request, address), address)
        except OAuthError as error:
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("a client could not be looked up: %s", error)
            return JSONResponse({"error": "temporarily_unavailable"}, 503, NOT_STORED)

    async def _token_request(self, request: Request, address: str) -> TokenRequest:
        """The request in its form. A client network pays for one that is not well-formed."""
        try:
            return _parse_request(await _read_form(request), request.headers.get("authorization"))
        except OAuthError:
            if (rejected := self._budgets.charge_refusal(address)) is not None:
                raise slow_down(rejected) from None
            raise

    async def _issue(self, request: TokenRequest, address: str) -> Response:
        credential = await self._client(request, address)
        scopes = _granted_scopes(request, credential)
        token, _ = self._authenticator.sign(credential.actor(scopes))
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": " ".join(sorted(scope.token for scope in scopes)),
        }
        return JSONResponse(body, headers=NOT_STORED)

    async def _client(self, request: TokenRequest, address: str) -> AppCredential:
        """The client that a request names, whose app pays: also when the id is not the app's.

        A network that has failed too often may ask only by secrets that were issued: the others
        are refused without a look-up.
        """
        apps = self._authenticator.apps
        # An API key is no client secret, and stays valid as what it is.
        credential = f"{TOKEN_PATH} {request.secret}"
        if (ended := self._budgets.ended_rejection(credential)) is not None:
            raise slow_down(ended)
        rejected = self._budgets.failure_rejection(address)
        if rejected is not None and not await apps.index.contains(request.secret):
            raise slow_down(rejected)
        found = await apps.find_by_secret(request.secret, AppSecretKind.CLIENT_SECRET)
        if found is None:
            was_issued = await apps.index.contains(request.secret)
            self._budgets.charge_failure(address, ended=credential if was_issued else "")
            raise _unknown_client()
        reserved = self._budgets.reserve(found.actor(), address, prices.ACCESS_TOKEN)
        if isinstance(reserved, CostRejected):
            raise slow_down(reserved)
        if encode_id(App, found.app_id) != request.client_id:
            raise _unknown_client()
        return found


def _unknown_client() -> OAuthError:
    return OAuthError("invalid_client", "There is no such client with this secret.", 401)


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
