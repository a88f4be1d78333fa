"""Changes of a person's e-mail address and phone: the new one is verified, the old one is told."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.identity import Actor, LinkPurpose
from models.messages import MessageTopic
from services import messages
from services.accounts import people
from services.core.problems import (
    CommittedDomainError,
    DomainError,
    InvalidInput,
    Problem,
    not_found,
)
from services.identity import account_links, one_time_codes
from services.identity.account_links import LinkMail, invalid_link
from services.identity.attempts import AttemptSource
from services.identity.credentials import CredentialSigner

CONFIRM = LinkMail(
    "Confirm your new e-mail address",
    "Open this link within an hour to use this address for your Darkstore account:\n{link}\n\n"
    "If you did not ask for this, do nothing.\n",
)
SUBJECT = "Your Darkstore account was changed"
NOTICE = "The {what} of your Darkstore account was changed. If it was not you, contact support."


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactTaken(Problem):
    """Another account has this phone or e-mail address, whose owner the caller has proved to be."""


async def request_email_change(
    session: AsyncSession, *, actor: Actor, email: str, address: str
) -> None:
    """Mail a link to the new address; nothing tells whether another account has it.

    Needs the platform scope. Raises DomainError: NotFound, InvalidInput for the present address.
    """
    person = await _person(session, actor)
    if person.email is not None and person.email.lower() == email:
        message = "That is your e-mail address already."
        raise DomainError(InvalidInput(path=["input", "email"], message=message))
    await account_links.send_link(
        session,
        LinkPurpose.EMAIL_CHANGE,
        email,
        CONFIRM,
        person_id=person.id,
        address=address,
        by_account=not person.is_guest,
    )


async def confirm_email_change(
    session: AsyncSession, *, signer: CredentialSigner, actor: Actor, token: str
) -> User:
    """Give the actor's account the address of a link that they asked for; tell the old address.

    Needs the platform scope. Raises DomainError: InvalidLink, ContactTaken.
    """
    link = await account_links.use_link(session, signer, token, LinkPurpose.EMAIL_CHANGE)
    if link.person_id != actor.person_id:
        raise invalid_link()
    await people.lock_contact(session, link.email)
    person = await _person(session, actor)
    owner = await people.find_by_email(session, link.email)
    if owner is not None and owner is not person:
        raise _taken("token")
    if person.email != link.email:
        await _tell(session, person, "e-mail address")
        person.email = link.email
        await session.flush()
    return person


async def change_phone(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    actor: Actor,
    phone: str,
    code: str,
    source: AttemptSource,
    challenge: str | None = None,
) -> User:
    """Give the actor's account a phone whose code they know; tell the old phone.

    Needs the platform scope. Raises DomainError: NotFound, ContactTaken, and as a
    CommittedDomainError, so that the attempt counts, InvalidOneTimeCode and CodeNotRequested.
    """
    await people.lock_contact(session, phone)
    problem = await one_time_codes.verify_code(
        session, signer=signer, phone=phone, code=code, source=source, challenge=challenge
    )
    if problem is not None:
        raise CommittedDomainError(problem)
    person = await _person(session, actor)
    owner = await session.scalar(select(User).where(User.phone == phone))
    if owner is not None and owner is not person:
        raise _taken("phone")
    if person.phone != phone:
        await _tell(session, person, "phone number")
        person.phone = phone
        await session.flush()
    return person


async def _person(session: AsyncSession, actor: Actor) -> User:
    if actor.person_id is None or actor.app_id is not None:
        raise not_found(User)
    person = await session.get(User, actor.person_id, with_for_update={"key_share": True})
    if person is None or person.merged_into_id is not None:
        raise not_found(User)
    return person


async def _tell(session: AsyncSession, person: User, what: str) -> None:
    """Tell every contact that the account had until now."""
    text = NOTICE.format(what=what)
    topic = MessageTopic.SECURITY_NOTICE
    if person.email is not None:
        await messages.queue_mail(session, topic, person.email, subject=SUBJECT, text=f"{text}\n")
    if person.phone is not None:
        await messages.queue_text(session, topic, person.phone, text=text)


def _taken(field: str) -> DomainError:
    message = "Another account has this contact: sign in there, and change or remove it first."
    return DomainError(ContactTaken(path=["input", field], message=message))
