"""The job that closes invitations which were not answered in time."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import DueItems, process_due
from services.accounts.invitation_answers import DUE_INVITATIONS, expire_invitation

EXPIRED_INVITATIONS = DueItems("invitation.expire", DUE_INVITATIONS)


async def expire_invitations(database: Database) -> int:
    """Close the invitations whose week is over; returns how many."""

    async def work(invitation_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:invitation.expire")) as session:
            return await expire_invitation(session, invitation_id)

    return await process_due(database, EXPIRED_INVITATIONS, work)
