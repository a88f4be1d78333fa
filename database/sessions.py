"""Opens sessions: public reads, scoped reads and units of work, each inside row-level security.

A unit of work writes, in its one transaction and in this order: the business rows, the audit row,
the events it recorded. After the commit it announces the events, so a listener never hears of
something that was rolled back.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import event as sa_event
from sqlalchemy import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session

from database.audit import changes_of
from database.coalescer import Rounds
from database.connections import ScopedConnection, statement_of
from database.entity_loader import keeper
from database.outbox import Counted, Note, leave
from database.read_batcher import Trips
from database.reading import ReadPool
from database.scope import PLATFORM, Scope
from database.statements import Heard, Shapes
from database.write_session import Working

log = logging.getLogger("darkstore.database")

APPLICATION_ROLE = "darkstore_app"
CATALOG_ROLE = "darkstore_public"
# A connection past the pool's size is closed after use: opening one for each request of a rush
# costs more than the work it is opened for.
POOL_SIZE = 12
READS_SHARE = 0.5
"""How many connections each of the three pools of reads has, per connection that writes."""
POOL_OVERFLOW = 0
ACQUIRE_SECONDS = 5.0
# Longer than a server that can be heard takes to give a statement up.
COMMAND_SECONDS = 8.0
STATEMENTS_KEPT = 1_000
SERVER_SETTINGS = {
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a write comes, for the audit row."""

    action: str
    actor_id: UUID | None = None
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A committed event, told to whoever listens; the log in Postgres stays the truth."""

    stream: str
    seq: int
    type: str
    body: dict[str, Any]
    at: datetime
    events: int = 1
    """How many events it tells of: that of number `seq`, and those just before it."""


Announce = Callable[[Sequence[Hint]], Awaitable[None]]


async def announce_nothing(hints: Sequence[Hint]) -> None:
    """For processes in which nobody listens."""


def open_engine(url: str, role: str, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """A pool whose connections act as `role`, which owns nothing and bypasses no policy."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=ACQUIRE_SECONDS,
        pool_use_lifo=True,  # the connections that know the statements are used first
        pool_recycle=1800,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "server_settings": {**SERVER_SETTINGS, "role": role},
            "timeout": 5,
            "command_timeout": COMMAND_SECONDS,
            "connection_class": ScopedConnection,
            "prepared_statement_cache_size": STATEMENTS_KEPT,
            "statement_cache_size": STATEMENTS_KEPT,
        },
    )
    sa_event.listen(engine.sync_engine, "checkin", _leave)
    sa_event.listen(engine.sync_engine, "checkout", _alive)
    return engine


def open_reads(url: str, role: str, pool_size: int = POOL_SIZE, **settings: str) -> ReadPool:
    """Connections that only read, as `role`; fewer of them than writes need, as reads are short."""
    only = {"role": role, "default_transaction_read_only": "on"}
    return ReadPool(
        make_url(url),
        max(1, round(pool_size * READS_SHARE)),
        ACQUIRE_SECONDS,
        timeout=5,
        command_timeout=COMMAND_SECONDS,
        statement_cache_size=STATEMENTS_KEPT,
        server_settings={**SERVER_SETTINGS, **only, **settings},
    )


def _alive(adapted: Any, record: Any, proxied: Any) -> None:
    """Where one connection was cut, its neighbors were: all of them are opened anew."""
    if adapted.driver_connection.is_closed():
        raise InvalidatePoolError


def _leave(adapted: Any, record: Any) -> None:
    """A connection that goes back to the pool forgets for whom it worked."""
    if adapted is not None:
        adapted.driver_connection.scope = None


