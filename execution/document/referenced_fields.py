"""Which fields of which types an operation names, for those who may use a part of the graph only.

Read off the text alone: what @skip and @include leave out counts as named, and so does a part of
a fragment that fits no object. Each fragment is followed once for each type it is spread on.
"""

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from execution.document.prepared import Prepared

Reach = frozenset[tuple[str, str]]
"""Pairs of a type's and a field's name."""
TYPENAME = "__typename"


def reach_of(schema: GraphQLSchema, prepared: Prepared) -> Reach:
    """Every field that a valid operation names, with the type it is asked of."""
    if prepared.reach is None:
        walk = _Walk(schema, prepared)
        walk.of(
            prepared.operation.selection_set, schema.get_root_type(prepared.operation.operation)
        )
        prepared.reach = frozenset(walk.found)
    return prepared.reach


class _Walk:
    def __init__(self, schema: GraphQLSchema, prepared: Prepared) -> None:
        self._schema = schema
        self._fragments = prepared.fragments
        self._met: set[tuple[str, str]] = set()
        self.found: set[tuple[str, str]] = set()

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType | None) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                self.of(
                    node.selection_set, self._named(condition.name.value) if condition else parent
                )
            elif isinstance(node, FragmentSpreadNode):
                self._spread(node.name.value, parent)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        if parent is None or name == TYPENAME:
            return
        self.found.add((parent.name, name))
        definition = getattr(parent, "fields", {}).get(name)
        if node.selection_set is not None:
            below = get_named_type(definition.type) if definition is not None else None
            self.of(node.selection_set, below)

    def _spread(self, name: str, parent: GraphQLNamedType | None) -> None:
        fragment = self._fragments[name]
        key = name, parent.name if parent is not None else ""
        if key not in self._met:
            self._met.add(key)
            self.of(fragment.selection_set, self._named(fragment.type_condition.name.value))

    def _named(self, name: str) -> GraphQLNamedType | None:
        return self._schema.get_type(name)
