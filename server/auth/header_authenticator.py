"""Authenticates callers by their request headers, and builds the contexts of their operations."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from dataloaders.loaders import Loaders
from models.identity import ANONYMOUS, Actor
from models.integrations import AppSecretKind
from resolvers.context import Container, Context
from resolvers.prices import OPERATION
from server.auth.language import format_locale_of, language_of
from server.auth.socket_access import SocketAccess
from server.rate_limit.budgets import THROTTLED, CallerBudgets, throttled_message
from server.transport.authentication import (
    AuthenticatedCaller,
    Authentication,
    AuthenticationFailure,
)
from services.core.idempotency import MAX_KEY_LENGTH
from services.core.rate_limiter import CostRejected
from services.core.transient_errors import is_transient
from services.identity.access_tokens import (
    ACCESS_TOKEN_SECONDS,
    EndedAccessToken,
    ExpiredAccessToken,
    InvalidAccessToken,
)
from subscriptions.engine.hub import hub_of

log = logging.getLogger("darkstore.edge")

BEARER = "bearer "
API_KEY_PREFIX = "dk_"
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503
RETRY_WHEN_BUSY_SECONDS = 1
MAX_DEVICE_CHARS = 200


class HeaderAuthenticator:
    """Implements the transport's `CallerAuthenticator`: access tokens and API keys of apps."""

    def __init__(self, container: Container, budgets: CallerBudgets | None = None) -> None:
        self.container = container
        self._budgets = budgets or CallerBudgets()

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        """Return an anonymous caller, or one whose token was verified lately, at once."""
        if _valid_idempotency_key(headers):
            authorization = headers.get("authorization")
            if not authorization:
                return self._caller(ANONYMOUS, None, headers, client)
            known = self._known_actor(authorization)
            if known is not None:
                return self._caller(*known, headers, client)
        return self._look_up(headers, client)

    async def _look_up(self, headers: Mapping[str, str], client: str) -> Authentication:
        if not _valid_idempotency_key(headers):
            message = f"Idempotency-Key has 1 to {MAX_KEY_LENGTH} characters."
            failure = AuthenticationFailure("BAD_REQUEST", message, 400)
            return self.charge_refusal(client) or failure
        token = _token_of(headers.get("authorization", ""))
        if (ended := self._budgets.ended_rejection(token)) is not None:
            return _throttled(ended)
        rejected = self._budgets.failure_rejection(client)
        try:
            if rejected is not None and not await self._is_ours(token):
                return _throttled(rejected)
            if (spent := self._empty_budget(token, client)) is not None:
                return _throttled(spent)
            actor, expires_at = await self._holder_of(token)
        except InvalidAccessToken as invalid:
            ours = token if isinstance(invalid, EndedAccessToken) else ""
            self._budgets.charge_failure(client, ended=ours)
            return AuthenticationFailure(message=str(invalid))
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("a session could not be looked up: %s", error)
            message = "Too much is going on: try again."
            return AuthenticationFailure(
                "UNAVAILABLE", message, SERVICE_UNAVAILABLE, RETRY_WHEN_BUSY_SECONDS
            )
        return self._caller(actor, expires_at, headers, client)

    def charge_refusal(self, client: str, size_bytes: int = 0) -> AuthenticationFailure | None:
        """Let a client network pay for a refused request; the failure when it can't pay."""
        rejected = self._budgets.charge_refusal(client, size_bytes)
        return None if rejected is None else _throttled(rejected)

    def _empty_budget(self, token: str, client: str) -> CostRejected | None:
        """Return why the person or app of a token can't pay for anything, without a look-up."""
        if not token or token.startswith(API_KEY_PREFIX):
            return None
        actor = self.container.authenticator.verify(token).actor
        return self._budgets.rejection(actor, client, OPERATION)

    async def _is_ours(self, token: str) -> bool:
        """Whether we issued a token or key, known without a look-up of this one.

        One of ours is not refused for what others of its network have failed with: one that has
        expired or was revoked learns that, so that its client can sign in again. An API key is
        ours when it was issued, also one that this process has never seen.
        """
        authenticator = self.container.authenticator
        if token.startswith(API_KEY_PREFIX):
            return await authenticator.apps.index.contains(token)
        try:
            authenticator.verify(token)
        except ExpiredAccessToken:
            return True
        except InvalidAccessToken:
            return False
        return True

    async def _holder_of(self, token: str) -> tuple[Actor, float]:
        """Whose token or key it is, and when it expires. Raises InvalidAccessToken."""
        if not token:
            raise InvalidAccessToken("Send `Authorization: Bearer <access token>`.")
        if token.startswith(API_KEY_PREFIX):
            return await self._app_of_key(token)
        return await self._actor_of_token(token)

    def _caller(
        self, actor: Actor, expires_at: float | None, headers: Mapping[str, str], client: str
    ) -> AuthenticatedCaller:
        new_context = partial(self._context, actor, headers, client)
        watch = None if actor.person_id is None else self._watch
        return AuthenticatedCaller(new_context(), new_context, expires_at, actor.person_id, watch)

    def _watch(self, context: Context, on_end: Callable[[str], None]) -> Callable[[], None]:
        """Let the access monitor end a socket whose session, secret or roles were revoked."""
        monitor = hub_of(context).access_monitor
        grants_of = self.container.authenticator.session_grants.grants_of
        access = SocketAccess(context.actor, grants_of, on_end)
        monitor.add(access)
        return partial(monitor.remove, access)

    def _known_actor(self, authorization: str) -> tuple[Actor, float] | None:
        """The person of a token that, with its session, was verified lately; the token's expiry."""
        token = _token_of(authorization)
        if not token:
            return None
        authenticator = self.container.authenticator
        claims = authenticator.cached_claims(token)
        if claims is None or claims.actor.app_id is not None:
            return None
        actor = authenticator.cached_actor(claims.actor)
        return None if actor is None else (actor, claims.expires_at)

    async def _actor_of_token(self, token: str) -> tuple[Actor, float]:
        """The actor of a token whose session or app secret is still valid; the token's expiry."""
        authenticator = self.container.authenticator
        claims = authenticator.verify(token)
        actor = claims.actor
        if actor.app_id is not None:
            holder = await authenticator.apps.find_by_secret_id(actor.session_id)
            if holder is None:
                raise EndedAccessToken("The app or its secret was revoked, or has expired.")
            return holder.actor(actor.scopes), claims.expires_at
        current = await authenticator.current_actor(actor)
        if current is None:
            raise EndedAccessToken("This session was signed out.")
        return current, claims.expires_at

    async def _app_of_key(self, key: str) -> tuple[Actor, float]:
        """The app of an API key; a socket opened by it ends when an access token would expire."""
        apps = self.container.authenticator.apps
        holder = await apps.find_by_secret(key, AppSecretKind.API_KEY)
        if holder is None:
            if await apps.index.contains(key):
                raise EndedAccessToken("This key was revoked, or has expired.")
            raise InvalidAccessToken("This key is not one of ours.")
        return holder.actor(), time.time() + ACCESS_TOKEN_SECONDS

    def _context(self, actor: Actor, headers: Mapping[str, str], client: str) -> Context:
        return Context(
            container=self.container,
            actor=actor,
            loaders=Loaders(self.container.database, actor.scope()),
            language=language_of(headers.get("accept-language")),
            locale=format_locale_of(headers.get("accept-language")),
            address=client,
            request_id=headers.get("x-request-id", ""),
            device=headers.get("user-agent", "")[:MAX_DEVICE_CHARS],
            device_token=headers.get("device-token"),
            idempotency_key=headers.get("idempotency-key"),
            last_event_id=headers.get("last-event-id") or None,
        )


def _token_of(authorization: str) -> str:
    """The token or key in the header; empty when it holds something else."""
    if authorization[: len(BEARER)].lower() != BEARER:
        return ""
    return authorization[len(BEARER) :].strip()


def _throttled(rejected: CostRejected) -> AuthenticationFailure:
    message, wait = throttled_message(rejected), rejected.retry_after_seconds
    return AuthenticationFailure(THROTTLED, message, TOO_MANY_REQUESTS, wait)


def _valid_idempotency_key(headers: Mapping[str, str]) -> bool:
    key = headers.get("idempotency-key")
    return key is None or 0 < len(key) <= MAX_KEY_LENGTH
