"""Puts contacts that were stored in another form into the one form, and merges who exists twice.

Before phone numbers and e-mail addresses had one form each, one person could become two accounts:
by `+4402079460958` and `+442079460958`, or by the Unicode and the ASCII form of a domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Address, Membership, User
from models.identity import Role
from models.riders import Rider
from services.accounts.customers import ensure_customer
from services.accounts.guest_merge import merge_guest
from services.accounts.people import lock_contact
from services.core.contacts.email_addresses import read_email
from services.core.contacts.phone_numbers import parse_phone
from services.core.problems import DomainError
from services.identity.sign_in_sessions import revoke_all_sessions

BATCH_ROWS = 1_000
MERGED_BECAUSE = "MERGED"


class ContactResult(StrEnum):
    """What became of a contact that was not in its one form."""

    REWRITTEN = "rewritten"
    MERGED = "merged"
    BOTH_HAVE_ROLES = "not merged: both accounts hold roles"
    BOTH_HAVE_EMAILS = "not merged: both accounts have an e-mail address"
    NO_CONTACT = "left: no message can reach it"


@dataclass(frozen=True, slots=True)
class ContactReport:
    """What became of one contact; `other_id` is the account that holds the one form, if any."""

    person_id: UUID
    kind: str
    result: ContactResult
    other_id: UUID | None = None


def one_form(person: User) -> tuple[str | None, str | None]:
    """Return phone and e-mail of a person in their one form, as they are if they have none."""
    return _phone_form(person.phone), _email_form(person.email)


async def list_candidates(
    session: AsyncSession, after: UUID | None
) -> tuple[list[UUID], UUID | None]:
    """Return the people of a batch whose contacts have another form, and where the next begins."""
    query = select(User).where(
        User.merged_into_id.is_(None), or_(User.phone.is_not(None), User.email.is_not(None))
    )
    if after is not None:
        query = query.where(User.id > after)
    rows = (await session.scalars(query.order_by(User.id).limit(BATCH_ROWS))).all()
    found = [row.id for row in rows if one_form(row) != (row.phone, row.email) or _is_lost(row)]
    return found, rows[-1].id if len(rows) == BATCH_ROWS else None


async def normalize_person(session: AsyncSession, person_id: UUID) -> list[ContactReport]:
    """Put a person's contacts into their one form; merge with who has it already, if that is safe.

    Needs the platform scope. A second call changes nothing.
    """
    person = await session.get_one(User, person_id)
    phone, email = one_form(person)
    for contact in sorted(filter(None, {phone, email, person.phone, person.email})):
        await lock_contact(session, contact)
    reports = []
    if _is_lost(person):
        reports.append(ContactReport(person.id, "phone", ContactResult.NO_CONTACT))
    if phone != person.phone:
        owner = await session.scalar(select(User).where(User.phone == phone))
        reports.append(await _settle(session, person, "phone", phone, owner))
    if email != person.email and person.merged_into_id is None:
        same = select(User).where(func.lower(User.email) == email, User.id != person.id)
        reports.append(await _settle(session, person, "email", email, await session.scalar(same)))
    return reports


async def _settle(
    session: AsyncSession, person: User, kind: str, contact: str | None, owner: User | None
) -> ContactReport:
    if owner is None:
        setattr(person, kind, contact)
        await session.flush()
        return ContactReport(person.id, kind, ContactResult.REWRITTEN)
    if person.email and owner.email and kind != "email":
        return ContactReport(person.id, kind, ContactResult.BOTH_HAVE_EMAILS, owner.id)
    people = [owner, person]
    privileged = [one for one in people if await _has_roles(session, one.id)]
    if len(privileged) == len(people):
        return ContactReport(person.id, kind, ContactResult.BOTH_HAVE_ROLES, owner.id)
    target = next(iter(privileged), None) or next((one for one in people if one.email), owner)
    left = person if target is owner else owner
    await _merge(session, left, target, kind, contact)
    return ContactReport(left.id, kind, ContactResult.MERGED, target.id)


async def _merge(
    session: AsyncSession, left: User, target: User, kind: str, contact: str | None
) -> None:
    """Give the account that is kept everything of the other one, which is a customer's alone."""
    email, phone, password = left.email, left.phone, left.password_hash
    await merge_guest(session, left, target)
    await session.execute(
        update(Address).where(Address.person_id == left.id).values(person_id=target.id)
    )
    await revoke_all_sessions(session, person_id=left.id, reason=MERGED_BECAUSE)
    left.email = left.phone = left.password_hash = None
    await session.flush()
    setattr(target, kind, contact)
    target.phone = target.phone or _phone_form(phone)
    target.email = target.email or _email_form(email)
    target.password_hash = target.password_hash or password
    target.name = target.name or left.name
    await session.flush()
    await ensure_customer(session, target.id)


async def _has_roles(session: AsyncSession, person_id: UUID) -> bool:
    """Whether a person holds, or held, more than the role of a customer."""
    held = select(Membership.id).where(
        Membership.person_id == person_id, Membership.role != Role.CUSTOMER
    )
    rides = select(Rider.id).where(Rider.person_id == person_id)
    found: Sequence[UUID] = (await session.scalars(held.union_all(rides).limit(1))).all()
    return bool(found)


def _phone_form(phone: str | None) -> str | None:
    if phone is None:
        return None
    try:
        return parse_phone(phone)
    except DomainError:
        return phone


def _email_form(email: str | None) -> str | None:
    return None if email is None else read_email(email) or email


def _is_lost(person: User) -> bool:
    """Whether the person's phone is no number to which a message can be sent."""
    phone = person.phone
    return phone is not None and _phone_form(phone) == phone and not _can_be_sent(phone)


def _can_be_sent(phone: str) -> bool:
    try:
        parse_phone(phone)
    except DomainError:
        return False
    return True
