"""Links by which the owner of an e-mail address signs up, sets a password or confirms an address.

Who asks for a link gets the same answer whether the address has an account or not; only the mail,
which its owner alone reads, tells which.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import AccountLink, LinkPurpose
from models.messages import MessageTopic
from services import messages
from services.core.clock import current_time
from services.core.problems import DomainError, Problem
from services.identity.credentials import CredentialSigner
from services.identity.link_tokens import is_signed, subject_of
from services.messages import MessageLink

LINK_SECONDS = 3600
MAX_MAILS_PER_HOUR = 5
"""To one address about one topic: more requests are answered alike, but send nothing."""
MAX_MAILS_OF_ACCOUNT = 3
"""To one address in an hour for one account; its first is sent whatever others have requested."""
MAX_MAILS_OF_ACCOUNTS = 20
"""To one address in an hour for all accounts, apart from the first of each."""
HOUR_SECONDS = 3600
ROUND = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidLink(Problem):
    """The link is not valid, was used or replaced, or has expired; a new one is required."""


@dataclass(frozen=True, slots=True)
class LinkMail:
    """The mail that carries a link, or tells that there is none; `{link}` stands for it."""

    subject: str
    text: str


async def send_link(
    session: AsyncSession,
    purpose: LinkPurpose,
    email: str,
    mail: LinkMail,
    *,
    person_id: UUID | None = None,
    address: str = "",
    by_account: bool = False,
) -> None:
    """Create a link that is valid for an hour and queue its mail; earlier links stay valid.

    Creates nothing if the address was sent many mails lately. With `by_account` the link is of use
    to the account of `person_id` alone, so other accounts can't use up its mails. Needs the
    platform scope.
    """
    topic = MessageTopic(purpose)
    lately = await messages.count_lately(session, topic, email, HOUR_SECONDS)
    own = await _count_links(session, purpose, email, person_id) if by_account else None
    if _are_too_many(lately, own):
        return
    expires_at = await current_time(session, LINK_SECONDS)
    link = AccountLink(
        purpose=purpose, email=email, person_id=person_id, address=address, expires_at=expires_at
    )
    session.add(link)
    await session.flush()
    await messages.queue_mail(
        session,
        topic,
        email,
        subject=mail.subject,
        text=mail.text,
        link=MessageLink(link.id, ROUND),
        expires_at=expires_at,
    )


def _are_too_many(lately: int, own: int | None) -> bool:
    """Whether one more mail would be too many; `own` is the number of the account's own mails."""
    if own is None:
        return lately >= MAX_MAILS_PER_HOUR
    return own >= MAX_MAILS_OF_ACCOUNT or (own > 0 and lately >= MAX_MAILS_OF_ACCOUNTS)


async def _count_links(
    session: AsyncSession, purpose: LinkPurpose, email: str, person_id: UUID | None
) -> int:
    """Count the links of the last hour that one person has requested for an address."""
    count = await session.scalar(
        select(func.count()).where(
            AccountLink.person_id == person_id,
            AccountLink.purpose == purpose,
            AccountLink.email == email,
            AccountLink.created_at > func.clock_timestamp() - timedelta(seconds=HOUR_SECONDS),
        )
    )
    return count or 0


async def read_link(
    session: AsyncSession, signer: CredentialSigner, token: str, purpose: LinkPurpose
) -> AccountLink:
    """Return a link that can be used now. Raises DomainError: InvalidLink.

    Needs the platform scope.
    """
    return await _find(session, signer, token, purpose, lock=False)


async def use_link(
    session: AsyncSession, signer: CredentialSigner, token: str, purpose: LinkPurpose
) -> AccountLink:
    """Use up a link and return it. Raises DomainError: InvalidLink. Needs the platform scope."""
    link = await _find(session, signer, token, purpose, lock=True)
    link.used_at = await current_time(session)
    await session.flush()
    return link


async def _find(
    session: AsyncSession,
    signer: CredentialSigner,
    token: str,
    purpose: LinkPurpose,
    *,
    lock: bool,
) -> AccountLink:
    key = subject_of(token)
    if key is None or not is_signed(signer, token, purpose, key, ROUND):
        raise invalid_link()
    link = await session.get(AccountLink, key, with_for_update=lock or None)
    if link is None or link.used_at is not None:
        raise invalid_link()
    if link.expires_at <= await current_time(session):
        raise invalid_link()
    return link


def invalid_link() -> DomainError:
    """Return the refusal of a link, the same for every reason."""
    message = "This link is not valid any more: ask for a new one."
    return DomainError(InvalidLink(path=["input", "token"], message=message))
