"""Jobs of files that people send: their time ends, and then their objects and rows go."""

from database.sessions import Database
from gateways.objects import ObjectStorage
from jobs.retry_each import DueItems, process_due, process_in_transactions
from services.files import uploads
from workflows.files import stored_objects

EXPIRED_FILES = DueItems(uploads.EXPIRE_JOB, uploads.is_due_to_expire())
ENDED_FILES = DueItems(stored_objects.FORGET_JOB, stored_objects.ENDED_FILES)
SENT_OBJECTS = DueItems(stored_objects.TIDY_JOB, stored_objects.SENT_OBJECTS)


async def expire_files(database: Database) -> int:
    """End uploads that did not arrive, and files that were kept long enough; returns how many."""
    return await process_in_transactions(database, EXPIRED_FILES, uploads.expire)


async def forget_files(database: Database, storage: ObjectStorage) -> int:
    """Delete objects and rows of files that ended a day ago; returns how many."""
    return await process_due(
        database, ENDED_FILES, lambda key: stored_objects.forget(database, storage, key)
    )


async def delete_sent_objects(database: Database, storage: ObjectStorage) -> int:
    """Delete what clients have sent of files that are READY; returns how many."""
    return await process_due(
        database, SENT_OBJECTS, lambda key: stored_objects.delete_staged(database, storage, key)
    )
