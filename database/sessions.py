"""Opens sessions: public reads, scoped reads and units of work, each inside row-level security.

A unit of work writes, in its one transaction and in this order: the business rows, the audit row,
the events it recorded. After the commit it announces the events, so that no listener gets a notice
of something that was rolled back.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import event as sa_event
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from database.announcer import Announcer, EventNotice
from database.audit import AuditContext
from database.coalescer import CoalescedReads
from database.connections import ScopedConnection, engine_address, scope_statement
from database.entity_loader import entity_reader
from database.outbox import AuditRecord, flush_outbox
from database.read_batcher import ReadBatcher
from database.read_pool import ReadPool
from database.scope import PLATFORM, Scope
from database.sqlalchemy_internals import begin_transaction
from database.statements import StatementCache, StatementObserver
from database.write_session import ActivityCounts, WriteSession

APPLICATION_ROLE = "darkstore_app"
CATALOG_ROLE = "darkstore_public"
# A connection beyond the pool's size is closed after use: at a peak, opening one for each request
# costs more than the work it is opened for.
POOL_SIZE = 12
READ_POOL_SHARE = 0.5
"""How many connections each of the three read pools has, per connection that writes."""
POOL_OVERFLOW = 0
ACQUIRE_SECONDS = 5.0
# Longer than a server that can be reached takes to give up a statement.
COMMAND_SECONDS = 8.0
STATEMENT_CACHE_SIZE = 1_000
SERVER_SETTINGS = {
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
}


def open_engine(url: str, role: str, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """A pool whose connections act as `role`, which owns nothing and bypasses no policy."""
    address, tls = engine_address(url)
    engine = create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=ACQUIRE_SECONDS,
        pool_use_lifo=True,  # connections that have the statements prepared are used first
        pool_recycle=1800,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            **tls,
            "server_settings": {**SERVER_SETTINGS, "role": role},
            "timeout": 5,
            "command_timeout": COMMAND_SECONDS,
            "connection_class": ScopedConnection,
            "prepared_statement_cache_size": STATEMENT_CACHE_SIZE,
            "statement_cache_size": STATEMENT_CACHE_SIZE,
        },
    )
    sa_event.listen(engine.sync_engine, "checkin", _clear_scope)
    sa_event.listen(engine.sync_engine, "checkout", _check_alive)
    return engine


def open_read_pool(url: str, role: str, pool_size: int = POOL_SIZE, **settings: str) -> ReadPool:
    """Connections that only read, as `role`; fewer than writes need, as reads are short."""
    read_only = {"role": role, "default_transaction_read_only": "on"}
    return ReadPool(
        make_url(url),
        max(1, round(pool_size * READ_POOL_SHARE)),
        ACQUIRE_SECONDS,
        timeout=5,
        command_timeout=COMMAND_SECONDS,
        statement_cache_size=STATEMENT_CACHE_SIZE,
        server_settings={**SERVER_SETTINGS, **read_only, **settings},
    )


def _check_alive(adapted: Any, record: Any, proxied: Any) -> None:
    """If one connection was cut, the others were too: all of them are opened again."""
    if adapted.driver_connection.is_closed():
        raise InvalidatePoolError


def _clear_scope(adapted: Any, record: Any) -> None:
    """A connection that goes back to the pool has no scope."""
    if adapted is not None:
        adapted.driver_connection.scope = None


class Database:
    """The pools of a process: units of work and scoped reads under the application's role, and
    reads of the public catalog under a role that can do nothing else."""

    def __init__(
        self, url: str, pool_size: int = POOL_SIZE, announcer: Announcer | None = None
    ) -> None:
        """`announcer` gets the committed events; by default one without listeners yet."""
        self.url = url
        self.announcer = announcer or Announcer()
        self.engine = open_engine(url, APPLICATION_ROLE, pool_size)
        self.scoped_pool = open_read_pool(url, APPLICATION_ROLE, pool_size)
        # The platform's own reads have one scope: their connections enter it once.
        self.platform_pool = open_read_pool(url, APPLICATION_ROLE, pool_size)
        # Reads of the catalog select by arrays of keys: planning each of them for its own values
        # would take longer than running it.
        self.catalog_pool = open_read_pool(
            url, CATALOG_ROLE, pool_size, plan_cache_mode="force_generic_plan"
        )
        self.public_reads = CoalescedReads(self.read_public)
        """Reads of the catalog, merged over all operations."""
        self.trusted_key_reads = CoalescedReads(lambda: self.read(PLATFORM))
        """The same in the platform's scope, by keys that prove by themselves what may be seen."""
        self.observer: StatementObserver | None = None
        """Observes the statements that write sessions run on the driver."""
        self.activity_counts: ActivityCounts = Counter()
        """What committed units of work have counted since the start."""
        self._statement_cache = StatementCache(entity_reader)

    def read_public(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Read the public catalog: one round trip per statement, no transaction."""
        return self.catalog_pool.session(scope=None)

    def read(self, scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
        """Read what `scope` may see; each statement sees what is committed by then."""
        return self._read_pool(scope).session(scope_statement(scope, lasting=True))

    def read_batcher(self, scope: Scope) -> ReadBatcher:
        """As `read`, for concurrent readers of one operation: their statements are merged."""
        return ReadBatcher(self._read_pool(scope), scope_statement(scope, lasting=True))

    def _read_pool(self, scope: Scope) -> ReadPool:
        return self.platform_pool if scope.platform else self.scoped_pool

    @asynccontextmanager
    async def write(self, scope: Scope, audit: AuditContext) -> AsyncIterator[AsyncSession]:
        """One transaction: all of it commits, with its audit row and events, or none does."""
        session = WriteSession(self.engine, audit, self._statement_cache, self.observer)
        async with session, session.begin():
            await _begin(session, scope)
            yield session
            await session.flush()
            notices = await _flush_outbox(session, scope)
        self.activity_counts.update(session.activity_counts)
        if notices:
            await self.announcer.announce(notices)

    async def close(self) -> None:
        await self.engine.dispose()
        await self.scoped_pool.close()
        await self.platform_pool.close()
        await self.catalog_pool.close()


async def _begin(session: WriteSession, scope: Scope) -> None:
    """Begin the session's transaction inside the scope.

    SQLAlchemy would begin it with the first statement that it runs itself.
    """
    connection = await session.connection()
    proxied: Any = await connection.get_raw_connection()
    driver = proxied.driver_connection
    driver.scope = scope_statement(scope)
    try:
        await begin_transaction(proxied.dbapi_connection)
    except Exception as error:  # SQLAlchemy's own would be wrapped
        raise DBAPIError("begin", None, error) from error
    session.driver = driver


async def _flush_outbox(session: WriteSession, scope: Scope) -> list[EventNotice]:
    """Store the events and the audit row of a unit of work that is about to commit."""
    audit = session.audit
    audit_record = AuditRecord(
        action=audit.action,
        actor_id=audit.actor_id,
        company_id=session.company_id or _only_company(scope),
        address=audit.address,
        request_id=audit.request_id,
        changes=session.changes,
    )
    numbered = await flush_outbox(session, session.events, audit_record)
    return [EventNotice(one.stream, seq, one.type, one.body, at) for one, seq, at in numbered]


def _only_company(scope: Scope) -> UUID | None:
    return scope.companies[0] if len(scope.companies) == 1 else None
