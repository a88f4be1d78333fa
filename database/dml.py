"""Which statements that write the bare driver may run, and the count of rows that it answers."""

import re
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ColumnElement, Insert, TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase

Answer = TypeVar("Answer")
WRITES = re.compile(
    r"\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+as)?(\s+\S+)?\s+set\b", re.IGNORECASE
)
TEXTS_KEPT = 1_000
NO_COLUMNS = SimpleResultMetaData([])


class Written(IteratorResult[Any]):
    """No rows, but how many were written."""

    def __init__(self, status: str) -> None:
        """`status` is the driver's word, such as "UPDATE 3"."""
        super().__init__(NO_COLUMNS, iter(()))
        count = status.rpartition(" ")[2]
        self.rowcount = int(count) if count.isdigit() else 0


def silent(statement: Any) -> bool:
    """Whether a statement answers the count of rows it wrote, and none of them."""
    if isinstance(statement, TextClause):
        return _writes(statement.text)
    return isinstance(statement, UpdateBase) and not statement._returning


def leaves_rows(statement: UpdateBase, session: Session) -> bool:
    """Whether the session's own rows stay true to the table whatever this writes.

    A row of the same table that the session knows would have to be brought up to date, and one
    that is to be answered made: both are the ORM's to do.
    """
    if not all(isinstance(one, ColumnElement) for one in statement._returning):
        return False
    if isinstance(statement, Insert):
        return True
    if statement.get_execution_options().get("synchronize_session") is False:
        return True
    known: Any = session.identity_map
    return all(model.__table__ is not statement.table for model, *_ in known)


async def by_rules(answer: Awaitable[Answer], text: str) -> Answer:
    """The driver's answer, or SQLAlchemy's error: IntegrityError where a rule forbids it."""
    try:
        return await answer
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(text, None, error) from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(text, None, error) from error


@lru_cache(TEXTS_KEPT)
def _writes(text: str) -> bool:
    return "returning" not in text.lower() and bool(WRITES.search(text))
