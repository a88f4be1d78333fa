"""Invitations to a role, for those who may give it: nothing is told of the invited but what was
typed, and no person is made before the invitation is accepted."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Invitation, InvitationAction, InvitationStatus
from models.identity import Actor, Role
from models.message_text import number_text
from services.accounts.invitation_messages import send_invitation
from services.accounts.invitation_states import INVITATION_MACHINE, inviter_may_give
from services.accounts.memberships import (
    GRANTABLE_BY_ROLE,
    RoleScope,
    check_grantable,
)
from services.core.clock import current_time
from services.core.contacts.email_addresses import EmailDomains, parse_email
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, RateLimited, not_found
from services.events.event_log import invitation_stream, record_event
from services.stores.regions import parse_local_phone

INVITATION_SECONDS = 7 * 24 * 3600
HOUR_SECONDS = 3600
MAX_PER_INVITER_AND_HOUR = 30
MAX_PER_COMPANY_AND_HOUR = 100
MAX_PENDING_PER_COMPANY = 500
MAX_SENDS = 5
RESEND_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLimit(Problem):
    """The company has the maximum number of unanswered invitations, or this one of messages."""

    limit: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A phone (E.164) or an e-mail address in lower case."""

    phone: str | None = None
    email: str | None = None

    @property
    def text(self) -> str:
        return self.phone or self.email or ""


async def parse_contact(
    session: AsyncSession,
    phone: str | None,
    email: str | None,
    role_scope: RoleScope,
    domains: EmailDomains = EmailDomains.ANY,
) -> Contact:
    """Return the contact, of which exactly one is given. Raises DomainError: InvalidInput."""
    if (phone is None) == (email is None):
        message = "Name the person by either a phone or an e-mail."
        raise DomainError(InvalidInput(path=["input", "contact"], message=message))
    if phone is not None:
        place: Any = {"company_id": role_scope.company_id, "store_id": role_scope.store_id}
        path = ("input", "contact", "phone")
        return Contact(phone=await parse_local_phone(session, phone, *path, **place))
    return Contact(email=parse_email(email or "", "input", "contact", "email", domains=domains))


async def create_invitation(
    session: AsyncSession, *, actor: Actor, contact: Contact, role: Role, role_scope: RoleScope
) -> Invitation:
    """Offer a role to the owner of a phone or an address, and queue the message.

    An equal invitation that is not answered yet is returned as it is. Needs the platform scope.
    Raises DomainError: NotFound (company or store), RoleNotGrantable, InvalidInput (role and scope
    do not match), RateLimited, InvitationLimit.
    """
    if actor.person_id is None:
        raise not_found(Invitation)
    await check_grantable(session, actor, role, role_scope)
    await _check_limits(session, actor.person_id, role_scope.company_id)
    earlier = await _pending(session, contact, role, role_scope)
    if earlier is not None:
        return earlier
    invitation = Invitation(
        role=role,
        company_id=role_scope.company_id,
        store_id=role_scope.store_id,
        phone=contact.phone,
        email=contact.email,
        invited_by_id=actor.person_id,
        expires_at=await current_time(session, INVITATION_SECONDS),
    )
    session.add(invitation)
    await session.flush()
    await send_invitation(session, invitation)
    record_change(session, invitation, "INVITATION_CREATED")
    return invitation


async def _pending(
    session: AsyncSession, contact: Contact, role: Role, role_scope: RoleScope
) -> Invitation | None:
    """Return the equal invitation that can still be answered; one that can't is closed.

    The lock that the limits take keeps two equal invitations from being made at once.
    """
    invitation: Invitation | None = await session.scalar(
        select(Invitation)
        .where(
            Invitation.status == InvitationStatus.PENDING,
            Invitation.role == role,
            Invitation.company_id.is_not_distinct_from(role_scope.company_id),
            Invitation.store_id.is_not_distinct_from(role_scope.store_id),
            Invitation.phone.is_not_distinct_from(contact.phone),
            Invitation.email.is_not_distinct_from(contact.email),
        )
        .with_for_update()
    )
    if invitation is None or invitation.expires_at > await current_time(session):
        return invitation
    await close_invitation(session, invitation, InvitationStatus.EXPIRED, "INVITATION_EXPIRED")
    return None


async def resend_invitation(
    session: AsyncSession, *, actor: Actor, invitation_id: UUID
) -> Invitation:
    """Send the message again; links of earlier messages end, and the week begins anew.

    Needs the platform scope. Raises DomainError: NotFound, InvalidTransition, RateLimited within a
    minute, InvitationLimit after five messages.
    """
    invitation = await INVITATION_MACHINE.begin(
        session, actor, invitation_id, InvitationAction.RESEND
    )
    if invitation.round >= MAX_SENDS:
        message = f"An invitation is sent at most {MAX_SENDS} times: revoke it and invite again."
        raise DomainError(InvitationLimit(path=["input"], message=message, limit=MAX_SENDS))
    now = await current_time(session)
    wait = RESEND_SECONDS - int((now - invitation.sent_at).total_seconds())
    if wait > 0:
        raise _too_many("This invitation was sent a moment ago.", wait)
    invitation.round += 1
    invitation.version += 1
    invitation.sent_at = now
    invitation.expires_at = await current_time(session, INVITATION_SECONDS)
    await send_invitation(session, invitation)
    record_change(session, invitation, "INVITATION_RESENT")
    return invitation


