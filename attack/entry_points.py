"""Documents that lead to every type of the graph, each within the limits of production."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type

from server.persisted_queries.manifest import first_party_documents, hash_of
from tests.support.minimal_queries import minimal_document
from tests.support.walk.graph_walk import SHAPE, GraphWalk
from tests.support.walk.named_rows import MUTATIONS
from tests.support.walk.parties import IdOf
from tests.support.walk.paths_of_types import Path as WalkPath
from tests.support.walk.paths_of_types import paths

MAX_LEAVES = 40


@dataclass(frozen=True)
class EntryPoint:
    """One way to rows: a document, and the variables that take ids."""

    name: str
    operation: str
    text: str
    walk: GraphWalk
    used: frozenset[str]
    node: str | None = None
    """The type of the row that `node` is asked for."""

    def variables(self, id_of: IdOf) -> dict[str, Any]:
        """Its variables for a situation."""
        values = self.walk.variables(id_of)
        return {name: values[name] for name in self.used}


@cache
def reading_entry_points() -> Sequence[EntryPoint]:
    """Every type below every root field by the shortest way, and every type as a node."""
    return [*_root_entry_points(), *_node_entry_points()]


@cache
def stream_entry_points() -> Sequence[EntryPoint]:
    """Every subscription, with the fields of its message."""
    return [
        entry_point
        for name in _fields("subscription")
        for entry_point in _entry_points("subscription", name)
        if entry_point.text.count("{") <= 4
    ]


def mutation_texts() -> dict[str, str]:
    """The document of every mutation that names a row."""
    return {
        name: minimal_document("mutation", name, declared, lambda _: None)[0]
        for name, declared in MUTATIONS.items()
    }


def app_query() -> str:
    """A query of an app: the alerts of a store."""
    return "query ($store: ID!) { stockAlerts(storeId: $store, first: 1) { nodes { id units } } }"


def write_manifest(file: Path) -> None:
    """Let everybody send these documents, as if they were those of an app."""
    texts = [entry_point.text for entry_point in (*reading_entry_points(), *stream_entry_points())]
    texts += [*mutation_texts().values(), app_query()]
    manifest = first_party_documents() | {hash_of(text): text for text in texts}
    file.write_text(json.dumps(manifest))


def _fields(operation: str) -> dict[str, GraphQLField]:
    """The root fields of a kind of operations."""
    fields: dict[str, GraphQLField] = getattr(SHAPE, f"{operation}_type").fields
    return fields


def _root_entry_points() -> Iterator[EntryPoint]:
    for name in _fields("query").keys() - {"node", "nodes"}:
        yield from _entry_points("query", name)


def _entry_points(operation: str, name: str) -> Iterator[EntryPoint]:
    declared = _fields(operation)[name]
    kind = get_named_type(declared.type)
    if not isinstance(kind, GraphQLObjectType):
        return
    walk = GraphWalk()
    call = walk.call(name, declared)
    for path in paths(walk, WalkPath(kind)):
        body = f"{call} {path.text(_leaves(walk, path.kind))}"
        yield _entry_point(f"{name} {path.kind.name}", operation, body, walk)


def _node_entry_points() -> Iterator[EntryPoint]:
    for kind in cast(Any, SHAPE).get_possible_types(SHAPE.type_map["Node"]):
        walk = GraphWalk()
        call = walk.call("node", _fields("query")["node"])
        for path in paths(walk, WalkPath(kind)):
            if path.depth <= 1:
                inner = path.text(_leaves(walk, path.kind))
                body = f"{call} {{ ... on {kind.name} {inner} }}"
                yield _entry_point(f"node {kind.name}", "query", body, walk, kind.name)


def _leaves(walk: GraphWalk, kind: GraphQLObjectType) -> str:
    calls = [
        walk.call(name, declared)
        for name, declared in kind.fields.items()
        if is_leaf_type(get_named_type(declared.type))
    ]
    return " ".join(["__typename", *calls[:MAX_LEAVES]])


def _entry_point(
    name: str, operation: str, body: str, walk: GraphWalk, node: str | None = None
) -> EntryPoint:
    used = {
        variable: shape for variable, (_, shape) in walk.shapes.items() if f"${variable}" in body
    }
    heads = ", ".join(f"${variable}: {shape}" for variable, shape in used.items())
    text = f"{operation} {f'({heads})' if heads else ''} {{ {body} }}"
    return EntryPoint(name, operation, text, walk, frozenset(used), node)
