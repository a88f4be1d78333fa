"""Keyset pagination: a cursor holds the sort key of its row, so every page costs the same."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Float,
    Integer,
    SmallInteger,
    String,
    Uuid,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from services.core.date_times import parse_date
from services.core.problems import DomainError, InvalidInput, range_problem

Row = TypeVar("Row")
SortKey = Callable[[Row], Sequence[Any]]
MAX_PAGE_ROWS = 100
# PostgreSQL's text has no NUL, UTF-8 no half of a surrogate pair.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
KeyColumn = ColumnElement[Any] | InstrumentedAttribute[Any] | TypeEngine[Any]


class Edge(NamedTuple, Generic[Row]):
    """A row and the cursor for the rows after it."""

    cursor: str
    node: Row


class Page(Generic[Row]):
    """One page of a list, in order. Cursors are computed when they are read."""

    __slots__ = ("_key", "has_next_page", "has_previous_page", "nodes", "total_count")

    nodes: list[Row]
    total_count: int | None

    def __init__(
        self,
        nodes: list[Row],
        has_next_page: bool,
        has_previous_page: bool,
        key: SortKey[Row],
        total_count: int | None = None,
    ) -> None:
        self.nodes = nodes
        self.has_next_page = has_next_page
        self.has_previous_page = has_previous_page
        self.total_count = total_count
        self._key = key

    @property
    def edges(self) -> list[Edge[Row]]:
        """The rows with their cursors."""
        return [Edge(encode_cursor(*self._key(row)), row) for row in self.nodes]

    def cursor_at(self, index: int) -> str | None:
        """The cursor of the row at an index; None for an empty page."""
        return encode_cursor(*self._key(self.nodes[index])) if self.nodes else None

    @property
    def page_info(self) -> "PageInfo[Row]":
        """Both ends of the page, and whether other pages precede and follow."""
        return PageInfo(self)


class PageInfo(Generic[Row]):
    """Both ends of a page. Cursors are computed when they are read."""

    __slots__ = ("_page",)

    def __init__(self, page: Page[Row]) -> None:
        self._page = page

    @property
    def has_next_page(self) -> bool:
        """Whether another page follows."""
        return self._page.has_next_page

    @property
    def has_previous_page(self) -> bool:
        """Whether the page continues after a row of an earlier one."""
        return self._page.has_previous_page

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first row; None for an empty page."""
        return self._page.cursor_at(0)

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last row; None for an empty page."""
        return self._page.cursor_at(-1)


def build_page(
    rows: Sequence[Row],
    first: int,
    after: object,
    key: SortKey[Row],
    total_count: int | None = None,
) -> Page[Row]:
    """Build a page from up to `first + 1` rows; the extra row shows that another page follows.

    `after` is the cursor, or sort key, that the rows follow: the row that it names was on an
    earlier page. None on the first page.
    """
    return Page(list(rows[:first]), len(rows) > first, after is not None, key, total_count)


def encode_cursor(*values: Any) -> str:
    """Return an opaque cursor with a row's sort key; `str` encodes the driver's own UUID type."""
    return urlsafe_b64encode(orjson.dumps(list(values), default=str)).rstrip(b"=").decode()


def decode_cursor(text: str | None, *keys: KeyColumn) -> list[Any] | None:
    """Return the sort key in a cursor, None without one. Raises DomainError: InvalidInput.

    `keys` are the columns, or types of columns, that the rows are sorted by: each value must fit in
    its own, as the database would refuse a wider one with an error that looks like ours.
    """
    if text is None:
        return None
    try:
        values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(values, list) and len(values) == len(keys):
            return [parse_key(key, value) for key, value in zip(keys, values, strict=True)]
    except (ValueError, TypeError, AttributeError):
        pass
    raise DomainError(InvalidInput(path=["after"], message="That cursor is not one of ours."))


def parse_key(key: KeyColumn, value: Any) -> Any:
    """Return a value of a column from a cursor. Raises ValueError, TypeError if it doesn't fit."""
    column_type = key if isinstance(key, TypeEngine) else key.type
    for base in type(column_type).__mro__:
        parse = _PARSERS.get(base)
        if parse is not None:
            return parse(value)
    raise LookupError(f"no cursor has a {column_type!r}")


def _integer(bits: int) -> Callable[[Any], int]:
    bound = 2 ** (bits - 1)

    def parse(value: Any) -> int:
        if type(value) is int and -bound <= value < bound:
            return value
        raise ValueError("too wide")

    return parse


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError("no number")
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str or _NOT_STORABLE.search(value):
        raise ValueError("no text")
    return value


_PARSERS: dict[type, Callable[[Any], Any]] = {
    SmallInteger: _integer(16),
    Integer: _integer(32),
    BigInteger: _integer(64),
    Float: _number,
    String: _text,
    Uuid: UUID,
    Date: parse_date,
}


def check_page_size(first: int, limit: int = MAX_PAGE_ROWS) -> int:
    """Return `first`. Raises DomainError: InvalidInput unless it is between 1 and `limit`."""
    if 1 <= first <= limit:
        return first
    raise DomainError(range_problem(["first"], 1, limit))
