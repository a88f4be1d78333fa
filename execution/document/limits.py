"""Limits on the shape of a document, checked before validation and without the schema.

Each fragment is measured once, however often it is spread, so the time is linear in the length of
the text. Only a document within these limits is expanded, to count fields that have to be merged.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

TOO_COMPLEX = "QUERY_TOO_COMPLEX"
MAX_COUNT = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one document, for the errors reported, and for the document cache."""

    document_characters: int = 32_768
    tokens: int = 1_000
    depth: int = 15
    aliases: int = 30
    fields: int = 500
    directives: int = 9
    operations: int = 5
    fragments: int = 50
    repeats: int = 20
    """How often one response path may be selected: merging takes quadratic time in it."""
    cost: int = 20_000
    validation_errors: int = 5
    variable_errors: int = 5
    cached_documents: int = 500
    cached_tokens: int = 60_000
    """A cached token takes about 0.7 KB of memory, its share of the plan included."""


class SelectionShape(NamedTuple):
    """Totals of a selection set with every fragment expanded."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0


def too_complex(message: str) -> GraphQLError:
    """The error for a document that exceeds a limit."""
    return GraphQLError(message, extensions={"code": TOO_COMPLEX})


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Raise a `GraphQLError` for a document that exceeds a limit or has a fragment cycle."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    _check_count("operations", len(operations), limits.operations)
    measure = _DocumentMeasure(document)
    _check_count("fragments", len(measure.fragments), limits.fragments)
    try:
        measure.check_spreads(operations)
        for operation in operations:
            shape = measure.shape(operation.selection_set)
            _check_count("levels", shape.depth, limits.depth)
            _check_count("aliases", shape.aliases, limits.aliases)
            _check_count("fields", shape.fields, limits.fields)
            on_operation = len(operation.directives or ())
            _check_count("directives", shape.directives + on_operation, limits.directives)
            measure.check_repeats([operation.selection_set], limits.repeats)
    except RecursionError:
        raise too_complex("The document is nested too deeply.") from None


def check_cost(cost: int, limits: Limits) -> None:
    """Raise a `GraphQLError` for an operation whose static cost exceeds the limit."""
    if cost > limits.cost:
        message = f"The operation costs {cost}: at most {limits.cost} is allowed."
        raise GraphQLError(message, extensions={"code": TOO_COMPLEX, "cost": cost})


def _check_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise too_complex(f"The document has too many {what}: at most {limit} are allowed.")


class _DocumentMeasure:
    """The fragments of one document and their cached shapes."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._shapes: dict[str, SelectionShape] = {}

    def check_spreads(self, operations: Sequence[OperationDefinitionNode]) -> None:
        """Raise for a fragment cycle, and for a fragment that no operation reaches."""
        checked: set[str] = set()
        for operation in operations:
            self._follow(operation.selection_set, checked, ())
        for name, fragment in self.fragments.items():
            if name not in checked:
                raise GraphQLError(f"Fragment '{name}' is never used.", fragment)

    def _follow(
        self, selection_set: SelectionSetNode, checked: set[str], path: tuple[str, ...]
    ) -> None:
        for spread in _spreads(selection_set):
            name = spread.name.value
            if name in path:
                raise GraphQLError(f"Cannot spread fragment '{name}' within itself.", spread)
            if name in self.fragments and name not in checked:
                self._follow(self.fragments[name].selection_set, checked, (*path, name))
                checked.add(name)

    def shape(self, selection_set: SelectionSetNode) -> SelectionShape:
        """The shape of a selection set; each total is capped at `MAX_COUNT`."""
        depth = aliases = fields = directives = 0
        for node in selection_set.selections:
            directives += len(node.directives or ())
            inner = SelectionShape()
            if isinstance(node, FieldNode):
                fields += 1
                aliases += node.alias is not None
                inner = self.shape(node.selection_set) if node.selection_set else inner
                inner = inner._replace(depth=inner.depth + 1)
            elif isinstance(node, InlineFragmentNode):
                inner = self.shape(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                inner = self._fragment_shape(node.name.value)
            depth = max(depth, inner.depth)
            aliases = min(MAX_COUNT, aliases + inner.aliases)
            fields = min(MAX_COUNT, fields + inner.fields)
            directives = min(MAX_COUNT, directives + inner.directives)
        return SelectionShape(depth, aliases, fields, directives)

    def _fragment_shape(self, name: str) -> SelectionShape:
        shape = self._shapes.get(name)
        if shape is None:
            fragment = self.fragments.get(name)
            shape = self.shape(fragment.selection_set) if fragment else SelectionShape()
            self._shapes[name] = shape
        return shape

    def check_repeats(self, selection_sets: Iterable[SelectionSetNode], limit: int) -> None:
        """Raise when one response path is selected more than `limit` times."""
        groups: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in selection_sets:
            for node in self._expanded_fields(selection_set, visited):
                groups.setdefault((node.alias or node.name).value, []).append(node)
        for key, nodes in groups.items():
            if len(nodes) > limit:
                message = f"The document asks for {key!r} too often: at most {limit} times in one"
                raise too_complex(f"{message} place are allowed.")
            below = [node.selection_set for node in nodes if node.selection_set]
            if below:
                self.check_repeats(below, limit)

    def _expanded_fields(
        self, selection_set: SelectionSetNode, visited: set[str]
    ) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._expanded_fields(node.selection_set, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self.fragments.get(node.name.value)
                if fragment is not None:
                    yield from self._expanded_fields(fragment.selection_set, visited)


def _spreads(selection_set: SelectionSetNode) -> Iterator[FragmentSpreadNode]:
    pending = [selection_set]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                yield node
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                pending.append(node.selection_set)
