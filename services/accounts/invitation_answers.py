"""What the invited do: read their invitations, accept or decline them, by proof of the contact.

A phone is proved by signing in with its code, an e-mail address by the link of the invitation or by
being the address of the account that is signed in.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Invitation, InvitationStatus, User
from models.identity import Actor
from models.message_text import words_text
from models.messages import MessageTopic
from services.accounts import customers, memberships, people
from services.accounts.invitation_states import INVITATION_MACHINE, inviter_may_give
from services.accounts.invitations import close_invitation
from services.core.clock import current_time
from services.core.problems import DomainError, Problem, not_found
from services.core.state_machine import illegal_step
from services.identity.account_links import invalid_link
from services.identity.credentials import CredentialSigner
from services.identity.link_tokens import is_signed, subject_of

MAX_OWN_INVITATIONS = 50
DUE_INVITATIONS = (
    select(Invitation.id)
    .where(
        Invitation.status == InvitationStatus.PENDING,
        Invitation.expires_at <= func.clock_timestamp(),
    )
    .order_by(Invitation.expires_at)
)
"""Those whose time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRequired(Problem):
    """The invited has no way to sign in yet: a password has to be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationOfAnother(Problem):
    """The invitation is for another account than the one that is signed in."""


@dataclass(frozen=True, slots=True)
class InvitationReply:
    """How an invitation is answered: by its link's key, or by its id when signed in.

    `password_hash` and `name` are for those who have no account yet.
    """

    invitation_id: UUID | None = None
    token: str | None = None
    password_hash: str | None = None
    name: str = ""


async def list_own(session: AsyncSession, *, actor: Actor) -> list[Invitation]:
    """Return the invitations that the actor can answer now. Needs the platform scope."""
    person = await _person_of(session, actor)
    if person is None or (person.phone is None and person.email is None):
        return []
    rows = await session.scalars(
        select(Invitation)
        .where(
            Invitation.status == InvitationStatus.PENDING,
            Invitation.expires_at > func.clock_timestamp(),
            or_(
                Invitation.phone == person.phone,
                Invitation.email == func.lower(person.email),
            ),
        )
        .order_by(Invitation.id.desc())
        .limit(MAX_OWN_INVITATIONS)
    )
    return list(rows)


async def find_by_token(
    session: AsyncSession, signer: CredentialSigner, token: str
) -> Invitation | None:
    """Return the invitation of a link, if it can be answered now. Needs the platform scope."""
    key = subject_of(token)
    invitation = None if key is None else await session.get(Invitation, key)
    if invitation is None or not _is_key_of(signer, token, invitation):
        return None
    is_pending = invitation.status is InvitationStatus.PENDING
    is_open = is_pending and invitation.expires_at > await current_time(session)
    return invitation if is_open else None


async def accept(
    session: AsyncSession, *, signer: CredentialSigner, actor: Actor, answer: InvitationReply
) -> Invitation:
    """Take the role. Whoever has no account yet gets one, with the invitation's address.

    Needs the platform scope. Raises DomainError: NotFound, InvalidLink, InvalidTransition,
    InvitationOfAnother, PasswordRequired, RoleConflict.
    """
    invitation, viewer = await _open_invitation(session, signer, actor, answer)
    if not await inviter_may_give(session, invitation):
        message = "This invitation is not valid any more: ask for a new one."
        raise illegal_step("input", message=message, state=InvitationStatus.REVOKED)
    if answer.token is None and viewer is not None:
        person = viewer
    else:
        person = await _owner_of_address(session, invitation, viewer, answer)
    membership = await memberships.add_role(
        session,
        person_id=person.id,
        role=invitation.role,
        role_scope=memberships.scope_of(invitation),
    )
    invitation.membership_id = membership.id
    return await close_invitation(
        session, invitation, InvitationStatus.ACCEPTED, "INVITATION_ACCEPTED"
    )


async def decline(
    session: AsyncSession, *, signer: CredentialSigner, actor: Actor, answer: InvitationReply
) -> Invitation:
    """Refuse the role. Needs the platform scope.

    Raises DomainError: NotFound, InvalidLink, InvalidTransition.
    """
    invitation, _ = await _open_invitation(session, signer, actor, answer)
    return await close_invitation(
        session, invitation, InvitationStatus.DECLINED, "INVITATION_DECLINED"
    )


async def is_invited(session: AsyncSession, actor: Actor, invitation: Invitation) -> bool:
    """Whether the invitation is for the phone or the address of the actor's account."""
    person = await _person_of(session, actor)
    return person is not None and _is_for(invitation, person)


