"""Relay connections on top of keyset pages."""

from typing import Generic, TypeVar

import strawberry

from schema.backing import BACKING, backed_by, column
from services.core import pages

Node = TypeVar("Node")


@backed_by(pages.PageInfo, "Where a page ends.")
class PageInfoType:
    has_next_page: bool = column("Whether more follows after this page.")
    end_cursor: str | None = column("Pass it as `after` for the next page; null when empty.")


@strawberry.type(name="Edge", description="A row of a page and its cursor.")
class EdgeType(Generic[Node]):
    cursor: str = column("Continues right after this row.")
    node: Node = column("The row.")


@strawberry.type(name="Connection", description="A page of a longer list.")
class ConnectionType(Generic[Node]):
    edges: list[EdgeType[Node]] = column("The rows with their cursors.")
    nodes: list[Node] = column("The rows alone.")
    page_info: PageInfoType = column("Where this page ends.")
    total_count: int | None = column("How many there are in all; null where nobody counted.")


BACKING[EdgeType] = pages.Edge
BACKING[ConnectionType] = pages.Page
