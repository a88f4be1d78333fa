"""Invitations to a role, for those who invite and for the invited."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from models.accounts import Invitation, InvitationAction, InvitationStatus
from models.companies import Company
from models.stores import Store
from resolvers.accounts.inputs import (
    InvitationAcceptInput,
    InvitationContactInput,
    InvitationCreateInput,
    InvitationDeclineInput,
    InvitationResendInput,
    InvitationRevokeInput,
)
from resolvers.context import Info
from resolvers.identity.sign_in import authenticator_of, caller_of, sealed_request
from resolvers.mutations import mark_replayed, run_mutation
from resolvers.shared_inputs import given
from services.accounts import invitation_answers, invitations
from services.accounts.invitation_answers import InvitationReply
from services.accounts.invitation_states import INVITATION_MACHINE, INVITED_ACTIONS
from services.accounts.memberships import RoleScope
from services.accounts.people import Viewer
from services.core.pages import Page
from services.core.problems import DomainError, InvalidInput, parse_id, parse_optional_id
from workflows.identity import invitation_answers as answering

CompanyId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only invitations to this company.")
]
StoreId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only invitations to this store.")
]
Status = Annotated[
    InvitationStatus | None,
    strawberry.argument(description="Only these statuses; all if left out."),
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Token = Annotated[
    str, strawberry.argument(description="The key in the link of the message, after the #.")
]


@dataclass
class InvitationOutcome:
    """The outcome of every mutation of an invitation."""

    invitation: Invitation | None = None
    errors: list[Any] = field(default_factory=list)


async def list_managed(
    info: Info,
    first: First,
    company_id: CompanyId = None,
    store_id: StoreId = None,
    status: Status = None,
    after: After = None,
) -> Page[Invitation]:
    scope = _scope(company_id, store_id)
    arguments: dict[str, Any] = {"status": status, "first": first, "cursor": after}
    async with info.context.read() as session:
        return await invitations.list_invitations(
            session, actor=info.context.actor, role_scope=scope, **arguments
        )


async def list_own(parent: strawberry.Parent[Viewer], info: Info) -> list[Invitation]:
    async with info.context.container.database.read(PLATFORM) as session:
        return await invitation_answers.list_own(session, actor=parent.actor)


async def by_link(info: Info, token: Token) -> Invitation | None:
    container = info.context.container
    async with container.database.read(PLATFORM) as session:
        return await invitation_answers.find_by_token(session, container.authenticator, token)


async def _parse_contact(
    info: Info, session: AsyncSession, contact: InvitationContactInput, place: RoleScope
) -> invitations.Contact:
    phone, email = given(contact.phone), given(contact.email)
    domains = info.context.container.email_domains
    return await invitations.parse_contact(session, phone, email, place, domains)


async def create(info: Info, input: InvitationCreateInput) -> InvitationOutcome:
    async def operation(session: AsyncSession) -> Invitation:
        place = _scope(input.company_id, input.store_id)
        contact = await _parse_contact(info, session, input.contact, place)
        actor, role = info.context.actor, input.role
        return await invitations.create_invitation(
            session, actor=actor, contact=contact, role=role, role_scope=place
        )

    return await run_mutation(info, InvitationOutcome, operation, input=input, as_platform=True)


async def resend(info: Info, input: InvitationResendInput) -> InvitationOutcome:
    return await _manage(info, input, invitations.resend_invitation)


async def revoke(info: Info, input: InvitationRevokeInput) -> InvitationOutcome:
    return await _manage(info, input, invitations.revoke_invitation)


async def accept(info: Info, input: InvitationAcceptInput) -> InvitationOutcome:
    try:
        accepted, request = await _accept(info, input)
    except DomainError as error:
        return InvitationOutcome(errors=error.problems)
    if accepted.replayed and request is not None:
        mark_replayed(info.context, request)
    return InvitationOutcome(accepted.invitation)


async def decline(info: Info, input: InvitationDeclineInput) -> InvitationOutcome:
    async def operation(session: AsyncSession) -> Invitation:
        signer, actor = authenticator_of(info), info.context.actor
        return await invitation_answers.decline(
            session, signer=signer, actor=actor, answer=_answer(input)
        )

    return await run_mutation(info, InvitationOutcome, operation, input=input, as_platform=True)


async def available_actions(
    parent: strawberry.Parent[Invitation], info: Info
) -> list[InvitationAction]:
    actor = info.context.actor
    async with info.context.read() as session:
        is_own = await invitation_answers.is_invited(session, actor, parent)
    blocked = frozenset() if is_own else INVITED_ACTIONS
    return INVITATION_MACHINE.available_actions(parent, actor, blocked)


async def _accept(info: Info, input: InvitationAcceptInput) -> Any:
    context, request = info.context, sealed_request(info, input)
    accepted = await answering.accept_invitation(
        context.container.database,
        authenticator=authenticator_of(info),
        caller=caller_of(info, request),
        origin=context.audit_origin(info.field_name),
        answer=_answer(input, input.name),
        password=input.password,
    )
    return accepted, request


async def _manage(info: Info, input: Any, command: Any) -> InvitationOutcome:
    async def operation(session: AsyncSession) -> Invitation:
        key = parse_id(Invitation, input.invitation_id, "invitationId")
        row: Invitation = await command(session, actor=info.context.actor, invitation_id=key)
        return row

    return await run_mutation(info, InvitationOutcome, operation, input=input, as_platform=True)


def _answer(
    input: InvitationAcceptInput | InvitationDeclineInput, name: str = ""
) -> InvitationReply:
    """Return by what the invitation is answered. Raises DomainError: InvalidInput, NotFound."""
    if (input.token is None) == (input.invitation_id is None):
        message = "Name the invitation by either its link's key or its id."
        raise DomainError(InvalidInput(path=["input"], message=message))
    key = parse_optional_id(Invitation, input.invitation_id, "invitationId")
    return InvitationReply(invitation_id=key, token=input.token, name=name)


def _scope(company_id: str | None, store_id: str | None) -> RoleScope:
    return RoleScope(
        company_id=parse_optional_id(Company, company_id, "companyId"),
        store_id=parse_optional_id(Store, store_id, "storeId"),
    )
