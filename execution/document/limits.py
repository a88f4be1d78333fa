"""What a document may ask at most, measured before validation: its shape, whatever the schema.

Every fragment is measured once, however often it is spread, so measuring takes time in proportion
to the text. Only a document within the limits is unfolded, to count what has to be merged.
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
SATURATED = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one document and of what is kept of documents."""

    document_characters: int = 32_768
    tokens: int = 1_000
    depth: int = 15
    aliases: int = 30
    fields: int = 500
    directives: int = 9
    operations: int = 5
    fragments: int = 50
    repeats: int = 20
    """How often one response path may be asked for: merging them costs the square of it."""
    cost: int = 20_000
    validation_errors: int = 5
    variable_errors: int = 5
    cached_documents: int = 500
    cached_tokens: int = 60_000
    """A token kept costs about 0.7 KB of memory, its part of the plan included."""


class Shape(NamedTuple):
    """What a selection adds up to when every fragment in it is unfolded."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0


def too_complex(message: str) -> GraphQLError:
    """The error of a document over a limit."""
    return GraphQLError(message, extensions={"code": TOO_COMPLEX})


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Raise a `GraphQLError` for a document over a limit, or with fragments in a circle."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    _within("operations", len(operations), limits.operations)
    measure = _Measure(document)
    _within("fragments", len(measure.fragments), limits.fragments)
    try:
        measure.check_spreads(operations)
        for operation in operations:
            shape = measure.shape(operation.selection_set)
            _within("levels", shape.depth, limits.depth)
            _within("aliases", shape.aliases, limits.aliases)
            _within("fields", shape.fields, limits.fields)
            on_operation = len(operation.directives or ())
            _within("directives", shape.directives + on_operation, limits.directives)
            measure.check_repeats([operation.selection_set], limits.repeats)
    except RecursionError:
        raise too_complex("The document is nested too deeply.") from None


def check_cost(cost: int, limits: Limits) -> None:
    """Raise a `GraphQLError` for an operation that would cost more than is allowed."""
    if cost > limits.cost:
        message = f"The operation costs {cost}: at most {limits.cost} is allowed."
        raise GraphQLError(message, extensions={"code": TOO_COMPLEX, "cost": cost})


def _within(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise too_complex(f"The document has too many {what}: at most {limit} are allowed.")


class _Measure:
    """The fragments of one document, each with its shape once that is known."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._shapes: dict[str, Shape] = {}

    def check_spreads(self, operations: Sequence[OperationDefinitionNode]) -> None:
        """Raise for a circle of fragments, and for a fragment that no operation reaches."""
        done: set[str] = set()
        for operation in operations:
            self._follow(operation.selection_set, done, ())
        for name, fragment in self.fragments.items():
            if name not in done:
                raise GraphQLError(f"Fragment '{name}' is never used.", fragment)

    def _follow(
        self, selection_set: SelectionSetNode, done: set[str], above: tuple[str, ...]
    ) -> None:
        for spread in _spreads(selection_set):
            name = spread.name.value
            if name in above:
                raise GraphQLError(f"Cannot spread fragment '{name}' within itself.", spread)
            if name in self.fragments and name not in done:
                self._follow(self.fragments[name].selection_set, done, (*above, name))
                done.add(name)

    def shape(self, selection_set: SelectionSetNode) -> Shape:
        """The shape of a selection, each sum stopping at a very large number."""
        depth = aliases = fields = directives = 0
        for node in selection_set.selections:
            directives += len(node.directives or ())
            inner = Shape()
            if isinstance(node, FieldNode):
                fields += 1
                aliases += node.alias is not None
                inner = self.shape(node.selection_set) if node.selection_set else inner
                inner = inner._replace(depth=inner.depth + 1)
            elif isinstance(node, InlineFragmentNode):
                inner = self.shape(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                inner = self._of_fragment(node.name.value)
            depth = max(depth, inner.depth)
            aliases = min(SATURATED, aliases + inner.aliases)
            fields = min(SATURATED, fields + inner.fields)
            directives = min(SATURATED, directives + inner.directives)
        return Shape(depth, aliases, fields, directives)

    def _of_fragment(self, name: str) -> Shape:
        known = self._shapes.get(name)
        if known is None:
            fragment = self.fragments.get(name)
            known = self.shape(fragment.selection_set) if fragment else Shape()
            self._shapes[name] = known
        return known

    def check_repeats(self, selection_sets: Iterable[SelectionSetNode], limit: int) -> None:
        """Raise when one response path is asked for more than `limit` times."""
        groups: dict[str, list[FieldNode]] = {}
        met: set[str] = set()
        for selection_set in selection_sets:
            for node in self._unfolded(selection_set, met):
                groups.setdefault((node.alias or node.name).value, []).append(node)
        for key, nodes in groups.items():
            if len(nodes) > limit:
                message = f"The document asks for {key!r} too often: at most {limit} times in one"
                raise too_complex(f"{message} place are allowed.")
            below = [node.selection_set for node in nodes if node.selection_set]
            if below:
                self.check_repeats(below, limit)

    def _unfolded(self, selection_set: SelectionSetNode, met: set[str]) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._unfolded(node.selection_set, met)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in met:
                met.add(node.name.value)
                fragment = self.fragments.get(node.name.value)
                if fragment is not None:
                    yield from self._unfolded(fragment.selection_set, met)


def _spreads(selection_set: SelectionSetNode) -> Iterator[FragmentSpreadNode]:
    waiting = [selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                yield node
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                waiting.append(node.selection_set)
