"""What the access monitor knows of an open socket."""

from collections.abc import Callable

from models.identity import Actor
from resolvers.rules import AccessDenied
from subscriptions.engine.access_monitor import GrantsOf


class SocketAccess:
    """Ends a socket when its session or secret was revoked, or the last role of its caller.

    Its operations are authenticated one by one, so a role less closes no socket that has others.
    """

    __slots__ = ("__weakref__", "_on_end", "actor", "grants_of")

    def __init__(self, actor: Actor, grants_of: GrantsOf, on_end: Callable[[str], None]) -> None:
        self.actor = actor
        self.grants_of = grants_of
        self._on_end = on_end

    async def check_access(self) -> None:
        """A socket watches no rows itself."""

    async def limit_to(self, actor: Actor) -> None:
        """Go on with the roles that are left; raises AccessDenied without any."""
        self.actor = actor
        if not actor.grants:
            raise AccessDenied("FORBIDDEN", "Your roles were revoked.")

    def fail(self, error: Exception) -> None:
        """Close the socket; the reason is for its client."""
        self._on_end(str(error))