class Database:
    """The pools of a process: units of work and scoped reads under the application's role, and
    reads of the public catalog under a role that can do nothing else."""

    def __init__(
        self, url: str, announce: Announce = announce_nothing, pool_size: int = POOL_SIZE
    ) -> None:
        self.url = url
        self.engine = open_engine(url, APPLICATION_ROLE, pool_size)
        self.scoped = open_reads(url, APPLICATION_ROLE, pool_size)
        # The house's own reads have one scope: their connections enter it once.
        self.platform = open_reads(url, APPLICATION_ROLE, pool_size)
        # Reads of the catalog go by keys, in arrays: planned for the values at hand, each of them
        # would cost the planner more than the executor.
        self.catalog = open_reads(
            url, CATALOG_ROLE, pool_size, plan_cache_mode="force_generic_plan"
        )
        self.rounds = Rounds(self.public)
        """Reads of the catalog, made together for all who ask at the same moment."""
        self.vouched = Rounds(lambda: self.read(PLATFORM))
        """The same in the house's scope, by keys that prove themselves what may be seen."""
        self.announce = announce
        self._shapes = Shapes(keeper)
        self.heard: Heard | None = None
        """Told each statement that a unit of work has the driver answer; for tests that count."""
        self.counted: Counted = Counter()
        """What committed units of work said that they did, since the start."""
        self._sessions = async_sessionmaker(self.engine, class_=Working, expire_on_commit=False)

    def public(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Read the public catalog: one statement, one trip, no transaction."""
        return self.catalog.reading(scope=None)

    def read(self, scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
        """Read what `scope` may see, at one moment after another."""
        return self._reads(scope).reading(statement_of(scope, lasting=True))

    def trips(self, scope: Scope) -> Trips:
        """As `read`, for readers who ask at the same moment: their statements go together."""
        return Trips(self._reads(scope), statement_of(scope, lasting=True))

    def _reads(self, scope: Scope) -> ReadPool:
        return self.platform if scope.platform else self.scoped

    @asynccontextmanager
    async def write(self, scope: Scope, origin: Origin) -> AsyncIterator[AsyncSession]:
        """One transaction: all of it commits, with its audit row and events, or none does."""
        async with self._sessions() as session, session.begin():
            await _enter(session, scope)
            session.shapes, session.heard = self._shapes, self.heard
            counted: Counted = Counter()
            session.info.update(recorded=[], changes=[], counted=counted, actor_id=origin.actor_id)
            yield session
            await session.flush()
            hints = await _leave_behind(session, scope, origin)
        self.counted.update(counted)
        await self._tell(hints)

    async def _tell(self, hints: Sequence[Hint]) -> None:
        """A hint that can't be sent costs latency, never the write that has been committed."""
        if not hints:
            return
        try:
            await self.announce(hints)
        except Exception:
            log.warning("events committed but not announced", exc_info=True)

    async def close(self) -> None:
        await self.engine.dispose()
        await self.scoped.close()
        await self.platform.close()
        await self.catalog.close()


async def _enter(session: Working, scope: Scope) -> None:
    """Begin the session's transaction inside the scope.

    SQLAlchemy would begin it with the first statement that it runs itself.
    """
    connection = await session.connection()
    proxied: Any = await connection.get_raw_connection()
    driver = proxied.driver_connection
    driver.scope = statement_of(scope)
    await proxied.dbapi_connection._start_transaction()
    session.bare = driver


async def _leave_behind(session: AsyncSession, scope: Scope, origin: Origin) -> list[Hint]:
    """The events and the audit row of a unit of work that is about to commit."""
    note = Note(
        action=origin.action,
        actor_id=origin.actor_id,
        company_id=session.info.get("company_id") or _only_company(scope),
        address=origin.address,
        request_id=origin.request_id,
        changes=session.info["changes"],
    )
    written = await leave(session, session.info["recorded"], note)
    return [Hint(one.stream, seq, one.type, one.body, at) for one, seq, at in written]


def _only_company(scope: Scope) -> UUID | None:
    return scope.companies[0] if len(scope.companies) == 1 else None


@sa_event.listens_for(Session, "before_flush")
def _note_changes(session: Session, flush_context: Any, instances: Any) -> None:
    """Collect before → after of every row this unit of work changes through the ORM."""
    changes = session.info.get("changes")
    if changes is not None:
        changes.extend(changes_of(session))
