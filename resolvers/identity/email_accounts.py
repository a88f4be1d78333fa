"""Sign-up by e-mail, the reset and the change of passwords."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from resolvers.context import Info
from resolvers.identity.inputs import (
    EmailSignUpCompleteInput,
    EmailSignUpRequestInput,
    PasswordChangeInput,
    PasswordResetInput,
    PasswordResetRequestInput,
)
from resolvers.identity.sign_in import (
    OptionalRequest,
    SignInOutcome,
    authenticator_of,
    caller_of,
    run_sign_in,
    sealed_request,
)
from resolvers.mutations import mark_replayed, run_mutation
from services.accounts import sign_up
from services.core.contacts.email_addresses import EmailDomains, parse_email
from services.core.problems import DomainError
from services.identity.account_links import LINK_SECONDS
from workflows.identity import account_access


@dataclass
class LinkRequestOutcome:
    """The outcome of every mutation that mails a link: the same for all addresses."""

    sent: object = None
    errors: list[Any] = field(default_factory=list)

    @property
    def expires_in_seconds(self) -> int | None:
        return None if self.errors else LINK_SECONDS


@dataclass
class PasswordChangeOutcome:
    """The outcome of `passwordChange`."""

    user: User | None = None
    errors: list[Any] = field(default_factory=list)


async def sign_up_request(info: Info, input: EmailSignUpRequestInput) -> LinkRequestOutcome:
    domains = info.context.container.email_domains
    return await _mail_link(info, input, input.email, sign_up.request_sign_up, domains)


async def password_reset_request(
    info: Info, input: PasswordResetRequestInput
) -> LinkRequestOutcome:
    return await _mail_link(info, input, input.email, sign_up.request_password_reset)


async def sign_up_complete(info: Info, input: EmailSignUpCompleteInput) -> SignInOutcome:
    values = {"token": input.token, "password": input.password, "name": input.name}
    return await run_sign_in(
        info, input, partial(_by_link, info, account_access.complete_sign_up, values)
    )


async def password_reset(info: Info, input: PasswordResetInput) -> SignInOutcome:
    values = {"token": input.token, "password": input.password}
    return await run_sign_in(
        info, input, partial(_by_link, info, account_access.reset_password, values)
    )


async def password_change(info: Info, input: PasswordChangeInput) -> PasswordChangeOutcome:
    try:
        return PasswordChangeOutcome(await _change(info, input, sealed_request(info, input)))
    except DomainError as error:
        return PasswordChangeOutcome(errors=error.problems)


async def _change(info: Info, input: PasswordChangeInput, request: OptionalRequest) -> User:
    changed = await account_access.change_password(
        info.context.container.database,
        authenticator=authenticator_of(info),
        caller=caller_of(info, request),
        origin=info.context.audit_origin(info.field_name),
        passwords=(input.current_password, input.new_password),
    )
    if changed.replayed and request is not None:
        mark_replayed(info.context, request)
    return changed.person


async def _mail_link(
    info: Info,
    input: object,
    text: str,
    request: Any,
    domains: EmailDomains = EmailDomains.ANY,
) -> LinkRequestOutcome:
    """Send a link; who has an account already may have it at any domain."""
    address = info.context.address

    async def operation(session: AsyncSession) -> None:
        authenticator_of(info).link_limit.count_attempt(address)
        email = parse_email(text, "input", "email", domains=domains)
        await request(session, email=email, address=address)

    return await run_mutation(info, LinkRequestOutcome, operation, input=input, as_platform=True)


async def _by_link(
    info: Info, sign_in: Any, values: dict[str, str], request: OptionalRequest
) -> object:
    container = info.context.container
    return await sign_in(
        container.database,
        authenticator=container.authenticator,
        caller=caller_of(info, request),
        **values,
    )
