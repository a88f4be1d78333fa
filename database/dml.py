"""Decides which statements that write the bare driver may run, and counts the rows they wrote."""

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

from database.sqlalchemy_internals import returning_columns

Answer = TypeVar("Answer")
WRITES = re.compile(
    r"\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+as)?(\s+\S+)?\s+set\b", re.IGNORECASE
)
MAX_CACHED_TEXTS = 1_000
NO_COLUMNS = SimpleResultMetaData([])


class RowCountResult(IteratorResult[Any]):
    """A result without rows that has the count of rows written."""

    def __init__(self, status: str) -> None:
        """`status` is the driver's answer, such as "UPDATE 3"."""
        super().__init__(NO_COLUMNS, iter(()))
        count = status.rpartition(" ")[2]
        self.rowcount = int(count) if count.isdigit() else 0


def returns_row_count(statement: Any) -> bool:
    """Whether a statement writes rows and returns none of them."""
    if isinstance(statement, TextClause):
        return _writes(statement.text)
    return isinstance(statement, UpdateBase) and not returning_columns(statement)


def keeps_session_current(statement: UpdateBase, session: Session) -> bool:
    """Whether the rows in the session stay equal to the table whatever this statement writes.

    Otherwise the ORM runs it: it updates the rows of the same table that the session holds, and
    makes entities of those that are returned.
    """
    if not all(isinstance(one, ColumnElement) for one in returning_columns(statement)):
        return False
    if isinstance(statement, Insert):
        return True
    if statement.get_execution_options().get("synchronize_session") is False:
        return True
    identity_map: Any = session.identity_map
    return all(model.__table__ is not statement.table for model, *_ in identity_map)


async def translate_errors(answer: Awaitable[Answer], text: str) -> Answer:
    """The driver's answer; raises SQLAlchemy's errors, IntegrityError for a broken constraint."""
    try:
        return await answer
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(text, None, error) from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(text, None, error) from error


@lru_cache(MAX_CACHED_TEXTS)
def _writes(text: str) -> bool:
    return "returning" not in text.lower() and bool(WRITES.search(text))
