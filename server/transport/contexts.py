"""What the wire asks of the edge: who is calling, answered as a context for the resolvers."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Opened(NamedTuple):
    """A caller let in: the context of one operation, and a way to another for the same identity.

    `expires_at` is the Unix time at which the caller's token ends, or None when nothing ends.
    """

    context: Any
    fresh: Callable[[], Any]
    expires_at: float | None = None
    identity: Hashable = None
    """Who it is: a token may be renewed by one for the same alone."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A caller turned away, with a stable code and a sentence that may be shown."""

    code: str = "UNAUTHENTICATED"
    message: str = "Sign in again: the access token is not valid."
    status: int = 401

    @property
    def passing(self) -> bool:
        """Whether the trouble is ours, and the same caller may be let in a little later."""
        return self.status >= 500


class Contexts(Protocol):
    """The edge's sign-in, implemented by the composition root."""

    def at_hand(self, headers: Mapping[str, str], *, client: str) -> Opened | None:
        """Answer who calls as `open` does, if that is known here; None where `open` has to look."""
        ...

    async def open(self, headers: Mapping[str, str], *, client: str) -> Opened | Denied:
        """Answer who calls, from lower-cased headers and the peer's address."""
        ...
