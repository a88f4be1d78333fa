"""Doing one thing after another so that what fails is tried again, later and later, by itself."""

import logging
from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

from sqlalchemy.exc import InterfaceError, OperationalError

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import PaymentUnavailable
from services.operations import job_status

log = logging.getLogger("darkstore.jobs")

# Nobody has to look at these: the other side is away, and comes back by itself.
PASSING = (PaymentUnavailable, OperationalError, InterfaceError, TimeoutError, OSError)
Work = Callable[[UUID], Awaitable[int]]


async def each(database: Database, job: str, items: Collection[UUID], work: Work) -> int:
    """Do every item; answers what `work` answers, added up.

    One that fails holds no other up: it waits for twice as long after each failure, and after the
    tenth it is a dead letter, which an operator lets be tried again. Where only somebody else is
    away it is tried every minute for as long as that takes.
    """
    if not items:
        return 0
    async with database.read(PLATFORM) as session:
        known = await job_status.known(session, job, items)
    done = 0
    for item in items:
        if not known.get(UUID(str(item)), False):
            done += await one(database, job, item, work, again=UUID(str(item)) in known)
    return done


async def one(database: Database, job: str, item: UUID, work: Work, *, again: bool = False) -> int:
    """Do one item; 0 when it failed, which is written down. `again`: it has failed before."""
    try:
        done = await work(item)
    except Exception as error:
        log.warning("%s could not do %s", job, item, exc_info=True)
        said, passing = f"{type(error).__name__}: {error}", isinstance(error, PASSING)
        async with database.write(PLATFORM, Origin(f"job:{job}")) as session:
            if await job_status.failed(session, job, item, said, passing=passing):
                log.error("%s gives %s up: an operator has to look", job, item)
        return 0
    if again:
        async with database.write(PLATFORM, Origin(f"job:{job}")) as session:
            await job_status.worked(session, job, item)
    return done
