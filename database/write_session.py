"""The session of a unit of work: SQLAlchemy's, with the bare driver for what is frequent.

It has SQLAlchemy's identity map and change tracking. Reading rows (`entity_loader`) and writing
them (`flush`) is done here at a lower cost; what is rare is left to SQLAlchemy. All statements run
in the transaction of SQLAlchemy's connection.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, TextClause, inspect
from sqlalchemy.engine.result import IteratorResult, Result, ScalarResult
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, AsyncSessionTransaction
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.sql.dml import UpdateBase

from database import dml
from database import flush as database_flush
from database.audit import AuditContext, row_changes
from database.clocked_session import ClockedSession
from database.entity_loader import EntityLoader, bind_readers
from database.outbox import PendingEvent
from database.sqlalchemy_internals import has_pending_changes
from database.statement_writer import StatementWriter
from database.statements import (
    CompiledStatement,
    StatementCache,
    StatementObserver,
    select_by_key,
)

POPULATE_EXISTING = "populate_existing"
KEY_SHARE = {"key_share": True}
LOCKS = (False, True, KEY_SHARE)
ActivityCounts = Counter[tuple[str, str]]
"""How much was done, by verb and by subject."""


class _OrmSession(Session):
    """SQLAlchemy's session below a `WriteSession`; notes the changes that it writes by itself."""

    changes: list[dict[str, Any]]

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        self.changes.extend(row_changes(self))
        super().flush(objects)


class WriteSession(ClockedSession):
    """A session of one unit of work, and what is stored or counted when that ends."""

    sync_session_class = _OrmSession
    driver: Any
    """The driver's connection, inside the transaction."""

    def __init__(
        self,
        engine: AsyncEngine | None = None,
        audit: AuditContext | None = None,
        statement_cache: StatementCache | None = None,
        observer: StatementObserver | None = None,
    ) -> None:
        """Without arguments the session can't reach a database."""
        super().__init__(engine, expire_on_commit=False)
        self.statement_cache = statement_cache or StatementCache()
        self.observer = observer
        self.audit = audit or AuditContext("")
        self.company_id: UUID | None = None
        """The company in whose audit log the changes belong, if the scope does not tell."""
        self.events: list[PendingEvent] = []
        self.changes: list[dict[str, Any]] = []
        """Before and after values of the changed rows, for the audit row."""
        self.activity_counts: ActivityCounts = Counter()
        cast(_OrmSession, self.sync_session).changes = self.changes

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        """The rows; pending changes are written first, as the ORM does it."""
        await self.flush()
        bound = None if options else self._bind(statement, params)
        if bound is None:
            result: Result[Any] = await super().execute(statement, params, **options)
            return result
        compiled, text, values = bound
        if self.observer is not None:
            self.observer(text)
        if dml.returns_row_count(statement):
            status = await dml.translate_errors(self.driver.execute(text, *values), text)
            return dml.RowCountResult(status)
        answer = self.driver.fetch(text, *values)
        writes = isinstance(statement, UpdateBase)
        records = await (dml.translate_errors(answer, text) if writes else answer)
        readers = compiled.readers or ()
        if compiled.metadata is None or not any(isinstance(one, EntityLoader) for one in readers):
            return compiled.result(records)
        refresh = bool(statement.get_execution_options().get(POPULATE_EXISTING))
        read = bind_readers(self.sync_session, refresh, readers)
        rows: Iterator[Any] = iter([tuple([one(record) for one in read]) for record in records])
        return IteratorResult(compiled.metadata, rows)

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first column of the first row; None without rows."""
        return (await self.execute(statement, params, **options)).scalar()

    async def scalars(
        self, statement: Any, params: Any = None, **options: Any
    ) -> ScalarResult[Any]:
        """The first column of each row."""
        return (await self.execute(statement, params, **options)).scalars()

    async def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key, read unless the session holds it; None when there is none.

        The options `populate_existing` (read it again) and `with_for_update` are run here, others
        by SQLAlchemy.
        """
        refresh = options.pop(POPULATE_EXISTING, False)
        lock = options.pop("with_for_update", False)
        if options or lock not in LOCKS:
            return await super().get(
                entity, ident, populate_existing=refresh, with_for_update=lock, **options
            )
        mapper = inspect(entity)
        values = _primary_key(mapper, ident)
        if not refresh and not lock:
            row = self.sync_session.identity_map.get((mapper.class_, values, None))
            if row is not None and not inspect(row).expired_attributes:
                return row
        statement, names = select_by_key(entity, refresh, bool(lock), lock == KEY_SHARE)
        return await self.scalar(statement, dict(zip(names, values, strict=True)))

    async def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; NoResultFound when there is none in the scope."""
        if (row := await self.get(entity, ident, **options)) is None:
            raise NoResultFound(f"no {entity.__name__} with this key")
        return row

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[AsyncSessionTransaction]:  # type: ignore[override] # nobody awaits it
        """A savepoint, set at once: SQLAlchemy alone would wait for its own first statement."""
        async with super().begin_nested() as nested:
            await self.connection()
            yield nested

    async def flush(self, objects: Any = None) -> None:
        """Write new and changed rows."""
        session = self.sync_session
        if not has_pending_changes(session):
            return
        changes = [*row_changes(session)]
        await database_flush.derive(self)
        writer = StatementWriter(self.driver, self.statement_cache, self.observer)
        if await database_flush.flush(session, writer):
            self.changes.extend(changes)
        else:
            await super().flush(objects)

    def _bind(self, statement: Any, params: Any) -> tuple[CompiledStatement, str, list[Any]] | None:
        """The statement for the driver; None when only SQLAlchemy can run it."""
        if isinstance(params, list):
            return None
        if isinstance(statement, UpdateBase):
            if not dml.keeps_session_current(statement, self.sync_session):
                return None
            bound = self.statement_cache.bind(statement, params or {})
            compiled = bound[0].compiled
            # SQLAlchemy computes defaults that are made in Python.
            return None if compiled.insert_prefetch or compiled.update_prefetch else bound
        if isinstance(statement, TextClause | Select):
            return self.statement_cache.bind(statement, params or {})
        return None


def _primary_key(mapper: Mapper[Any], ident: Any) -> tuple[Any, ...]:
    """A primary key as the ORM takes one: a value, a tuple, or values by attribute name."""
    if isinstance(ident, dict):
        return tuple(ident[mapper.get_property_by_column(one).key] for one in mapper.primary_key)
    return ident if isinstance(ident, tuple) else (ident,)


def append_event(
    session: AsyncSession, stream: str, type: str, body: dict[str, Any], company_id: UUID | None
) -> None:
    """Record an event; it is numbered and stored when the unit of work ends."""
    _write_session(session).events.append(PendingEvent(stream, company_id, type, body))


def count_activity(session: AsyncSession, verb: str, subject: str, amount: int) -> None:
    """Add to the process's activity counts, once the unit of work is committed."""
    _write_session(session).activity_counts[verb, subject] += amount


def set_company(session: AsyncSession, company_id: UUID) -> None:
    """Name the company in whose audit log this unit of work belongs."""
    _write_session(session).company_id = company_id


def _write_session(session: AsyncSession) -> WriteSession:
    if isinstance(session, WriteSession):
        return session
    raise TypeError(f"{type(session).__name__} is not a write session")
