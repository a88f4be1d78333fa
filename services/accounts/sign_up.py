"""Sign-up by e-mail, and the reset of a forgotten password: both begin with a link by mail.

Whether an address has an account is told by the mail alone. A request writes the same rows in both
cases, so neither the answer nor its time tells it.
"""

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.identity import AccountLink, LinkPurpose
from models.messages import MessageTopic
from services import messages
from services.accounts import customers, people
from services.identity import account_links
from services.identity.account_links import LinkMail, invalid_link
from services.identity.credentials import CredentialSigner

PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a reason, not a password
SIGN_UP = LinkMail(
    "Your Darkstore account",
    "Open this link within an hour to choose a password and finish your account:\n{link}\n\n"
    "If you did not ask for this, do nothing.\n",
)
SIGN_UP_OF_KNOWN = LinkMail(
    "Your Darkstore account",
    "Somebody, perhaps you, wanted to open an account with this address, but there is one already."
    " Sign in with it, or ask for a new password if you don't remember yours.\n",
)
RESET = LinkMail(
    "A new password for Darkstore",
    "Open this link within an hour to choose a new password:\n{link}\n\n"
    "If you did not ask for this, do nothing: your password stays as it is.\n",
)
RESET_OF_UNKNOWN = LinkMail(
    "A new password for Darkstore",
    "Somebody, perhaps you, asked for a new password, but there is no account with this address."
    " Perhaps you signed up with another one.\n",
)
CHANGED_SUBJECT = "Your Darkstore password was changed"
CHANGED_TEXT = (
    "The password of your account was changed, and other devices were signed out. If it was not"
    " you, ask for a new password at once and look at your e-mail account.\n"
)


async def request_sign_up(session: AsyncSession, *, email: str, address: str) -> None:
    """Mail a link to sign up, or tell the owner of the address that they have an account.

    Needs the platform scope.
    """
    known = await people.find_by_email(session, email) is not None
    mail = SIGN_UP_OF_KNOWN if known else SIGN_UP
    await account_links.send_link(session, LinkPurpose.SIGN_UP, email, mail, address=address)


async def request_password_reset(session: AsyncSession, *, email: str, address: str) -> None:
    """Mail a link to set a password, or tell the owner of the address that there is no account.

    Needs the platform scope.
    """
    person = await people.find_by_email(session, email)
    mail = RESET_OF_UNKNOWN if person is None else RESET
    await account_links.send_link(
        session,
        LinkPurpose.PASSWORD_RESET,
        email,
        mail,
        person_id=None if person is None else person.id,
        address=address,
    )


async def complete_sign_up(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    token: str,
    password_hash: str,
    name: str,
    person: User,
) -> User:
    """Give a new account, whose person is a customer, the address of its link and its password.

    Needs the platform scope. Raises DomainError: InvalidLink, also if the address got an account
    in the meantime.
    """
    link = await account_links.use_link(session, signer, token, LinkPurpose.SIGN_UP)
    await people.lock_contact(session, link.email)
    if await people.find_by_email(session, link.email) is not None:
        raise invalid_link()
    person.email, person.password_hash = link.email, password_hash
    person.name = name or person.name
    await session.flush()
    return person


async def reset_password(
    session: AsyncSession, *, signer: CredentialSigner, token: str, password_hash: str
) -> User:
    """Set the password of a link's account; all its sessions and other such links end.

    Needs the platform scope. Raises DomainError: InvalidLink, also if the account has another
    address by now.
    """
    link = await account_links.use_link(session, signer, token, LinkPurpose.PASSWORD_RESET)
    person = None
    if link.person_id is not None:
        person = await session.get(User, link.person_id, with_for_update={"key_share": True})
    if person is None or (person.email or "").lower() != link.email:
        raise invalid_link()
    await set_password(session, person, password_hash)
    await customers.ensure_customer(session, person.id)
    return person


async def set_password(session: AsyncSession, person: User, password_hash: str) -> None:
    """Set a locked person's password: links of earlier resets end, and the owner is told."""
    person.password_hash = password_hash
    await session.flush()
    await session.execute(
        update(AccountLink)
        .where(
            AccountLink.person_id == person.id,
            AccountLink.purpose == LinkPurpose.PASSWORD_RESET,
            AccountLink.used_at.is_(None),
        )
        .values(used_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    if person.email is not None:
        await messages.queue_mail(
            session,
            MessageTopic.SECURITY_NOTICE,
            person.email,
            subject=CHANGED_SUBJECT,
            text=CHANGED_TEXT,
        )
