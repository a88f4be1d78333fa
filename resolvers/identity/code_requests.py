"""Resolver of `otpRequest`: a code of digits by text message."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from gateways.sms import SmsError, SmsUnavailable
from resolvers.context import Info
from resolvers.identity.inputs import OtpRequestInput
from resolvers.identity.sign_in import (
    OptionalRequest,
    authenticator_of,
    caller_of,
    sealed_request,
)
from resolvers.mutations import mark_replayed
from services.core import idempotency
from services.core.contacts.phone_numbers import parse_phone
from services.core.problems import DomainError
from services.identity import code_messages, one_time_codes
from services.identity.code_messages import CodeDelivery, OtpDeliveryFailed
from services.identity.one_time_codes import SHARED_DIGITS, IssuedCode

POLL_SECONDS = 0.25
MAX_POLLS = 100
CHALLENGE_KEY, DIGITS_KEY, SENT_KEY = "challenge", "digits", "sentAt"


@dataclass
class OtpRequestOutcome:
    """The outcome of `otpRequest`."""

    expires_in_seconds: int | None = None
    challenge: str | None = None
    digit_count: int | None = None
    sent_at: datetime | None = None
    errors: list[Any] = field(default_factory=list)


NOT_SENT = OtpDeliveryFailed(
    path=["input", "phone"], message="The message could not be sent. Try again."
)


async def otp_request(info: Info, input: OtpRequestInput) -> OtpRequestOutcome:
    try:
        phone, request = parse_phone(input.phone, "input", "phone"), sealed_request(info, input)
        async with authenticator_of(info).locks.lock_for(request):
            issued = await send_code(info, phone, request)
    except DomainError as error:
        return OtpRequestOutcome(errors=error.problems)
    except SmsError:
        return OtpRequestOutcome(errors=[NOT_SENT])
    return _outcome(issued)


def _outcome(issued: IssuedCode) -> OtpRequestOutcome:
    seconds = issued.expires_in_seconds
    return OtpRequestOutcome(seconds, issued.challenge, issued.digits, issued.sent_at)


async def send_code(info: Info, phone: str, request: OptionalRequest) -> IssuedCode:
    """Send a code once for equal requests, a new one after a failure or once it has ended."""
    issued, replayed = await _issue_code(info, phone, request)
    while issued.is_on_its_way:
        issued = await _wait_for_message(info, phone, request, issued)
    if issued.code is not None:
        await _send(info, phone, issued)
    if request is not None and replayed:
        mark_replayed(info.context, request)
    elif request is not None:
        await _store_issued(info, request, issued)
    return issued


async def _wait_for_message(
    info: Info, phone: str, request: OptionalRequest, issued: IssuedCode
) -> IssuedCode:
    """Wait for the result of a message that another request sends; a new code if that one died.

    Raises SmsError when the provider has not taken it. Ends within SENDING_SECONDS.
    """
    for _ in range(MAX_POLLS):
        delivery, left = await _read_delivery(info, issued)
        if delivery is CodeDelivery.SENT:
            return replace(issued, expires_in_seconds=left, is_on_its_way=False)
        if delivery is CodeDelivery.LOST:
            return (await _issue_code(info, phone, request))[0]
        if delivery is CodeDelivery.REFUSED:
            break
        await asyncio.sleep(POLL_SECONDS)
    raise SmsUnavailable("The message that was on its way was not taken.")


async def _read_delivery(info: Info, issued: IssuedCode) -> tuple[CodeDelivery, int]:
    """What became of a message, and for how long its code is good."""
    async with info.context.container.database.read(PLATFORM) as session:
        delivery = await code_messages.read_delivery(session, issued.challenge)
        left = await one_time_codes.seconds_left(session, issued.challenge)
    return delivery, left or 0


async def _send(info: Info, phone: str, issued: IssuedCode) -> None:
    """Send a code after the commit, so that a slow provider keeps no transaction open.

    Until its result is stored nobody else is told that it was sent. A code that the provider did
    not take counts for the phone alone.
    """
    try:
        text = code_messages.message_text(issued.code or "")
        await info.context.container.sms.send(phone, text)
    except SmsError:
        await _record_result(info, issued, is_sent=False)
        raise
    if issued.digits == SHARED_DIGITS:
        await _record_result(info, issued, is_sent=True)


async def _record_result(info: Info, issued: IssuedCode, *, is_sent: bool) -> None:
    async with info.context.write_as_platform(info.field_name) as session:
        await code_messages.record_result(session, issued, is_sent=is_sent)


async def _store_issued(
    info: Info, request: idempotency.IdempotentRequest, issued: IssuedCode
) -> None:
    outcome = {
        CHALLENGE_KEY: issued.challenge,
        DIGITS_KEY: issued.digits,
        SENT_KEY: issued.sent_at.isoformat(),
    }
    async with info.context.write_as_platform(info.field_name) as session:
        await idempotency.store_outcome(session, request, outcome)


async def _issue_code(info: Info, phone: str, request: OptionalRequest) -> tuple[IssuedCode, bool]:
    """Create a code, or find that of an equal request; also returns whether it was found."""
    source = caller_of(info, request).source_for(authenticator_of(info), phone)
    async with info.context.write_as_platform(info.field_name) as session:
        outcome = None if request is None else await idempotency.begin(session, request)
        if outcome and (issued := await _read_issued(session, outcome)) is not None:
            return issued, True
        issued = await one_time_codes.issue_code(
            session, signer=authenticator_of(info), phone=phone, source=source
        )
        return issued, False


async def _read_issued(session: AsyncSession, outcome: dict[str, Any]) -> IssuedCode | None:
    """The code of an equal request, if it can still be typed."""
    if SENT_KEY not in outcome:
        return None
    left = await one_time_codes.seconds_left(session, outcome[CHALLENGE_KEY])
    if left is None:
        return None
    sent_at = datetime.fromisoformat(outcome[SENT_KEY])
    return IssuedCode(outcome[CHALLENGE_KEY], outcome[DIGITS_KEY], sent_at, left)
