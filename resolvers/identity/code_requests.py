"""Resolver of `otpRequest`: a code of digits by text message."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateways.sms import SmsError
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
from services.identity import one_time_codes
from services.identity.one_time_codes import CODE_SECONDS, IssuedCode, OtpDeliveryFailed

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
    return OtpRequestOutcome(CODE_SECONDS, issued.challenge, issued.digits, issued.sent_at)


async def send_code(info: Info, phone: str, request: OptionalRequest) -> IssuedCode:
    """Send a code once for equal requests, a new one after a failure."""
    issued, replayed = await _issue_code(info, phone, request)
    if issued.code is not None:
        # After the commit, so that a slow provider does not keep a transaction open.
        text = one_time_codes.message_text(issued.code)
        await _send(info, phone, text, issued.challenge)
    if request is not None and replayed:
        mark_replayed(info.context, request)
    elif request is not None:
        await _store_issued(info, request, issued)
    return issued


async def _send(info: Info, phone: str, message: str, challenge: str) -> None:
    """Send a code; one that the provider did not take counts for the phone alone."""
    try:
        await info.context.container.sms.send(phone, message)
    except SmsError:
        async with info.context.write_as_platform(info.field_name) as session:
            await one_time_codes.mark_not_sent(session, challenge)
        raise


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
        if outcome and SENT_KEY in outcome:
            sent_at = datetime.fromisoformat(outcome[SENT_KEY])
            return IssuedCode(outcome[CHALLENGE_KEY], outcome[DIGITS_KEY], sent_at), True
        issued = await one_time_codes.issue_code(
            session, signer=authenticator_of(info), phone=phone, source=source
        )
        return issued, False
