"""The session of a unit of work, on the bare driver inside a transaction of SQLAlchemy's.

It is SQLAlchemy's session, with its identity map and its watch over changed attributes; what it
does for each row read and written is done here by less (`keeping`, `flushing`). What is rare is
left to the session itself.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select, TextClause, inspect
from sqlalchemy.engine.result import IteratorResult, Result, ScalarResult
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.dml import UpdateBase

from database import dml
from database import flush as database_flush
from database.audit import changes_of
from database.entity_loader import Kept, takers
from database.statements import Heard, Shape, Shapes, by_key

ANEW = "populate_existing"
KEY_SHARE = {"key_share": True}
LOCKS = (False, True, KEY_SHARE)


class Working(AsyncSession):
    """A session of one unit of work; `bare` is the driver's connection beneath it."""

    bare: Any
    shapes: Shapes
    heard: Heard | None = None

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        """The rows; what has changed so far is written first, as the ORM does it."""
        await self.flush()
        asked = None if options else self._asked(statement, params)
        if asked is None:
            found: Result[Any] = await super().execute(statement, params, **options)
            return found
        shape, text, values = asked
        if self.heard is not None:
            self.heard(text)
        if dml.silent(statement):
            return dml.Written(await dml.by_rules(self.bare.execute(text, *values), text))
        answer = self.bare.fetch(text, *values)
        writes = isinstance(statement, UpdateBase)
        records = await (dml.by_rules(answer, text) if writes else answer)
        if shape.names is None or not any(isinstance(one, Kept) for one in shape.takers or ()):
            return shape.result(records)
        anew = bool(statement.get_execution_options().get(ANEW))
        take = takers(self.sync_session, anew, shape.takers or ())
        rows: Iterator[Any] = iter([tuple([one(record) for one in take]) for record in records])
        return IteratorResult(shape.names, rows)

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first answer of the first row; None without rows."""
        return (await self.execute(statement, params, **options)).scalar()

    async def scalars(
        self, statement: Any, params: Any = None, **options: Any
    ) -> ScalarResult[Any]:
        """The first answer of each row."""
        return (await self.execute(statement, params, **options)).scalars()

    async def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key, read when the session does not know it; None when there is none.

        Of `options` there are `populate_existing` (read it anew) and `with_for_update`.
        """
        anew, locked = options.pop(ANEW, False), options.pop("with_for_update", False)
        if options or locked not in LOCKS:
            return await super().get(
                entity, ident, populate_existing=anew, with_for_update=locked, **options
            )
        mapper = inspect(entity)
        values = _key(mapper, ident)
        if not anew and not locked:
            known = self.sync_session.identity_map.get((mapper.class_, values, None))
            if known is not None and not inspect(known).expired_attributes:
                return known
        statement, names = by_key(entity, anew, bool(locked), locked == KEY_SHARE)
        return await self.scalar(statement, dict(zip(names, values, strict=True)))

    async def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row with this key; NoResultFound when there is none to be seen."""
        if (found := await self.get(entity, ident, **options)) is None:
            raise NoResultFound(f"no {entity.__name__} with this key")
        return found

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[AsyncSessionTransaction]:  # type: ignore[override] # nobody awaits it
        """A savepoint, set at once: the session itself would wait until it is asked something."""
        async with super().begin_nested() as nested:
            await self.connection()
            yield nested

    async def flush(self, objects: Any = None) -> None:
        """Write what is new and what has changed."""
        session = self.sync_session
        if not (session._new or session._deleted or session.identity_map._modified):
            return
        changes = [*changes_of(session)]
        if await database_flush.flush(session, self.bare, self.shapes, self.heard):
            session.info["changes"].extend(changes)
        else:
            await super().flush(objects)

    def _asked(self, statement: Any, params: Any) -> tuple[Shape, str, list[Any]] | None:
        """What to ask the driver; None when only the session can."""
        if isinstance(params, list):
            return None
        if isinstance(statement, UpdateBase):
            if not dml.leaves_rows(statement, self.sync_session):
                return None
            asked = self.shapes.asked(statement, params or {})
            # Defaults that Python makes are made by SQLAlchemy.
            compiled = asked[0].compiled
            return None if compiled.insert_prefetch or compiled.update_prefetch else asked
        if isinstance(statement, TextClause | Select):
            return self.shapes.asked(statement, params or {})
        return None


def _key(mapper: Mapper[Any], ident: Any) -> tuple[Any, ...]:
    """A primary key as the ORM takes one: a value, a tuple, or values by the attributes' names."""
    if isinstance(ident, dict):
        return tuple(ident[mapper.get_property_by_column(one).key] for one in mapper.primary_key)
    return ident if isinstance(ident, tuple) else (ident,)
