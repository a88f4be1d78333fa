"""Keyset pages: a cursor holds the sort key of its row, so a page costs the same wherever it is."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from services.core.problems import InvalidInput, Refused

Row = TypeVar("Row")
Key = Callable[[Row], Sequence[Any]]
PAGE_ROWS = 100
WHOLE_MOST = 2**63 - 1


class Edge(NamedTuple, Generic[Row]):
    """A row and the cursor that continues after it."""

    cursor: str
    node: Row


class Page(Generic[Row]):
    """A slice of a longer list, in order. Cursors are made for those who ask for them."""

    __slots__ = ("_key", "has_next_page", "nodes", "total_count")

    nodes: list[Row]
    total_count: int | None

    def __init__(
        self, nodes: list[Row], has_next_page: bool, key: Key[Row], total_count: int | None = None
    ) -> None:
        self.nodes = nodes
        self.has_next_page = has_next_page
        self.total_count = total_count
        self._key = key

    @property
    def edges(self) -> list[Edge[Row]]:
        """The rows with their cursors."""
        return [Edge(cursor(*self._key(row)), row) for row in self.nodes]

    @property
    def page_info(self) -> "PageInfo":
        """Where the page ends and whether another follows."""
        end = cursor(*self._key(self.nodes[-1])) if self.nodes else None
        return PageInfo(self.has_next_page, end)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page ends and whether another follows."""

    has_next_page: bool
    end_cursor: str | None


def page(
    rows: Sequence[Row], first: int, key: Key[Row], total_count: int | None = None
) -> Page[Row]:
    """Build a page out of up to `first + 1` rows; the extra one only proves that more follow."""
    return Page(list(rows[:first]), len(rows) > first, key, total_count)


def cursor(*values: Any) -> str:
    """An opaque cursor holding a row's sort key (the driver has a UUID type of its own)."""
    return urlsafe_b64encode(orjson.dumps(list(values), default=str)).rstrip(b"=").decode()


def after(text: str | None, *kinds: type) -> list[Any] | None:
    """The sort key in a cursor, or None without one; refused when it is not one of ours."""
    if text is None:
        return None
    try:
        values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(values, list) and len(values) == len(kinds) and all(map(_sound, values)):
            return [kind(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, AttributeError):
        pass
    raise Refused(InvalidInput(path=["after"], message="That cursor is not one of ours."))


def _sound(value: Any) -> bool:
    """Whether the database could compare a row with this value."""
    if isinstance(value, str):
        return "\0" not in value
    return isinstance(value, int | float) and abs(value) <= WHOLE_MOST


def bounded(first: int, most: int = PAGE_ROWS) -> int:
    """`first`, refused unless it is between 1 and `most`."""
    if 1 <= first <= most:
        return first
    raise Refused(InvalidInput(path=["first"], message=f"first is from 1 to {most}."))
