"""Keyset pagination: a cursor holds the sort key of its row, so every page costs the same."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from services.core.problems import DomainError, InvalidInput

Row = TypeVar("Row")
SortKey = Callable[[Row], Sequence[Any]]
MAX_PAGE_ROWS = 100
MAX_INTEGER = 2**63 - 1


class Edge(NamedTuple, Generic[Row]):
    """A row and the cursor for the rows after it."""

    cursor: str
    node: Row


class Page(Generic[Row]):
    """One page of a list, in order. Cursors are computed when they are read."""

    __slots__ = ("_key", "has_next_page", "nodes", "total_count")

    nodes: list[Row]
    total_count: int | None

    def __init__(
        self,
        nodes: list[Row],
        has_next_page: bool,
        key: SortKey[Row],
        total_count: int | None = None,
    ) -> None:
        self.nodes = nodes
        self.has_next_page = has_next_page
        self.total_count = total_count
        self._key = key

    @property
    def edges(self) -> list[Edge[Row]]:
        """The rows with their cursors."""
        return [Edge(encode_cursor(*self._key(row)), row) for row in self.nodes]

    @property
    def page_info(self) -> "PageInfo":
        """The end cursor and whether another page follows."""
        end = encode_cursor(*self._key(self.nodes[-1])) if self.nodes else None
        return PageInfo(self.has_next_page, end)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """The end cursor of a page and whether another page follows."""

    has_next_page: bool
    end_cursor: str | None


def build_page(
    rows: Sequence[Row], first: int, key: SortKey[Row], total_count: int | None = None
) -> Page[Row]:
    """Build a page from up to `first + 1` rows; the extra row shows that another page follows."""
    return Page(list(rows[:first]), len(rows) > first, key, total_count)


def encode_cursor(*values: Any) -> str:
    """Return an opaque cursor with a row's sort key; `str` encodes the driver's own UUID type."""
    return urlsafe_b64encode(orjson.dumps(list(values), default=str)).rstrip(b"=").decode()


def decode_cursor(text: str | None, *types: type) -> list[Any] | None:
    """Return the sort key in a cursor, None without one. Raises DomainError: InvalidInput."""
    if text is None:
        return None
    try:
        values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if (
            isinstance(values, list)
            and len(values) == len(types)
            and all(map(_is_comparable, values))
        ):
            return [convert(value) for convert, value in zip(types, values, strict=True)]
    except (ValueError, TypeError, AttributeError):
        pass
    raise DomainError(InvalidInput(path=["after"], message="That cursor is not one of ours."))


def _is_comparable(value: Any) -> bool:
    """Return whether the database can compare a row with this value."""
    if isinstance(value, str):
        return "\0" not in value
    return isinstance(value, int | float) and abs(value) <= MAX_INTEGER


def check_page_size(first: int, limit: int = MAX_PAGE_ROWS) -> int:
    """Return `first`. Raises DomainError: InvalidInput unless it is between 1 and `limit`."""
    if 1 <= first <= limit:
        return first
    raise DomainError(InvalidInput(path=["first"], message=f"first is from 1 to {limit}."))
