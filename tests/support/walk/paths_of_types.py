"""Paths through the graph, from a root to every type and field."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLObjectType, get_named_type

from tests.support.walk.graph_walk import GraphWalk, is_wrapper

MAX_DEPTH = 7


@dataclass(frozen=True)
class Path:
    """Fields from a root to a type: what comes before and behind a selection of that type."""

    kind: GraphQLObjectType
    before: str = ""
    behind: str = ""
    depth: int = 0

    def step(self, call: str, kind: GraphQLObjectType) -> "Path":
        before = f"{self.before} {{ {call}"
        return Path(kind, before, f" }}{self.behind}", self.depth + 1)

    def text(self, selection: str) -> str:
        return f"{self.before} {{ {selection} }}{self.behind}"


def paths(walk: GraphWalk, begin: Path) -> Iterator[Path]:
    """Paths from a selection to each field of objects, by the shortest way to its type."""
    visited, waiting = {begin.kind.name}, deque([begin])
    while waiting:
        path = waiting.popleft()
        yield path
        if path.depth >= MAX_DEPTH:
            continue
        for name, declared in path.kind.fields.items():
            kind = get_named_type(declared.type)
            if not isinstance(kind, GraphQLObjectType):
                continue
            step = path.step(walk.call(name, declared), kind)
            if is_wrapper(kind) or kind.name not in visited:
                visited.add(kind.name)
                waiting.append(step)
            else:
                yield step
