"""The job that closes invitations which were not answered in time."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_in_transactions
from services.accounts.invitation_answers import DUE_INVITATIONS, expire_invitation

EXPIRED_INVITATIONS = DueItems("invitation.expire", DUE_INVITATIONS)


async def expire_invitations(database: Database) -> int:
    """Close the invitations whose week is over; returns how many."""
    return await process_in_transactions(database, EXPIRED_INVITATIONS, expire_invitation)
