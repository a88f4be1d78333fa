"""Sign-in at the edge: headers in, a context for one operation out."""

import logging
import time
from collections.abc import Mapping
from functools import partial

from dataloaders import Loaders
from models.identity import ANONYMOUS, Actor
from models.integrations import AppSecretKind
from resolvers.context import Context, House
from server.auth.language import language_of
from server.errors import passing
from server.transport import Denied, Opened
from services.core.idempotency import KEY_LENGTH
from services.identity.access_tokens import ACCESS_SECONDS, BadToken, Claims

log = logging.getLogger("darkstore.edge")

BEARER = "bearer "
KEY_BEGINS = "dk_"
UNAVAILABLE = 503
DEVICE_LENGTH = 200


class Edge:
    """Implements the wire's `Contexts` over the house, which opens when the server starts."""

    house: House

    def at_hand(self, headers: Mapping[str, str], *, client: str) -> Opened | None:
        """Who calls, if they are nobody, or their token and session are well known here."""
        if "idempotency-key" in headers:
            return None
        authorization = headers.get("authorization")
        if not authorization:
            return self._opened(ANONYMOUS, None, headers, client)
        claims = self._remembered(authorization)
        if claims is None:
            return None
        return self._opened(claims.actor, claims.expires_at, headers, client)

    async def open(self, headers: Mapping[str, str], *, client: str) -> Opened | Denied:
        """Who calls; anonymous without a token, turned away with one that is not good."""
        key = headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= KEY_LENGTH:
            return Denied("BAD_REQUEST", f"Idempotency-Key has 1 to {KEY_LENGTH} characters.", 400)
        actor, expires_at = ANONYMOUS, None
        if authorization := headers.get("authorization"):
            found = await self._actor(authorization)
            if isinstance(found, Denied):
                return found
            actor, expires_at = found
        return self._opened(actor, expires_at, headers, client)

    def _opened(
        self, actor: Actor, expires_at: float | None, headers: Mapping[str, str], client: str
    ) -> Opened:
        fresh = partial(self._context, actor, headers, client)
        return Opened(fresh(), fresh, expires_at, actor.person_id)

    def _remembered(self, authorization: str) -> Claims | None:
        """What a person's token says, when it and their session were found good a moment ago."""
        if authorization[: len(BEARER)].lower() != BEARER:
            return None
        claims = self.house.identity.remembered(authorization[len(BEARER) :].strip())
        if claims is None or claims.actor.app_id is not None:
            return None
        return claims if self.house.identity.stands(claims.actor.session_id) else None

    async def _actor(self, authorization: str) -> tuple[Actor, float] | Denied:
        if not authorization.lower().startswith(BEARER):
            return Denied(message="Send `Authorization: Bearer <access token>`.")
        text = authorization[len(BEARER) :].strip()
        try:
            if text.startswith(KEY_BEGINS):
                return await self._with_key(text)
            claims = self.house.identity.read(text)
            return await self._standing(claims)
        except BadToken as bad:
            return Denied(message=str(bad))
        except Exception as error:
            if not passing(error):
                raise
            log.warning("a session could not be looked up: %s", error)
            return Denied("UNAVAILABLE", "Too much is going on: try again.", UNAVAILABLE)

    async def _standing(self, claims: Claims) -> tuple[Actor, float]:
        """Whom a good token speaks for, while their session or their app's secret stands."""
        actor = claims.actor
        if actor.app_id is not None:
            holder = await self.house.identity.apps.of_secret(actor.session_id)
            if holder is None:
                raise BadToken("The app or its secret was revoked, or has expired.")
            return holder.actor(actor.scopes), claims.expires_at
        if not await self.house.identity.alive(actor.session_id):
            raise BadToken("This session was signed out.")
        return actor, claims.expires_at

    async def _with_key(self, text: str) -> tuple[Actor, float]:
        """The app behind an API key; what it opens (a socket) ends when an access token would."""
        holder = await self.house.identity.apps.of_text(text, AppSecretKind.API_KEY)
        if holder is None:
            raise BadToken("This key is not one of ours: it was revoked, or has expired.")
        return holder.actor(), time.time() + ACCESS_SECONDS

    def _context(self, actor: Actor, headers: Mapping[str, str], client: str) -> Context:
        return Context(
            house=self.house,
            actor=actor,
            loaders=Loaders(self.house.database, actor.scope()),
            language=language_of(headers.get("accept-language")),
            address=client,
            request_id=headers.get("x-request-id", ""),
            device=headers.get("user-agent", "")[:DEVICE_LENGTH],
            idempotency_key=headers.get("idempotency-key"),
            last_event_id=headers.get("last-event-id") or None,
        )
