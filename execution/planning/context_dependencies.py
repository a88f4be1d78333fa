"""Which parts of its context the value of a field depends on.

A field that reads an attribute, a public batch or its parent alone depends on nothing. A field
with an access rule depends on what the rule reads, a batch that is not public on the rows that may
be seen (`ROWS`), and a resolver with `info` on everything about the caller (`CALLER`), unless the
field declares less in its metadata (`reads`).
"""

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.types.field import StrawberryField

CALLER = "caller"
ROWS = "rows"


def field_dependencies(field: StrawberryField) -> set[str]:
    """The parts of the context that the value of a field without extensions depends on."""
    dependencies: set[str] = set()
    rule = field.metadata.get("allow")
    if rule is not None:
        dependencies.add(getattr(rule, "reads", CALLER))
    if "batch" in field.metadata and not field.arguments:
        dependencies.add("" if field.metadata.get("public") else ROWS)
    elif field.base_resolver is not None and field.base_resolver.info_parameter is not None:
        dependencies.add(field.metadata.get("reads", CALLER))
    return dependencies - {""}


def variables_below_root(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """The variables used below the root fields and in fragments."""
    finder = _VariableFinder()
    for node in operation.selection_set.selections:
        below = node.selection_set if isinstance(node, FieldNode) else node
        if below is not None:
            visit(below, finder)
    for fragment in fragments.values():
        visit(fragment, finder)
    return frozenset(finder.names)


class _VariableFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Node) -> None:
        self.names.add(node.name.value)
