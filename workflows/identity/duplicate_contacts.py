"""Puts the contacts of all people into their one form, each person in an own transaction."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.accounts import duplicate_contacts
from services.accounts.duplicate_contacts import ContactReport
from services.core.transient_errors import is_transient

ORIGIN = AuditContext("command:contacts")
MAX_TRIES = 3


async def normalize_contacts(database: Database) -> AsyncIterator[ContactReport]:
    """Yield what became of each contact that had another form; can be stopped and run again."""
    after: UUID | None = None
    while True:
        async with database.read(PLATFORM) as session:
            people, after = await duplicate_contacts.list_candidates(session, after)
        for person_id in people:
            for report in await _normalize(database, person_id):
                yield report
        if after is None:
            return


async def _normalize(database: Database, person_id: UUID) -> list[ContactReport]:
    """One person; a deadlock with what the store does meanwhile is tried again."""
    for _ in range(MAX_TRIES - 1):
        try:
            return await _once(database, person_id)
        except DBAPIError as error:
            if not is_transient(error):
                raise
    return await _once(database, person_id)


async def _once(database: Database, person_id: UUID) -> list[ContactReport]:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await duplicate_contacts.normalize_person(session, person_id)
