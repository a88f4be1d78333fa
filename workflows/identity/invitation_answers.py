"""Accepting an invitation, which may make an account with a password."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Invitation
from services.accounts import invitation_answers, people
from services.accounts.invitation_answers import InvitationReply
from services.core import idempotency
from services.core.text import parse_line
from services.identity.account_links import invalid_link
from services.identity.password_rules import check_new_password
from workflows.identity.authenticator import Authenticator
from workflows.identity.sign_in import SignInCaller

ID_KEY = "invitation"


@dataclass(frozen=True, slots=True)
class AcceptedInvitation:
    """An invitation that was accepted, by this request or by an earlier equal one."""

    invitation: Invitation
    replayed: bool = False


async def accept_invitation(
    database: Database,
    *,
    authenticator: Authenticator,
    caller: SignInCaller,
    origin: AuditContext,
    answer: InvitationReply,
    password: str | None,
) -> AcceptedInvitation:
    """Take the role; a password is hashed only for a link that can be used.

    Raises DomainError, as `services.accounts.invitation_answers.accept`, and InvalidInput.
    """
    request = caller.request
    authenticator.sign_in_limit.count_attempt(caller.address)
    name = parse_line(answer.name, "input", "name", max_length=people.MAX_NAME_CHARS)
    async with database.read(PLATFORM) as session:
        if request is not None and (outcome := await idempotency.stored_outcome(session, request)):
            return await _earlier(session, outcome)
    password_hash = None
    if password is not None and answer.token is not None:
        password_hash = await _hash(database, authenticator, answer.token, password, caller)
    answer = InvitationReply(answer.invitation_id, answer.token, password_hash, name)
    async with database.write(PLATFORM, origin) as session:
        if request is not None and (outcome := await idempotency.begin(session, request)):
            return await _earlier(session, outcome)
        invitation = await invitation_answers.accept(
            session, signer=authenticator, actor=caller.actor, answer=answer
        )
        if request is not None:
            await idempotency.store_outcome(session, request, {ID_KEY: str(invitation.id)})
    return AcceptedInvitation(invitation)


async def _earlier(session: Any, outcome: dict[str, Any]) -> AcceptedInvitation:
    invitation = await session.get_one(Invitation, UUID(outcome[ID_KEY]))
    return AcceptedInvitation(invitation, replayed=True)


async def _hash(
    database: Database,
    authenticator: Authenticator,
    token: str,
    password: str,
    caller: SignInCaller,
) -> str:
    async with database.read(PLATFORM) as session:
        invitation = await invitation_answers.find_by_token(session, authenticator, token)
    if invitation is None:
        raise invalid_link()
    check_new_password(password, "password", email=invitation.email)
    source = caller.source_for(authenticator, invitation.email or "")
    return await authenticator.passwords.hash(password, source)