async def expire_invitation(session: AsyncSession, invitation_id: UUID) -> int:
    """Close an invitation that was not answered in time; 0 if it was. For the job."""
    invitation = await INVITATION_MACHINE.lock(session, invitation_id)
    if invitation.status is not InvitationStatus.PENDING:
        return 0
    if invitation.expires_at > await current_time(session):
        return 0
    await close_invitation(session, invitation, InvitationStatus.EXPIRED, "INVITATION_EXPIRED")
    return 1


async def _open_invitation(
    session: AsyncSession, signer: CredentialSigner, actor: Actor, answer: InvitationReply
) -> tuple[Invitation, User | None]:
    """Return the locked invitation, which waits for this caller's answer, and the caller."""
    viewer = await _person_of(session, actor)
    if answer.token is not None:
        invitation = await _locked(session, subject_of(answer.token))
        if invitation is None or not _is_key_of(signer, answer.token, invitation):
            raise invalid_link()
    else:
        invitation = await _locked(session, answer.invitation_id)
        if invitation is None or viewer is None or not _is_for(invitation, viewer):
            raise not_found(Invitation, "invitationId")
    if invitation.status is not InvitationStatus.PENDING:
        message = f"This invitation is {words_text(invitation.status)} already."
        raise illegal_step("input", message=message, state=invitation.status)
    if invitation.expires_at <= await current_time(session):
        message = "This invitation has expired: ask for a new one."
        raise illegal_step("input", message=message, state=InvitationStatus.EXPIRED)
    return invitation, viewer


async def _owner_of_address(
    session: AsyncSession, invitation: Invitation, viewer: User | None, answer: InvitationReply
) -> User:
    """Return the account with the address that the link proves; make it if there is none."""
    email = invitation.email or ""
    await people.lock_contact(session, email)
    owner = await people.find_by_email(session, email)
    if viewer is not None and not viewer.is_guest and viewer is not owner:
        if owner is not None or viewer.email is not None:
            message = "This invitation is for another account: sign out and open the link again."
            raise DomainError(InvitationOfAnother(path=["input"], message=message))
        viewer.email = email
        return viewer
    if owner is not None and (owner.password_hash or owner.phone):
        return owner
    if answer.password_hash is None:
        message = "Choose a password: with it and this e-mail address you sign in."
        raise DomainError(PasswordRequired(path=["input", "password"], message=message))
    person = owner or viewer or await customers.create_customer(session, User())
    person.email, person.password_hash = email, answer.password_hash
    person.name = answer.name or person.name
    await session.flush()
    return person


async def _locked(session: AsyncSession, key: UUID | None) -> Invitation | None:
    return None if key is None else await session.get(Invitation, key, with_for_update=True)


async def _person_of(session: AsyncSession, actor: Actor) -> User | None:
    """Return the person who is signed in; apps have no invitations."""
    if actor.person_id is None or actor.app_id is not None:
        return None
    return await session.get(User, actor.person_id)


def _is_for(invitation: Invitation, person: User) -> bool:
    if invitation.phone is not None:
        return invitation.phone == person.phone
    return person.email is not None and invitation.email == person.email.lower()


def _is_key_of(signer: CredentialSigner, token: str, invitation: Invitation) -> bool:
    topic = MessageTopic.INVITATION
    return is_signed(signer, token, topic, invitation.id, invitation.round)
