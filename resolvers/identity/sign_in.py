from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateways.sms import SmsFault
from models.accounts import Person
from models.identity import SignInSession
from resolvers.context import Info
from resolvers.identity.inputs import (
    OtpRequestInput,
    OtpVerifyInput,
    PasswordSignInInput,
    SessionRefreshInput,
    SessionRevokeInput,
)
from resolvers.mutations import attempt, promised, replayed
from services.core import idempotency
from services.core.problems import Refused, key_of
from services.identity import one_time_codes, sign_in_replay, sign_in_sessions
from services.identity.one_time_codes import CODE_SECONDS, MessageNotSent, phone_number
from services.identity.sign_in_sessions import Tokens
from workflows.identity import sign_in
from workflows.identity.authenticator import Identity
from workflows.identity.sign_in import Caller

Made = idempotency.Promise | None
SENT = "sent"
ENDED = "ended"


@dataclass
class OtpRequested:
    """What `otpRequest` answers."""

    expires_in_seconds: int | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class SignedIn:
    """What every way of signing in answers: tokens for a person, or why not."""

    access_token: str | None = None
    access_token_expires_at: datetime | None = None
    refresh_token: str | None = None
    person: Person | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class SessionOutcome:
    """What `sessionRevoke` answers."""

    session: SignInSession | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class SessionsEnded:
    """What `sessionRevokeAll` answers."""

    ended_count: int = 0


async def otp_request(info: Info, input: OtpRequestInput) -> OtpRequested:
    try:
        phone, made = phone_number(input.phone, "phone"), _sealed(info, input)
        async with _identity(info).turns.of(made):
            await _code_sent(info, phone, made)
    except Refused as refused:
        return OtpRequested(errors=refused.reasons)
    except SmsFault:
        message = "The message could not be sent. Try again."
        return OtpRequested(errors=[MessageNotSent(path=["input", "phone"], message=message)])
    return OtpRequested(CODE_SECONDS)


async def otp_verify(info: Info, input: OtpVerifyInput) -> SignedIn:
    return await _signed_in(info, input, lambda made: _verified(info, input, made))


async def password_sign_in(info: Info, input: PasswordSignInInput) -> SignedIn:
    given = {"email": input.email, "password": input.password}
    return await _signed_in(info, input, lambda made: _let_in(info, made, **given))


async def guest_start(info: Info) -> SignedIn:
    identity = _identity(info)

    async def start(made: Made) -> object:
        caller = _caller(info, made)
        async with info.context.write_anywhere(info.field_name) as session:
            start = partial(sign_in.as_guest, session, identity=identity, caller=caller)
            return await sign_in_replay.once(session, identity, made, start)

    return await _signed_in(info, None, start)


async def session_refresh(info: Info, input: SessionRefreshInput) -> SignedIn:
    token = input.refresh_token
    return await _signed_in(info, input, lambda made: _refreshed(info, token, made))


async def session_revoke(info: Info, input: SessionRevokeInput) -> SessionOutcome:
    actor = info.context.actor
    done = await attempt(
        info,
        SessionOutcome,
        lambda session: sign_in_sessions.revoke(
            session, actor=actor, session_id=_wanted(info, input)
        ),
        input=input,
    )
    if done.session is not None:
        _identity(info).forget(done.session.id)
    return done


async def session_revoke_all(info: Info) -> SessionsEnded:
    if info.context.actor.person_id is None:
        return SessionsEnded()
    made = promised(info, None)
    async with info.context.write(info.field_name) as session:
        if made is not None and (stored := await idempotency.begin(session, made)):
            replayed(info.context, made)
            return SessionsEnded(stored[ENDED])
        return await _all_ended(info, session, info.context.actor.person_id, made)


async def _all_ended(
    info: Info, session: AsyncSession, person_id: UUID, made: Made
) -> SessionsEnded:
    ended = await sign_in_sessions.revoke_all(session, person_id=person_id)
    if made is not None:
        await idempotency.settle(session, made, {ENDED: len(ended)})
    _identity(info).forget(*ended)
    return SessionsEnded(len(ended))


async def _let_in(info: Info, made: Made, **given: str) -> object:
    house, caller = info.context.house, _caller(info, made)
    return await sign_in.with_password(
        house.database, identity=house.identity, caller=caller, **given
    )


async def _verified(info: Info, input: OtpVerifyInput, made: Made) -> object:
    phone, identity = phone_number(input.phone, "phone"), _identity(info)
    given: Any = {"phone": phone, "code": input.code, "caller": _caller(info, made)}
    async with info.context.write_anywhere(info.field_name) as session:
        enter = partial(sign_in.with_code, session, identity=identity, **given)
        return await sign_in_replay.once(session, identity, made, enter)


async def _refreshed(info: Info, token: str, made: Made) -> object:
    identity = _identity(info)
    async with info.context.write_anywhere(info.field_name) as session:
        enter = partial(
            sign_in_sessions.refresh, session, identity=identity, token=token, made=made
        )
        done = await sign_in_replay.once(session, identity, made, enter)
    if isinstance(done, Tokens):
        return done
    reason, ended = done
    _identity(info).forget(*ended)
    return reason


async def _code_sent(info: Info, phone: str, made: Made) -> None:
    """Send a code once for equal requests; one that could not be sent is made again."""
    code = await _code(info, phone, made)
    if code is None and made is not None:
        replayed(info.context, made)
    if code is None:
        return
    # After the commit: a provider that is slow must not hold a transaction open.
    await info.context.house.sms.send(phone, one_time_codes.text_of(code))
    if made is not None:
        async with info.context.write_anywhere(info.field_name) as session:
            await idempotency.settle(session, made, {SENT: True})


async def _code(info: Info, phone: str, made: Made) -> str | None:
    """A new code, or None when one was sent to an equal request."""
    async with info.context.write_anywhere(info.field_name) as session:
        if made is not None and (await idempotency.begin(session, made) or {}).get(SENT):
            return None
        return await one_time_codes.request(
            session, identity=_identity(info), phone=phone, address=info.context.address
        )


async def _signed_in(
    info: Info, input: object, enter: Callable[[Made], Awaitable[object]]
) -> SignedIn:
    try:
        made = _sealed(info, input)
        async with _identity(info).turns.of(made):
            done = await enter(made)
    except Refused as refused:
        return SignedIn(errors=refused.reasons)
    return _told(info, done, made)


def _told(info: Info, done: object, made: Made) -> SignedIn:
    if not isinstance(done, Tokens):
        return SignedIn(errors=[done])
    if done.again and made is not None:
        replayed(info.context, made)
    ends = done.access_token_expires_at
    return SignedIn(done.access_token, ends, done.refresh_token, done.person)


def _sealed(info: Info, input: object) -> Made:
    made = promised(info, input)
    if made is None:
        return None
    return sign_in_replay.sealed(made, _identity(info), stranger=not info.context.actor.signed_in)


def _wanted(info: Info, input: SessionRevokeInput) -> UUID:
    present = info.context.actor.session_id
    if input.session_id is None and present is not None:
        return present
    return key_of(SignInSession, input.session_id or "", "sessionId")


def _identity(info: Info) -> Identity:
    return info.context.house.identity


def _caller(info: Info, made: Made) -> Caller:
    context = info.context
    return Caller(context.device, context.address, context.actor, made)
