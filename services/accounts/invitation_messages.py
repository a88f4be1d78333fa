"""The messages of invitations: a mail with a link, or a text that asks to sign in."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Invitation
from models.companies import Company
from models.identity import Role
from models.messages import MessageTopic
from models.stores import Store
from services import messages
from services.accounts.memberships import RoleScope, scope_of
from services.messages import MessageLink

DAY_SECONDS = 24 * 3600
MAX_MESSAGES_PER_DAY = 5
"""To one phone or address from all inviters; further ones are shown alike, but not sent."""
ROLE_NAMES = {
    Role.COMPANY_ADMIN: "company admin",
    Role.STORE_MANAGER: "store manager",
    Role.STORE_STAFF: "store staff",
    Role.RIDER: "rider",
    Role.SUPPORT_AGENT: "support agent",
    Role.SUPER_ADMIN: "super admin",
    Role.CUSTOMER: "customer",
}
MAIL_TEXT = """{offer}

To accept or decline, open this link within 7 days:
{link}

If you don't know what this is about, do nothing: nothing happens without your answer.
"""


async def send_invitation(session: AsyncSession, invitation: Invitation) -> None:
    """Queue the message, unless the invited was sent too many: strangers must not be pestered."""
    phone, email = invitation.phone, invitation.email or ""
    topic = MessageTopic.INVITATION
    lately = await messages.count_lately(session, topic, phone or email, DAY_SECONDS)
    withheld = lately >= MAX_MESSAGES_PER_DAY
    where = await _place_name(session, scope_of(invitation))
    offer = f"{where} invites you to be {ROLE_NAMES[invitation.role]}."
    expires_at: datetime = invitation.expires_at
    if phone is not None:
        text = f"{offer} To answer, sign in to Darkstore with this phone number within 7 days."
        message = await messages.queue_text(
            session, topic, phone, text=text, expires_at=expires_at, withheld=withheld
        )
    else:
        message = await messages.queue_mail(
            session,
            topic,
            email,
            subject=f"{where} invites you to Darkstore",
            text=MAIL_TEXT.format(offer=offer, link=messages.LINK),
            link=MessageLink(invitation.id, invitation.round),
            expires_at=expires_at,
            withheld=withheld,
        )
    invitation.message_id = message.id
    await session.flush()


async def _place_name(session: AsyncSession, role_scope: RoleScope) -> str:
    """Return the name of the store, the company or the platform, as the invited know it."""
    if role_scope.company_id is None:
        return "Darkstore"
    company = await session.get_one(Company, role_scope.company_id)
    if role_scope.store_id is None:
        return company.name
    store = await session.get_one(Store, role_scope.store_id)
    return f"{company.name} ({store.name})"
