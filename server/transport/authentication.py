"""What the transport asks of the composition root: who is calling, and with which context."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from server.transport.rejection import RequestRejected, single_error

Watch = Callable[[Any, Callable[[str], None]], Callable[[], None]]
"""Takes a context of the caller, and calls the function with the reason when the session, the
secret or all roles are revoked, within five seconds. Returns a function that ends this."""


class AuthenticatedCaller(NamedTuple):
    """A caller who may send operations (perhaps an anonymous one), and contexts to run them in."""

    context: Any
    """The context of one operation."""
    new_context: Callable[[], Any]
    """Returns a further context for the same identity."""
    expires_at: float | None = None
    """Unix time at which the caller's token expires; None when nothing expires."""
    identity: Hashable = None
    """Who it is: a token may be replaced only by one of the same identity."""
    watch: Watch | None = None
    """Watches for as long as a socket is open whether the caller may go on."""


@dataclass(frozen=True, slots=True)
class AuthenticationFailure:
    """Why a caller may not send operations: a stable code and a sentence that may be shown."""

    code: str = "UNAUTHENTICATED"
    message: str = "Sign in again: the access token is not valid."
    status: int = 401
    retry_after_seconds: int | None = None
    """When the same caller may try again, where waiting helps."""

    def errors(self) -> list[dict[str, Any]]:
        """The failure as GraphQL writes it."""
        return single_error(self.code, self.message, self.retry_after_seconds)

    @property
    def is_transient(self) -> bool:
        """Whether the same caller may succeed a little later: it says nothing about their token."""
        return self.status >= 500 or self.status == 429


Authentication = AuthenticatedCaller | AuthenticationFailure


class CallerAuthenticator(Protocol):
    """Implemented by the composition root."""

    def authenticate(
        self, headers: Mapping[str, str], *, client: str
    ) -> AuthenticatedCaller | Awaitable[Authentication]:
        """Authenticate by lower-cased headers and the peer's address.

        Returns the caller at once when it is known in this process; otherwise an awaitable, which
        has to be awaited.
        """
        ...

    def charge_refusal(self, client: str, size_bytes: int = 0) -> AuthenticationFailure | None:
        """Let a client network pay for a request that is refused before its caller is known.

        `size_bytes` is what has to be parsed for it, as far as nobody else pays for that.
        Return the failure that is its answer when the network can't pay.
        """
        ...


async def authentication_of(
    authenticator: CallerAuthenticator, headers: Mapping[str, str], client: str
) -> Authentication:
    """Authenticate, waiting where it is necessary."""
    caller = authenticator.authenticate(headers, client=client)
    return caller if isinstance(caller, AuthenticatedCaller) else await caller


def require_caller(authentication: Authentication) -> AuthenticatedCaller:
    """Return the caller; raise CallerRejected for a failure."""
    if isinstance(authentication, AuthenticationFailure):
        raise CallerRejected(authentication)
    return authentication


class CallerRejected(RequestRejected):
    """A request that is rejected for its caller, who was charged with the authentication."""

    def __init__(self, failure: AuthenticationFailure) -> None:
        super().__init__(
            failure.status,
            failure.code,
            failure.message,
            {"www-authenticate": "Bearer"} if failure.status == 401 else {},
            retry_after_seconds=failure.retry_after_seconds,
        )


def charged_refusal(
    rejected: RequestRejected, authenticator: CallerAuthenticator, client: str
) -> RequestRejected:
    """The refusal of a request, paid by the client network; another one when it can't pay."""
    if isinstance(rejected, CallerRejected) or rejected.status >= 500:
        return rejected
    failure = authenticator.charge_refusal(client)
    return rejected if failure is None else CallerRejected(failure)