async def revoke_invitation(
    session: AsyncSession, *, actor: Actor, invitation_id: UUID
) -> Invitation:
    """Take an unanswered invitation back. Needs the platform scope.

    Raises DomainError: NotFound, InvalidTransition.
    """
    invitation = await INVITATION_MACHINE.begin(
        session, actor, invitation_id, InvitationAction.REVOKE
    )
    return await close_invitation(
        session, invitation, InvitationStatus.REVOKED, "INVITATION_REVOKED"
    )


async def revoke_of_former_inviter(session: AsyncSession, person_id: UUID) -> int:
    """Close the invitations whose roles a person may not give any more; returns how many.

    Call it after the person's role is revoked. Needs the platform scope.
    """
    rows = await session.scalars(
        select(Invitation)
        .where(Invitation.invited_by_id == person_id, Invitation.status == InvitationStatus.PENDING)
        .order_by(Invitation.id)
        .with_for_update()
    )
    closed = 0
    for invitation in rows.all():
        if not await inviter_may_give(session, invitation):
            status, event = InvitationStatus.REVOKED, "INVITATION_REVOKED"
            await close_invitation(session, invitation, status, event)
            closed += 1
    return closed


async def close_invitation(
    session: AsyncSession, invitation: Invitation, status: InvitationStatus, event: str
) -> Invitation:
    """Bring a locked invitation to its end."""
    INVITATION_MACHINE.move(invitation, status)
    invitation.answered_at = await current_time(session)
    await session.flush()
    record_change(session, invitation, event)
    return invitation


async def list_invitations(
    session: AsyncSession,
    *,
    actor: Actor,
    role_scope: RoleScope,
    status: InvitationStatus | None,
    first: int,
    cursor: str | None,
) -> Page[Invitation]:
    """Return a page of the invitations that the actor manages, newest first.

    Those of the whole platform are for super admins.
    Raises DomainError: InvalidInput.
    """
    check_page_size(first)
    statement = select(Invitation).where(_managed_by(actor))
    if role_scope.company_id is not None:
        statement = statement.where(Invitation.company_id == role_scope.company_id)
    if role_scope.store_id is not None:
        statement = statement.where(Invitation.store_id == role_scope.store_id)
    if status is not None:
        statement = statement.where(Invitation.status == status)
    if (start := decode_cursor(cursor, Invitation.id)) is not None:
        statement = statement.where(Invitation.id < start[0])
    rows = await session.scalars(statement.order_by(Invitation.id.desc()).limit(first + 1))
    return build_page(list(rows), first, cursor, lambda row: (str(row.id),))


def _managed_by(actor: Actor) -> ColumnElement[bool]:
    """The invitations whose role the actor may give: the same rule as `may_manage`, in SQL."""
    conditions: list[ColumnElement[bool]] = [Invitation.id.is_(None)]
    for grant in actor.grants:
        roles = GRANTABLE_BY_ROLE.get(grant.role, frozenset())
        company = true() if grant.company_id is None else Invitation.company_id == grant.company_id
        store = true() if grant.store_id is None else Invitation.store_id == grant.store_id
        conditions.append(and_(Invitation.role.in_(sorted(roles)), company, store))
    return or_(*conditions)


async def _check_limits(session: AsyncSession, inviter_id: UUID, company_id: UUID | None) -> None:
    """Raise DomainError for an inviter or a company with too many invitations lately."""
    lock = func.hashtextextended(f"invitations:{company_id or inviter_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    by_inviter = Invitation.invited_by_id == inviter_id
    await _check_rate(session, by_inviter, MAX_PER_INVITER_AND_HOUR)
    if company_id is None:
        return
    of_company = Invitation.company_id == company_id
    await _check_rate(session, of_company, MAX_PER_COMPANY_AND_HOUR)
    pending = Invitation.status == InvitationStatus.PENDING
    if await _count(session, of_company, pending) >= MAX_PENDING_PER_COMPANY:
        most = MAX_PENDING_PER_COMPANY
        message = (
            f"A company has at most {number_text(most)} invitations without an answer: revoke some."
        )
        raise DomainError(InvitationLimit(path=["input"], message=message, limit=most))


async def _check_rate(session: AsyncSession, of: ColumnElement[bool], limit: int) -> None:
    since = func.clock_timestamp() - timedelta(seconds=HOUR_SECONDS)
    if await _count(session, of, Invitation.created_at > since) >= limit:
        raise _too_many(
            f"At most {number_text(limit)} people are invited in an hour.", HOUR_SECONDS
        )


async def _count(session: AsyncSession, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(Invitation).where(*conditions)
    return await session.scalar(query) or 0


def _too_many(message: str, wait: int) -> DomainError:
    return DomainError(RateLimited(path=["input"], message=message, retry_after_seconds=wait))


def record_change(session: AsyncSession, invitation: Invitation, type: str) -> None:
    """Record an event of an invitation; it holds no contact."""
    body = {
        "invitation_id": invitation.id,
        "role": invitation.role,
        "store_id": invitation.store_id,
        "status": invitation.status,
    }
    stream = invitation_stream(invitation.id)
    record_event(session, stream, type, body, company_id=invitation.company_id)
