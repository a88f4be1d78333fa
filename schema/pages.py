"""Relay connections on top of keyset pages."""

from typing import Generic, TypeVar

import strawberry

from schema.backing import BACKING, backed_by, column
from services.core import pages

Node = TypeVar("Node")


@backed_by(
    pages.PageInfo,
    "Both ends of a page, as Relay defines them. Lists are read forward, with `first` and `after`.",
)
class PageInfoType:
    has_next_page: bool = column("Whether another page follows.")
    has_previous_page: bool = column("Whether the page follows an earlier one: `after` was given.")
    start_cursor: str | None = column("Cursor of the first row; null when empty.")
    end_cursor: str | None = column("Pass it as `after` for the next page; null when empty.")


@strawberry.type(name="Edge", description="A row of a page and its cursor.")
class EdgeType(Generic[Node]):
    cursor: str = column("Cursor of this row, to continue after it.")
    node: Node = column("The row.")


@strawberry.type(name="Connection", description="A page of a list.")
class ConnectionType(Generic[Node]):
    edges: list[EdgeType[Node]] = column("The rows with their cursors.")
    nodes: list[Node] = column("The rows without cursors.")
    page_info: PageInfoType = column("Position of the page in the list.")
    total_count: int | None = column("Total number of rows; null if they were not counted.")


BACKING[EdgeType] = pages.Edge
BACKING[ConnectionType] = pages.Page
