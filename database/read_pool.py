"""Sessions that only read, on bare driver connections: each inside its scope, or public."""

import asyncio
from collections import deque
from collections.abc import Sequence, Set
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
from sqlalchemy import URL, inspect
from sqlalchemy.engine.result import Result, ScalarResult
from sqlalchemy.exc import NoResultFound

from database.clocked_session import ClockedSession
from database.connections import ReadConnection, breaks_connection, register_json_codecs
from database.rows import DIALECT, RowReader, loaded_attributes, result_processors, row_reader
from database.statements import StatementCache, StatementObserver, prepared, select_by_key

MAX_PARTIAL_STATEMENTS = 200
"""Statements with fewer columns that a pool caches; beyond that, whole rows are read."""
PartialStatement = tuple[Any, RowReader]
IDLE_SECONDS = 300.0
CANCEL_SECONDS = 5.0


class ReadSession(ClockedSession):
    """What a function that reads needs of a session. It holds no rows and writes nothing."""

    def __init__(self, connection: Any, pool: "ReadPool") -> None:
        self._connection = connection
        self._pool = pool

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        """The rows, as SQLAlchemy's session answers them, with read-only rows for entities."""
        compiled, records = await self._fetch(statement, params)
        result: Result[Any] = compiled.result(records)
        return result

    async def scalars(
        self, statement: Any, params: Any = None, **options: Any
    ) -> ScalarResult[Any]:
        """The first column of each row."""
        return (await self.execute(statement, params)).scalars()

    async def scalar_list(self, statement: Any, params: Any = None) -> list[Any]:
        """The first column of each row, as a list."""
        compiled, records = await self._fetch(statement, params)
        values: list[Any] = compiled.scalars(records)
        return values

    async def load_only(self, statement: Any, attributes: Set[str], params: Any) -> list[Any]:
        """The rows of a prepared statement that selects one model, with these attributes only;
        whole rows if one of them is no column."""
        partial = self._pool.partial_statement(statement, frozenset(attributes))
        if partial is None:
            return await self.scalar_list(statement, params)
        fewer_columns, read = partial
        _, records = await self._fetch(fewer_columns, params)
        return [read(record) for record in records]

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first column of the first row; None without rows."""
        compiled, records = await self._fetch(statement, params)
        return compiled.scalars(records[:1])[0] if records else None

    async def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; None when there is none in the scope."""
        statement, names = select_by_key(entity)
        values = ident if isinstance(ident, tuple) else (ident,)
        return await self.scalar(statement, dict(zip(names, values, strict=True)))

    async def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; NoResultFound when there is none in the scope."""
        if (row := await self.get(entity, ident)) is None:
            raise NoResultFound(f"no {entity.__name__} with this key")
        return row

    async def _fetch(self, statement: Any, params: Any) -> Any:
        compiled, text, values = self._pool.statement_cache.bind(statement, params or {})
        return compiled, await self.fetch_records(text, values)

    async def fetch_records(self, text: str, values: Sequence[Any]) -> Any:
        """The driver's records."""
        if self._pool.observer is not None:
            self._pool.observer(text)
        return await self._connection.fetch(text, *values)


async def read_rows(
    session: Any, statement: Any, params: Any, attributes: Set[str] | None = None
) -> list[Any]:
    """The rows of a prepared statement that selects one model, by a session of either kind.

    A session that only reads loads no more than `attributes` and the key, if there are any.
    """
    if not isinstance(session, ReadSession):
        return list(await session.scalars(statement, params))
    if attributes:
        return await session.load_only(statement, attributes, params)
    return await session.scalar_list(statement, params)


def _partial_statement(statement: Any, attributes: frozenset[str]) -> PartialStatement | None:
    model: Any = statement.column_descriptions[0]["expr"]
    loaded = loaded_attributes(model) or []
    if not attributes.issubset(loaded):
        return None
    needed = attributes | {part.key for part in inspect(model).primary_key}
    keys = [key for key in loaded if key in needed]
    columns = (getattr(model, key) for key in keys)
    fewer_columns = prepared(statement.with_only_columns(*columns, maintain_column_froms=True))
    processors = result_processors(fewer_columns.compile(dialect=DIALECT))
    return fewer_columns, row_reader(model, keys, 0, processors)


