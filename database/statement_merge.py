"""Several statements as one: each is answered as an array of its rows, all in one trip."""

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
from sqlalchemy.sql.compiler import SQLCompiler

MERGED_KEPT = 500
PLAIN = (
    Boolean, Date, DateTime, Enum, Float, Integer, JSONB, LargeBinary, Numeric, String, Time, Uuid
)  # fmt: skip
PLACE = re.compile(r"\$(\d+)")


def mergeable(compiled: SQLCompiler) -> bool:
    """Whether the driver can read the rows out of an array: it must know the type of each column
    by itself, as nobody tells it what the rows of an array are made of."""
    columns = compiled._result_columns
    return bool(columns) and compiled._ordered_columns and all(_plain(one.type) for one in columns)


def _plain(kind: Any) -> bool:
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return isinstance(kind, PLAIN) and not (isinstance(kind, Enum) and kind.native_enum)


@lru_cache(MERGED_KEPT)
def merged(texts: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """One statement that answers the rows of each, in its order, as an array in a column of its
    own; `counts` says how many values each of them takes."""
    parts: list[str] = []
    before = 0
    for text, count in zip(texts, counts, strict=True):
        parts.append(f"array(select whole from ({_moved(text, before)}) whole)")  # noqa: S608 - our own text
        before += count
    return f"select {', '.join(parts)}"


def _moved(text: str, places: int) -> str:
    """The text with its values that many places further on."""
    return PLACE.sub(lambda found: f"${int(found[1]) + places}", text) if places else text
