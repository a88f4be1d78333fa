"""Changes of one's own e-mail address and phone."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from resolvers.accounts.inputs import (
    EmailChangeConfirmInput,
    EmailChangeRequestInput,
    PhoneChangeInput,
)
from resolvers.accounts.people import PersonOutcome
from resolvers.context import Context, Info
from resolvers.mutations import run_mutation
from services.accounts import contacts
from services.core.contacts.email_addresses import parse_email
from services.core.contacts.phone_numbers import parse_phone
from services.identity.account_links import LINK_SECONDS
from services.identity.attempts import AttemptSource, source_of


@dataclass
class EmailChangeOutcome:
    """The outcome of `emailChangeRequest`: the same whether an account has the address."""

    sent: object = None
    errors: list[Any] = field(default_factory=list)

    @property
    def expires_in_seconds(self) -> int | None:
        return None if self.errors else LINK_SECONDS


async def email_change_request(info: Info, input: EmailChangeRequestInput) -> EmailChangeOutcome:
    context = info.context

    async def operation(session: AsyncSession) -> None:
        context.container.authenticator.link_limit.count_attempt(context.address)
        email = parse_email(input.email, "input", "email", domains=context.container.email_domains)
        await contacts.request_email_change(
            session, actor=context.actor, email=email, address=context.address
        )

    return await run_mutation(info, EmailChangeOutcome, operation, input=input, as_platform=True)


async def email_change_confirm(info: Info, input: EmailChangeConfirmInput) -> PersonOutcome:
    actor, signer = info.context.actor, info.context.container.authenticator

    async def operation(session: AsyncSession) -> User:
        return await contacts.confirm_email_change(
            session, signer=signer, actor=actor, token=input.token
        )

    return await run_mutation(info, PersonOutcome, operation, input=input, as_platform=True)


async def phone_change(info: Info, input: PhoneChangeInput) -> PersonOutcome:
    actor, signer = info.context.actor, info.context.container.authenticator
    code: Any = {"code": input.code, "challenge": input.challenge}

    async def operation(session: AsyncSession) -> User:
        phone = parse_phone(input.phone, "input", "phone")
        who: Any = {"actor": actor, "phone": phone, "source": _source(info.context, phone)}
        return await contacts.change_phone(session, signer=signer, **who, **code)

    return await run_mutation(info, PersonOutcome, operation, input=input, as_platform=True)


def _source(context: Context, phone: str) -> AttemptSource:
    return source_of(
        context.container.authenticator,
        contact=phone,
        address=context.address,
        device_token=context.device_token,
    )
