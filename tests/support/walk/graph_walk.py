"""Documents that select every field below a root field, for tests that walk the whole graph.

Each object type is selected in full once, on its shortest way from the root; further ways to it
select its leaves, so that every field of every type is on some way, and no document explodes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    ast_from_value,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    print_ast,
)

from attack.extremes.samples import contains_id, sample_value
from execution import Limits
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from tests.support.walk.parties import IdOf

SHAPE: GraphQLSchema = graph._schema
PAGE_SIZE = 20
MAX_DEPTH = 7
UNKNOWN_ID = "nothing"
NO_LIMITS = Limits(
    document_characters=10**6, tokens=10**6, depth=40, aliases=10**4, fields=10**5, cost=10**9,
    repeats=10**3, cached_documents=10**4, cached_tokens=10**8,
)  # fmt: skip


def walking_engine() -> GraphQLEngine:
    """An engine for documents of any size."""
    return GraphQLEngine(graph, limits=NO_LIMITS, introspection=True, on_error=format_error)


@dataclass
class _Place:
    """A selection set of the document that is being built."""

    graphql_type: GraphQLObjectType
    depth: int
    parts: list["str | tuple[str, _Place]"] = field(default_factory=list)

    def text(self) -> str:
        children = (
            part if isinstance(part, str) else f"{part[0]} {part[1].text()}" for part in self.parts
        )
        return "{ __typename " + " ".join(children) + " }"


@dataclass
class GraphWalk:
    """Builds a document whose arguments that name rows are variables, so it is parsed once."""

    shapes: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """The known name and the type of each variable."""

    def document(self, operation: str, name: str, on: GraphQLObjectType | None = None) -> str:
        """A document with one root field and everything below it; `on` is the type of a node."""
        root: Any = getattr(SHAPE, f"{operation}_type")
        declared = root.fields[name]
        call = self.call(name, declared)
        kind = get_named_type(declared.type)
        if on is not None:
            below = f"{{ ... on {on.name} {self._selection(on)} }}"
        else:
            below = "" if is_leaf_type(kind) else self._selection(kind)
        heads = ", ".join(f"${variable}: {shape}" for variable, (_, shape) in self.shapes.items())
        return f"{operation} {f'({heads})' if heads else ''} {{ {call} {below} }}"

    def variables(self, id_of: IdOf) -> dict[str, Any]:
        """The values of the variables; `id_of` returns the id for an argument by its name."""
        return {
            variable: sample_value(shape, known_as, lambda name: id_of(name) or UNKNOWN_ID)
            for variable, (known_as, shape) in self.shapes.items()
        }

    def call(self, name: str, declared: GraphQLField) -> str:
        """A field with a value for each argument that is required, names a row or sizes a page."""
        values = []
        for argument, shape in declared.args.items():
            if argument == "first":
                values.append(f"first: {PAGE_SIZE}")
            elif contains_id(shape.type):
                variable = f"v{len(self.shapes)}"
                known_as = f"{name}Id" if argument == "id" else argument
                self.shapes[variable] = (known_as, shape.type)
                values.append(f"{argument}: ${variable}")
            elif is_required_argument(shape):
                node: Any = ast_from_value(sample_value(shape.type, argument), shape.type)
                values.append(f"{argument}: {print_ast(node)}")
        return f"{name}({', '.join(values)})" if values else name

    def _selection(self, kind: GraphQLObjectType) -> str:
        top = _Place(kind, 0)
        visited, places = {kind.name}, deque([top])
        while places:
            place = places.popleft()
            for name, declared in place.graphql_type.fields.items():
                self._select(place, name, declared, visited, places)
        return top.text()

    def _select(
        self,
        place: _Place,
        name: str,
        declared: GraphQLField,
        visited: set[str],
        places: "deque[_Place]",
    ) -> None:
        call, kind = self.call(name, declared), get_named_type(declared.type)
        if is_leaf_type(kind):
            place.parts.append(call)
        elif not isinstance(kind, GraphQLObjectType):
            place.parts.append(f"{call} {{ __typename }}")
        elif place.depth < MAX_DEPTH and (is_wrapper(kind) or kind.name not in visited):
            visited.add(kind.name)
            child = _Place(kind, place.depth + 1)
            place.parts.append((call, child))
            places.append(child)
        else:
            place.parts.append(f"{call} {self._leaves(kind)}")

    def _leaves(self, kind: GraphQLObjectType) -> str:
        calls = [
            self.call(name, declared)
            for name, declared in kind.fields.items()
            if is_leaf_type(get_named_type(declared.type))
        ]
        return "{ __typename " + " ".join(calls) + " }"


def is_wrapper(kind: GraphQLObjectType) -> bool:
    """Whether a type only leads to others, as a page does: each way to it goes on to its rows."""
    return kind.name.endswith(("Connection", "Edge"))


def object_types() -> Iterator[GraphQLObjectType]:
    """Every object type of the graph except the roots."""
    roots = {SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type}
    for kind in SHAPE.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            if kind in roots:
                continue
            yield kind
