"""Sign-in at the edge: headers in, a context for one operation out."""

import logging
from collections.abc import Mapping

from dataloaders import Loaders
from models.actor import ANONYMOUS, Actor
from resolvers.context import Context, House
from server.errors import passing
from server.language import language_of
from server.wire import Denied, Opened
from services.idempotency import KEY_LENGTH
from services.token import BadToken

log = logging.getLogger("darkstore.edge")

BEARER = "bearer "
UNAVAILABLE = 503
DEVICE_LENGTH = 200


class Edge:
    """Implements the wire's `Contexts` over the house, which opens when the server starts."""

    house: House

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

        def fresh() -> Context:
            return self._context(actor, headers, client)

        return Opened(fresh(), fresh, expires_at)

    async def _actor(self, authorization: str) -> tuple[Actor, float] | Denied:
        if not authorization.lower().startswith(BEARER):
            return Denied(message="Send `Authorization: Bearer <access token>`.")
        try:
            claims = self.house.identity.read(authorization[len(BEARER) :].strip())
        except BadToken as bad:
            return Denied(message=str(bad))
        try:
            alive = await self.house.identity.alive(claims.actor.session_id)
        except Exception as error:
            if not passing(error):
                raise
            log.warning("a session could not be looked up: %s", error)
            return Denied("UNAVAILABLE", "Too much is going on: try again.", UNAVAILABLE)
        if not alive:
            return Denied(message="This session was signed out.")
        return claims.actor, claims.expires_at

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
