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
from sqlalchemy.ext.asyncio import AsyncSession

from database.connections import ReadConnection, breaks, speak_json
from database.rows import DIALECT, Taker, attributes, processors, taker
from database.statements import Heard, Shapes, by_key, kept

NARROWED_KEPT = 200
"""Statements with fewer columns that a pool knows; who needs others gets whole rows."""
Narrowed = tuple[Any, Taker]
IDLE_SECONDS = 300.0
SETTLE_SECONDS = 5.0


class Reading(AsyncSession):
    """What a function that reads needs of a session. It holds no rows and writes nothing."""

    def __init__(self, connection: Any, pool: "ReadPool") -> None:
        self._connection = connection
        self._pool = pool
        self._info: dict[Any, Any] = {}

    @property
    def info(self) -> dict[Any, Any]:
        """What functions of one read note for each other."""
        return self._info

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        """The rows, as SQLAlchemy's session answers them, with light rows for entities."""
        shape, records = await self._fetch(statement, params)
        found: Result[Any] = shape.result(records)
        return found

    async def scalars(
        self, statement: Any, params: Any = None, **options: Any
    ) -> ScalarResult[Any]:
        """The first answer of each row."""
        return (await self.execute(statement, params)).scalars()

    async def firsts(self, statement: Any, params: Any = None) -> list[Any]:
        """The first answer of each row, as a list."""
        shape, records = await self._fetch(statement, params)
        found: list[Any] = shape.firsts(records)
        return found

    async def narrow(self, statement: Any, needed: Set[str], params: Any) -> list[Any]:
        """The rows of the one model that a kept statement answers, with what is needed alone;
        whole ones where something is needed that is no column."""
        narrowed = self._pool.narrowed(statement, frozenset(needed))
        if narrowed is None:
            return await self.firsts(statement, params)
        fewer, take = narrowed
        _, records = await self._fetch(fewer, params)
        return [take(record) for record in records]

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first answer of the first row; None without rows."""
        shape, records = await self._fetch(statement, params)
        return shape.firsts(records[:1])[0] if records else None

    async def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; None when there is none to be seen."""
        statement, names = by_key(entity)
        values = ident if isinstance(ident, tuple) else (ident,)
        return await self.scalar(statement, dict(zip(names, values, strict=True)))

    async def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; NoResultFound when there is none to be seen."""
        if (found := await self.get(entity, ident)) is None:
            raise NoResultFound(f"no {entity.__name__} with this key")
        return found

    async def _fetch(self, statement: Any, params: Any) -> Any:
        shape, text, values = self._pool.shapes.asked(statement, params or {})
        return shape, await self.records(text, values)

    async def records(self, text: str, values: Sequence[Any]) -> Any:
        """What the driver answers."""
        if self._pool.heard is not None:
            self._pool.heard(text)
        return await self._connection.fetch(text, *values)


def _narrowed(statement: Any, needed: frozenset[str]) -> Narrowed | None:
    model: Any = statement.column_descriptions[0]["expr"]
    whole = attributes(model) or []
    if not needed.issubset(whole):
        return None
    wanted = needed | {part.key for part in inspect(model).primary_key}
    keys = [key for key in whole if key in wanted]
    columns = (getattr(model, key) for key in keys)
    fewer = kept(statement.with_only_columns(*columns, maintain_column_froms=True))
    return fewer, taker(model, keys, 0, processors(fewer.compile(dialect=DIALECT)))


class ReadPool:
    """Connections of one role that can't write; opened when first asked, in the loop that asks.

    Who finds none free waits in line, for at most `acquire_seconds`, then raises TimeoutError.
    """

    def __init__(self, url: URL, size: int, acquire_seconds: float, **settings: Any) -> None:
        self.shapes = Shapes()
        self.heard: Heard | None = None
        """Told each statement's text; for tests that count."""
        self._narrowed: dict[Any, Narrowed | None] = {}
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._size = size
        self._acquire_seconds = acquire_seconds
        self._settings = {**settings, "connection_class": ReadConnection}
        self._idle: list[ReadConnection] = []
        self._open: set[ReadConnection] = set()
        self._opening = 0
        self._line: deque[asyncio.Future[ReadConnection | None]] = deque()

    def narrowed(self, statement: Any, needed: frozenset[str]) -> Narrowed | None:
        """The statement with the needed columns alone, and what takes a row out of its answer."""
        key = statement, needed
        if key not in self._narrowed and len(self._narrowed) < NARROWED_KEPT:
            self._narrowed[key] = _narrowed(statement, needed)
        return self._narrowed.get(key)

    @property
    def in_use(self) -> int:
        """How many connections are reading at this moment."""
        return len(self._open) - len(self._idle)

    def reading(self, scope: str | None) -> "Turn":
        """A session whose statements each see what is committed; None where all is public."""
        return Turn(self, scope)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        for connection in list(self._open):
            self._end(connection)

    async def take(self, scope: str | None) -> ReadConnection:
        """A connection of one's own until it is put back; one that is in that scope, if any is."""
        found = self._free(scope)
        if found is not None:
            return found
        async with asyncio.timeout(self._acquire_seconds):
            while len(self._open) + self._opening >= self._size:
                found = await self._in_line()
                if found is not None:
                    return found
            return await self._connect()

    def put(self, connection: ReadConnection | None) -> None:
        """Give a connection back, or the room to open one (None); the first in line gets it."""
        if connection is None or connection.is_closed():
            self._end(connection)
        elif not self._next(connection):
            connection.idle_since = now = asyncio.get_running_loop().time()
            self._idle.append(connection)
            if now - self._idle[0].idle_since > IDLE_SECONDS:
                self._end(self._idle[0])

    async def settle(self, connection: ReadConnection) -> None:
        """Give a connection back after a statement that was left in the middle."""
        try:
            # The driver waits with this one until the other is canceled.
            await connection.execute("select", timeout=SETTLE_SECONDS)
        except BaseException:
            self._end(connection)
            raise
        self.put(connection)

    def _free(self, scope: str | None) -> ReadConnection | None:
        """The connection used last, in this scope if there is one: it knows the statements."""
        idle = self._idle
        while idle:
            at = len(idle) - 1
            while at > 0 and idle[at].scope != scope:
                at -= 1
            found = idle.pop(at if idle[at].scope == scope else -1)
            if not found.is_closed():
                return found
            self._end(found)
        return None

    async def _in_line(self) -> ReadConnection | None:
        """Wait for a connection, or for the room to open one (None)."""
        turn: asyncio.Future[ReadConnection | None]
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.put(turn.result())  # It came in the moment in which its reader left.
            raise

    def _next(self, connection: ReadConnection | None) -> bool:
        """Hand over to the first who still waits; False when nobody does."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def _end(self, connection: ReadConnection | None) -> None:
        """Let go of a connection; the first in line may open another."""
        if connection is not None:
            self._open.discard(connection)
            self._idle[:] = [one for one in self._idle if one is not connection]
            connection.terminate()
        self._next(None)

    async def _connect(self) -> ReadConnection:
        self._opening += 1
        made: ReadConnection | None = None
        try:
            made = await asyncpg.connect(self._address, **self._settings)
            await speak_json(made)
        except BaseException:
            self._end(made)
            raise
        finally:
            self._opening -= 1
        self._open.add(made)
        return made


class Turn(AbstractAsyncContextManager[Reading]):
    """One reader's use of a connection."""

    __slots__ = ("_connection", "_pool", "_scope")

    def __init__(self, pool: ReadPool, scope: str | None) -> None:
        self._pool = pool
        self._scope = scope

    async def __aenter__(self) -> Reading:
        self._connection = connection = await self._pool.take(self._scope)
        if self._scope is not None and connection.scope != self._scope:
            try:
                await connection.enter(self._scope)
            except BaseException:
                await self._pool.settle(connection)
                raise
        return Reading(connection, self._pool)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None:
        if breaks(error):
            self._connection.terminate()  # nobody may have to wait for what was not answered
        if error is None or isinstance(error, Exception):
            self._pool.put(self._connection)
        else:
            await self._pool.settle(self._connection)
