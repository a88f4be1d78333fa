"""Finds the fields that an operation references, to authorize callers with restricted access.

It looks at the document only: a field that @skip or @include leaves out is referenced as well, and
so is a fragment whose type condition never matches. Each fragment is visited once per parent type.
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

from execution.document.prepared_operation import PreparedOperation

ReferencedFields = frozenset[tuple[str, str]]
"""Pairs of a type name and a field name."""
TYPENAME = "__typename"


def referenced_fields(schema: GraphQLSchema, prepared: PreparedOperation) -> ReferencedFields:
    """All fields that a valid operation references, with their parent types."""
    if prepared.referenced_fields is None:
        finder = _FieldFinder(schema, prepared)
        finder.visit(
            prepared.operation.selection_set, schema.get_root_type(prepared.operation.operation)
        )
        prepared.referenced_fields = frozenset(finder.fields)
    return prepared.referenced_fields


class _FieldFinder:
    def __init__(self, schema: GraphQLSchema, prepared: PreparedOperation) -> None:
        self._schema = schema
        self._fragments = prepared.fragments
        self._visited: set[tuple[str, str]] = set()
        self.fields: set[tuple[str, str]] = set()

    def visit(self, selections: SelectionSetNode, parent: GraphQLNamedType | None) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                self._visit_field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                self.visit(
                    node.selection_set, self._type(condition.name.value) if condition else parent
                )
            elif isinstance(node, FragmentSpreadNode):
                self._visit_spread(node.name.value, parent)

    def _visit_field(self, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        if parent is None or name == TYPENAME:
            return
        self.fields.add((parent.name, name))
        definition = getattr(parent, "fields", {}).get(name)
        if node.selection_set is not None:
            below = get_named_type(definition.type) if definition is not None else None
            self.visit(node.selection_set, below)

    def _visit_spread(self, name: str, parent: GraphQLNamedType | None) -> None:
        fragment = self._fragments[name]
        key = name, parent.name if parent is not None else ""
        if key not in self._visited:
            self._visited.add(key)
            self.visit(fragment.selection_set, self._type(fragment.type_condition.name.value))

    def _type(self, name: str) -> GraphQLNamedType | None:
        return self._schema.get_type(name)
