"""Sessions that only read, on bare driver connections: each inside its scope, or public."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from sqlalchemy import URL, inspect, select
from sqlalchemy.engine.result import Result, ScalarResult
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession

from models.light import Heard, Shapes

IDLE_SECONDS = 300.0


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

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first answer of the first row; None without rows."""
        shape, records = await self._fetch(statement, params)
        return shape.firsts(records[:1])[0] if records else None

    async def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; None when there is none to be seen."""
        keys = inspect(entity).primary_key
        values = ident if isinstance(ident, tuple) else (ident,)
        wanted = (key == value for key, value in zip(keys, values, strict=True))
        return await self.scalar(select(entity).where(*wanted))

    async def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; NoResultFound when there is none to be seen."""
        if (found := await self.get(entity, ident)) is None:
            raise NoResultFound(f"no {entity.__name__} with this key")
        return found

    async def _fetch(self, statement: Any, params: Any) -> Any:
        shape, key = self._pool.shapes.of(statement)
        text, values = shape.asked(params or {}, key)
        if self._pool.heard is not None:
            self._pool.heard(text)
        return shape, await self._connection.fetch(text, *values)


class ReadConnection(asyncpg.Connection):  # type: ignore[misc] # the driver ships no types
    """Knows in which scope it reads, so that it is told only when that changes.

    There is no transaction around a read: it would cost two trips more. The scope stays until the
    next reader enters another one, and nobody reads without having entered.
    """

    _scope: str | None = None

    async def enter(self, scope: str) -> None:
        """Read inside the scope that this statement sets."""
        if scope != self._scope:
            self._scope = None
            await self.execute(scope)
            self._scope = scope


class ReadPool:
    """Connections of one role that can't write; opened when first asked, in the loop that asks."""

    def __init__(self, url: URL, size: int, acquire_seconds: float, **settings: Any) -> None:
        self.shapes = Shapes()
        self.heard: Heard | None = None
        """Told each statement's text; for tests that count."""
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._size = size
        self._acquire_seconds = acquire_seconds
        self._settings = settings
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @property
    def in_use(self) -> int:
        """How many connections are reading at this moment."""
        return self._pool.get_size() - self._pool.get_idle_size() if self._pool else 0

    @asynccontextmanager
    async def reading(self, scope: str | None) -> AsyncIterator[Reading]:
        """A session whose statements each see what is committed; None where all is public."""
        pool = self._pool or await self._open()
        connection = await pool.acquire(timeout=self._acquire_seconds)
        try:
            if scope is not None:
                await connection.enter(scope)
            yield Reading(connection, self)
        finally:
            await pool.release(connection)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._address,
                    min_size=0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=IDLE_SECONDS,
                    init=_speak_json,
                    reset=_nothing,
                    connection_class=ReadConnection,
                    **self._settings,
                )
        return self._pool


async def _nothing(connection: Any) -> None:
    """A connection keeps nothing between two uses but its prepared statements."""


async def _speak_json(connection: Any) -> None:
    """Read JSON as values, as the sessions that write do."""
    for name, begins in (("json", 0), ("jsonb", 1)):  # jsonb begins with the number of its format
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=lambda text, begins=begins: b"\x01" * begins + text.encode(),
            decoder=lambda data, begins=begins: orjson.loads(data[begins:]),
        )
