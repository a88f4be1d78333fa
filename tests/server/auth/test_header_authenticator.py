"""Which callers are authenticated from the caches of this process."""

from collections.abc import Coroutine, Mapping
from typing import Any

from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.transport.authentication import (
    AuthenticatedCaller,
    AuthenticationFailure,
    authentication_of,
)
from tests.support.actors import ActorClient


def cached(
    authenticator: HeaderAuthenticator, headers: Mapping[str, str], client: str = ""
) -> AuthenticatedCaller | None:
    """The caller, if it is known without waiting."""
    caller: AuthenticatedCaller | Coroutine[Any, Any, Any]
    caller = authenticator.authenticate(headers, client=client)  # type: ignore[assignment] # the awaitable is a coroutine
    if isinstance(caller, AuthenticatedCaller):
        return caller
    caller.close()
    return None


async def test_a_person_is_cached_from_their_first_request_until_they_sign_out(
    container: Container, customer: ActorClient
) -> None:
    authenticator = HeaderAuthenticator(container)
    headers = {"authorization": f"Bearer {customer.token}"}
    session_id = customer.actor.session_id
    assert session_id is not None
    container.authenticator.forget_sessions(session_id)
    assert cached(authenticator, headers) is None
    first = await authentication_of(authenticator, headers, "")
    second = cached(authenticator, headers)
    assert isinstance(first, AuthenticatedCaller)
    assert second is not None
    assert (second.identity, second.expires_at) == (first.identity, first.expires_at)
    assert second.context.actor == first.context.actor
    container.authenticator.forget_sessions(session_id)
    assert cached(authenticator, headers) is None


async def test_anonymous_callers_need_no_lookup_and_invalid_tokens_are_never_cached(
    container: Container,
) -> None:
    authenticator = HeaderAuthenticator(container)
    anonymous = cached(authenticator, {}, client="10.0.0.1")
    assert anonymous is not None
    assert anonymous.context.actor.person_id is None
    for headers in ({"authorization": "Basic x"}, {"authorization": "Bearer x"}):
        assert cached(authenticator, headers) is None
        failure = await authentication_of(authenticator, headers, "")
        assert isinstance(failure, AuthenticationFailure)


async def test_an_invalid_idempotency_key_is_rejected_before_the_token_is_read(
    container: Container, customer: ActorClient
) -> None:
    authenticator = HeaderAuthenticator(container)
    for key in ("", "k" * 10_000):
        headers = {"authorization": f"Bearer {customer.token}", "idempotency-key": key}
        assert cached(authenticator, headers) is None
        failure = await authentication_of(authenticator, headers, "")
        assert isinstance(failure, AuthenticationFailure)
        assert (failure.status, failure.code) == (400, "BAD_REQUEST")
