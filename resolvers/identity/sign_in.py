from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.identity import Actor, Role, SignInSession
from resolvers.context import Info
from resolvers.identity.inputs import (
    OtpSignInInput,
    PasswordSignInInput,
    SessionRefreshInput,
    SessionRevokeInput,
)
from resolvers.mutations import idempotent_request, mark_replayed, run_mutation
from services.core import idempotency
from services.core.contacts.phone_numbers import parse_phone
from services.core.problems import DomainError, parse_id
from services.delivery.rider_release import release_rides
from services.identity import sign_in_replay, sign_in_sessions
from services.identity.device_tokens import issue_device_token, read_device
from services.identity.sign_in_sessions import SessionTokens
from workflows.identity import sign_in, sign_out
from workflows.identity.authenticator import Authenticator
from workflows.identity.sign_in import SignInCaller

OptionalRequest = idempotency.IdempotentRequest | None
ENDED_KEY = "ended"


@dataclass
class SignInOutcome:
    """The outcome of every sign-in mutation: tokens for a person, or errors."""

    access_token: str | None = None
    access_token_expires_at: datetime | None = None
    refresh_token: str | None = None
    device_token: str | None = None
    user: User | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class SessionOutcome:
    """The outcome of `sessionRevoke`."""

    session: SignInSession | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class SessionRevokeAllOutcome:
    """The outcome of `sessionRevokeAll`."""

    revoked_count: int | None = None
    errors: list[Any] = field(default_factory=list)


async def otp_verify(info: Info, input: OtpSignInInput) -> SignInOutcome:
    return await run_sign_in(info, input, lambda request: _verify_code(info, input, request))


async def password_sign_in(info: Info, input: PasswordSignInInput) -> SignInOutcome:
    credentials = {"email": input.email, "password": input.password}
    return await run_sign_in(
        info, input, lambda request: _check_password(info, request, **credentials)
    )


async def guest_start(info: Info) -> SignInOutcome:
    return await run_sign_in(info, None, lambda request: _start_guest(info, request))


async def session_refresh(info: Info, input: SessionRefreshInput) -> SignInOutcome:
    token = input.refresh_token
    return await run_sign_in(info, input, lambda request: _refresh(info, token, request))


async def session_revoke(info: Info, input: SessionRevokeInput) -> SessionOutcome:
    async def operation(session: AsyncSession) -> SignInSession:
        actor, session_id = info.context.actor, _session_id(info, input)
        return await sign_in_sessions.revoke_session(session, actor=actor, session_id=session_id)

    await _hand_over_rides(info, input)
    outcome = await run_mutation(info, SessionOutcome, operation, input=input)
    if outcome.session is not None:
        authenticator_of(info).forget_sessions(outcome.session.id)
    return outcome


async def _hand_over_rides(info: Info, input: SessionRevokeInput) -> None:
    """Hand over the delivery of a rider who signs out for good."""
    context = info.context
    try:
        session_id = _session_id(info, input)
    except DomainError:
        return  # the mutation itself reports it
    database, origin = context.container.database, context.audit_origin(info.field_name)
    await sign_out.hand_over_rides(
        database, actor=context.actor, origin=origin, session_id=session_id
    )


async def session_revoke_all(info: Info) -> SessionRevokeAllOutcome:
    if info.context.actor.person_id is None:
        return SessionRevokeAllOutcome(0)
    try:
        request = idempotent_request(info, None)
    except DomainError as error:
        return SessionRevokeAllOutcome(errors=error.problems)
    async with info.context.write_as_platform(info.field_name) as session:
        return await _revoke_all(info, session, info.context.actor.person_id, request)


async def _revoke_all(
    info: Info, session: AsyncSession, person_id: UUID, request: OptionalRequest
) -> SessionRevokeAllOutcome:
    if request is not None and (outcome := await idempotency.begin(session, request)):
        mark_replayed(info.context, request)
        return SessionRevokeAllOutcome(outcome[ENDED_KEY])
    if Role.RIDER in info.context.actor.roles:
        await release_rides(session, person_id=person_id, cause=sign_out.SIGNED_OUT)
    ended = await sign_in_sessions.revoke_all_sessions(session, person_id=person_id)
    if request is not None:
        await idempotency.store_outcome(session, request, {ENDED_KEY: len(ended)})
    authenticator_of(info).forget_sessions(*ended)
    return SessionRevokeAllOutcome(len(ended))


