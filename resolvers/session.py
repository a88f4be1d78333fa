from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from gateways.sms import SmsFault
from models import Person, SignInSession
from resolvers.context import Info
from resolvers.inputs.session import (
    OtpRequestInput,
    OtpVerifyInput,
    PasswordSignInInput,
    SessionRefreshInput,
    SessionRevokeInput,
)
from resolvers.work import attempt
from services import one_time_code
from services import session as sessions
from services import sign_in as ways_in
from services.identity import Identity
from services.one_time_code import CODE_SECONDS, MessageNotSent, phone_number
from services.refusal import Refused, key_of
from services.session import Tokens
from services.sign_in import Caller


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
        phone = phone_number(input.phone, "phone")
        await _send(info, phone, await _code(info, phone))
    except Refused as refused:
        return OtpRequested(errors=refused.reasons)
    except SmsFault:
        message = "The message could not be sent. Try again."
        return OtpRequested(errors=[MessageNotSent(path=["input", "phone"], message=message)])
    return OtpRequested(CODE_SECONDS)


async def otp_verify(info: Info, input: OtpVerifyInput) -> SignedIn:
    return await _signed_in(lambda: _verified(info, input))


async def password_sign_in(info: Info, input: PasswordSignInInput) -> SignedIn:
    house = info.context.house
    return await _signed_in(
        lambda: ways_in.with_password(
            house.database,
            identity=house.identity,
            email=input.email,
            password=input.password,
            caller=_caller(info),
        )
    )


async def guest_start(info: Info) -> SignedIn:
    async def start() -> object:
        async with info.context.write_anywhere(info.field_name) as session:
            return await ways_in.as_guest(session, identity=_identity(info), caller=_caller(info))

    return await _signed_in(start)


async def session_refresh(info: Info, input: SessionRefreshInput) -> SignedIn:
    return await _signed_in(lambda: _refreshed(info, input.refresh_token))


async def session_revoke(info: Info, input: SessionRevokeInput) -> SessionOutcome:
    actor = info.context.actor
    done = await attempt(
        info,
        SessionOutcome,
        lambda session: sessions.revoke(session, actor=actor, session_id=_wanted(info, input)),
        input=input,
    )
    if done.session is not None:
        _identity(info).forget(done.session.id)
    return done


async def session_revoke_all(info: Info) -> SessionsEnded:
    actor = info.context.actor
    if actor.person_id is None:
        return SessionsEnded()
    async with info.context.write(info.field_name) as session:
        ended = await sessions.revoke_all(session, person_id=actor.person_id)
    _identity(info).forget(*ended)
    return SessionsEnded(len(ended))


async def _verified(info: Info, input: OtpVerifyInput) -> object:
    phone, identity = phone_number(input.phone, "phone"), _identity(info)
    async with info.context.write_anywhere(info.field_name) as session:
        return await ways_in.with_code(
            session, identity=identity, phone=phone, code=input.code, caller=_caller(info)
        )


async def _refreshed(info: Info, token: str) -> object:
    async with info.context.write_anywhere(info.field_name) as session:
        done = await sessions.refresh(session, identity=_identity(info), token=token)
    if isinstance(done, Tokens):
        return done
    reason, ended = done
    _identity(info).forget(*ended)
    return reason


async def _code(info: Info, phone: str) -> str:
    async with info.context.write_anywhere(info.field_name) as session:
        return await one_time_code.request(
            session, identity=_identity(info), phone=phone, address=info.context.address
        )


async def _send(info: Info, phone: str, code: str) -> None:
    """After the commit: a provider that is slow must not hold a transaction open."""
    await info.context.house.sms.send(phone, one_time_code.text_of(code))


async def _signed_in(enter: Callable[[], Awaitable[object]]) -> SignedIn:
    try:
        done = await enter()
    except Refused as refused:
        return SignedIn(errors=refused.reasons)
    if isinstance(done, Tokens):
        ends = done.access_token_expires_at
        return SignedIn(done.access_token, ends, done.refresh_token, done.person)
    return SignedIn(errors=[done])


def _wanted(info: Info, input: SessionRevokeInput) -> UUID:
    present = info.context.actor.session_id
    if input.session_id is None and present is not None:
        return present
    return key_of(SignInSession, input.session_id or "", "sessionId")


def _identity(info: Info) -> Identity:
    return info.context.house.identity


def _caller(info: Info) -> Caller:
    context = info.context
    return Caller(context.device, context.address, context.actor)