class ReadPool:
    """Connections of one role that can't write; opened on demand, in the event loop that asks.

    A reader that finds no free one waits in a queue, for at most `acquire_seconds`, then raises
    TimeoutError.
    """

    def __init__(self, url: URL, size: int, acquire_seconds: float, **settings: Any) -> None:
        self.statement_cache = StatementCache()
        self.observer: StatementObserver | None = None
        self._partial_statements: dict[Any, PartialStatement | None] = {}
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._size = size
        self._acquire_seconds = acquire_seconds
        self._settings = {**settings, "connection_class": ReadConnection}
        self._idle: list[ReadConnection] = []
        self._open: set[ReadConnection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[ReadConnection | None]] = deque()

    def partial_statement(
        self, statement: Any, attributes: frozenset[str]
    ) -> PartialStatement | None:
        """The statement with these attributes' columns only, and what reads its rows."""
        key = statement, attributes
        if key not in self._partial_statements:
            if len(self._partial_statements) >= MAX_PARTIAL_STATEMENTS:
                return None
            self._partial_statements[key] = _partial_statement(statement, attributes)
        return self._partial_statements[key]

    @property
    def in_use(self) -> int:
        """How many connections are reading at this moment."""
        return len(self._open) - len(self._idle)

    def session(self, scope: str | None) -> "ReadLease":
        """A session whose statements each see what is committed; None where all is public."""
        return ReadLease(self, scope)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        for connection in list(self._open):
            self._discard(connection)

    async def acquire(self, scope: str | None) -> ReadConnection:
        """A connection for one reader until it is released; one in that scope if there is any."""
        connection = self._free(scope)
        if connection is not None:
            return connection
        async with asyncio.timeout(self._acquire_seconds):
            while len(self._open) + self._opening >= self._size:
                connection = await self._wait()
                if connection is not None:
                    return connection
            return await self._connect()

    def release(self, connection: ReadConnection | None) -> None:
        """Give a connection back, or the right to open one (None), to the first that waits."""
        if connection is None or connection.is_closed():
            self._discard(connection)
        elif not self._hand_over(connection):
            connection.idle_since = now = asyncio.get_running_loop().time()
            self._idle.append(connection)
            if now - self._idle[0].idle_since > IDLE_SECONDS:
                self._discard(self._idle[0])

    async def release_interrupted(self, connection: ReadConnection) -> None:
        """Give a connection back whose last statement was canceled.

        One whose server is gone is discarded; the reader ends by its own error then.
        """
        try:
            # The driver runs this one only after the other has been canceled.
            await connection.execute("select", timeout=CANCEL_SECONDS)
        except BaseException as error:
            self._discard(connection)
            if not isinstance(error, Exception):
                raise
        else:
            self.release(connection)

    def _free(self, scope: str | None) -> ReadConnection | None:
        """The connection used last, if possible in this scope: it has the statements prepared."""
        idle = self._idle
        while idle:
            at = len(idle) - 1
            while at > 0 and idle[at].scope != scope:
                at -= 1
            connection = idle.pop(at if idle[at].scope == scope else -1)
            if not connection.is_closed():
                return connection
            self._discard(connection)
        return None

    async def _wait(self) -> ReadConnection | None:
        """Wait for a connection, or for the right to open one (None)."""
        waiter: asyncio.Future[ReadConnection | None]
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release(waiter.result())  # handed over just before the reader was canceled
            raise

    def _hand_over(self, connection: ReadConnection | None) -> bool:
        """Pass a connection to the first that still waits; False when nobody does."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _discard(self, connection: ReadConnection | None) -> None:
        """Close a connection; the first that waits may open another."""
        if connection is not None:
            self._open.discard(connection)
            self._idle[:] = [one for one in self._idle if one is not connection]
            connection.terminate()
        self._hand_over(None)

    async def _connect(self) -> ReadConnection:
        self._opening += 1
        connection: ReadConnection | None = None
        try:
            connection = await asyncpg.connect(self._address, **self._settings)
            await register_json_codecs(connection)
        except BaseException:
            self._discard(connection)
            raise
        finally:
            self._opening -= 1
        self._open.add(connection)
        return connection


class ReadLease(AbstractAsyncContextManager[ReadSession]):
    """One reader's use of a connection."""

    __slots__ = ("_connection", "_pool", "_scope")

    def __init__(self, pool: ReadPool, scope: str | None) -> None:
        self._pool = pool
        self._scope = scope

    async def __aenter__(self) -> ReadSession:
        self._connection = connection = await self._pool.acquire(self._scope)
        if self._scope is not None and connection.scope != self._scope:
            try:
                await connection.enter_scope(self._scope)
            except BaseException:
                await self._pool.release_interrupted(connection)
                raise
        return ReadSession(connection, self._pool)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None:
        if breaks_connection(error):
            self._connection.terminate()  # nobody waits for the answer of a lost server
        if error is None or isinstance(error, Exception):
            self._pool.release(self._connection)
        else:
            await self._pool.release_interrupted(self._connection)