async def _start_guest(info: Info, request: OptionalRequest) -> object:
    signer = authenticator_of(info)
    arguments: Any = {"authenticator": signer, "caller": caller_of(info, request)}
    async with info.context.write_as_platform(info.field_name) as session:
        open_session = partial(sign_in.start_guest, session, **arguments)
        return await sign_in_replay.run_once(session, signer, request, open_session)


async def _check_password(info: Info, request: OptionalRequest, **credentials: str) -> object:
    container, caller = info.context.container, caller_of(info, request)
    return await sign_in.sign_in_with_password(
        container.database, authenticator=container.authenticator, caller=caller, **credentials
    )


async def _verify_code(info: Info, input: OtpSignInInput, request: OptionalRequest) -> object:
    phone, authenticator = parse_phone(input.phone, "input", "phone"), authenticator_of(info)
    arguments: Any = {"phone": phone, "code": input.code, "challenge": input.challenge}
    arguments["caller"] = caller_of(info, request)
    async with info.context.write_as_platform(info.field_name) as session:
        sign_in_person = partial(
            sign_in.sign_in_with_code, session, authenticator=authenticator, **arguments
        )
        return await sign_in_replay.run_once(session, authenticator, request, sign_in_person)


async def _refresh(info: Info, token: str, request: OptionalRequest) -> object:
    signer = authenticator_of(info)
    arguments: Any = {"signer": signer, "token": token, "request": request}
    async with info.context.write_as_platform(info.field_name) as session:
        refresh = partial(sign_in_sessions.refresh_session, session, **arguments)
        result = await sign_in_replay.run_once(session, signer, request, refresh)
    if isinstance(result, SessionTokens):
        return result
    problem, ended = result
    signer.forget_sessions(*ended)
    return problem


async def run_sign_in(
    info: Info, input: object, sign_in_person: Callable[[OptionalRequest], Awaitable[object]]
) -> SignInOutcome:
    """Run a sign-in once for equal requests; its tokens or its problems become the outcome."""
    try:
        request = sealed_request(info, input)
        async with authenticator_of(info).locks.lock_for(request):
            result = await sign_in_person(request)
    except DomainError as error:
        return SignInOutcome(errors=error.problems)
    return _outcome(info, result, request)


def _outcome(info: Info, result: object, request: OptionalRequest) -> SignInOutcome:
    if not isinstance(result, SessionTokens):
        return SignInOutcome(errors=[result])
    if result.replayed and request is not None:
        mark_replayed(info.context, request)
    info.context.signed_in = Actor(result.person.id)
    expires_at, device_token = result.access_token_expires_at, _device_token(info, result.person)
    return SignInOutcome(
        result.access_token, expires_at, result.refresh_token, device_token, result.person
    )


def _device_token(info: Info, person: User) -> str:
    """The token of the client's device, which knows the person from now on."""
    signer = authenticator_of(info)
    device = read_device(signer, info.context.device_token)
    return issue_device_token(signer, device, (person.phone, person.email))


def sealed_request(info: Info, input: object) -> OptionalRequest:
    """Return the idempotent request with a fingerprint that tells nothing of its secrets."""
    request = idempotent_request(info, input)
    if request is None:
        return None
    return sign_in_replay.seal_request(
        request, authenticator_of(info), anonymous=not info.context.actor.signed_in
    )


def _session_id(info: Info, input: SessionRevokeInput) -> UUID:
    current = info.context.actor.session_id
    if input.session_id is None and current is not None:
        return current
    return parse_id(SignInSession, input.session_id or "", "sessionId")


def authenticator_of(info: Info) -> Authenticator:
    """Return the authenticator of the process."""
    return info.context.container.authenticator


def caller_of(info: Info, request: OptionalRequest) -> SignInCaller:
    """Return who asks for a sign-in, from which device and address."""
    context = info.context
    return SignInCaller(
        context.device, context.address, context.actor, request, context.device_token
    )
