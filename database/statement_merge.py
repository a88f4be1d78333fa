"""Merges several statements into one that answers the rows of each as an array."""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from database.sqlalchemy_internals import SQLCompiler, has_ordered_columns, result_columns

MAX_CACHED_MERGES = 500
BUILT_IN_TYPES = (
    Boolean, Date, DateTime, Enum, Float, Integer, JSONB, LargeBinary, Numeric, String, Time, Uuid
)  # fmt: skip
PLACEHOLDER = re.compile(r"\$(\d+)")


def is_mergeable(compiled: SQLCompiler) -> bool:
    """Whether the driver can decode the rows out of an array: it must know each column's type by
    itself, as it gets no description of an array's rows."""
    columns = result_columns(compiled)
    return (
        bool(columns)
        and has_ordered_columns(compiled)
        and all(_is_built_in(one.type) for one in columns)
    )


def _is_built_in(column_type: Any) -> bool:
    if isinstance(column_type, TypeDecorator):
        column_type = column_type.impl_instance
    if isinstance(column_type, Enum) and column_type.native_enum:
        return False
    return isinstance(column_type, BUILT_IN_TYPES)


@lru_cache(MAX_CACHED_MERGES)
def merge_statements(texts: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """One statement with a column per statement: the array of its rows, in order.

    `counts` has the number of parameters of each; they follow each other in the merged statement.
    """
    columns: list[str] = []
    before = 0
    for text, count in zip(texts, counts, strict=True):
        columns.append(f"array(select whole from ({_renumber(text, before)}) whole)")  # noqa: S608 - our own text
        before += count
    return f"select {', '.join(columns)}"


def _renumber(text: str, places: int) -> str:
    """The text with the numbers of its parameters raised."""
    if not places:
        return text
    return PLACEHOLDER.sub(lambda match: f"${int(match[1]) + places}", text)
