"""What an operation costs before it runs: one for each field, times the sizes of the lists above.

A field may name its own cost in its metadata (`cost`), and the argument that holds its page size,
or a list as long as its answer (`page`, otherwise `first` or `last`). Under a connection the page
size counts for the lists right inside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from strawberry.types.field import StrawberryField

from execution.document.limits import SATURATED

DEFINITION = "strawberry-definition"
PAGE_ARGUMENTS = ("first", "last")
ASSUMED_PAGE = 20
ASSUMED_LIST = 10

Size = int | None


class Cost:
    """Adds up one operation for given variables; each fragment once for each size around it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._variables = dict(_defaults(operation), **variables)
        self._known: dict[tuple[str, Size], int] = {}
        self.sizes: set[str] = set()
        """The variables that hold page sizes: the cost changes with them and with no others."""

    def total(self) -> int:
        """The cost of the whole operation, at least 1."""
        root = self._schema.get_root_type(self._operation.operation)
        return max(1, self._of(self._operation.selection_set, root, None))

    def _of(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, size: Size) -> int:
        total = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total += self._of_field(node, parent, size)
            elif isinstance(node, InlineFragmentNode):
                total += self._of(node.selection_set, self._condition(node, parent), size)
            elif isinstance(node, FragmentSpreadNode):
                total += self._of_fragment(node.name.value, size)
        return min(SATURATED, total)

    def _of_fragment(self, name: str, size: Size) -> int:
        known = self._known.get((name, size))
        if known is None:
            fragment = self._fragments[name]
            known = self._of(fragment.selection_set, self._condition(fragment, None), size)
            self._known[name, size] = known
        return known

    def _condition(
        self, node: InlineFragmentNode | FragmentDefinitionNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        if node.type_condition is None:
            return parent
        return self._schema.get_type(node.type_condition.name.value)

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType | None, size: Size) -> int:
        name = node.name.value
        fields = _fields(parent)
        definition = fields.get(name)
        if definition is None:
            # __typename, or introspection: its lists are as long as the schema, and bounded by it.
            return self._of(node.selection_set, None, None) if node.selection_set else 0
        known = definition.extensions.get(DEFINITION)
        metadata: Mapping[str, Any] = known.metadata if known is not None else {}
        own = own_cost(known)
        if node.selection_set is None:
            return own
        times, inside = self._sizes(node, definition, metadata, size)
        below = self._of(node.selection_set, get_named_type(definition.type), inside)
        return min(SATURATED, own + times * below)

    def _sizes(
        self, node: FieldNode, definition: GraphQLField, metadata: Mapping[str, Any], size: Size
    ) -> tuple[int, Size]:
        """How many objects the field answers, and how many each list right inside it holds."""
        is_list = is_list_type(get_nullable_type(definition.type))
        page = self._page(node, definition, metadata)
        if not is_list:
            return 1, page
        if page is not None:
            return page, None
        return (ASSUMED_LIST if size is None else size), None

    def _page(self, node: FieldNode, definition: GraphQLField, metadata: Mapping[str, Any]) -> Size:
        names: Sequence[str] = (metadata["page"],) if "page" in metadata else PAGE_ARGUMENTS
        names = [name for name in names if name in definition.args]
        if not names:
            return None
        given = [
            self._value(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in names
        ]
        defaults = [definition.args[name].default_value for name in names]
        sizes = [size for size in given or defaults if type(size) is int]
        return min(SATURATED, max(0, *sizes, 0)) if sizes else ASSUMED_PAGE

    def _value(self, node: Any) -> Any:
        if isinstance(node, IntValueNode):
            return _whole(node)
        if isinstance(node, ListValueNode):
            return len(node.values)
        if isinstance(node, VariableNode):
            self.sizes.add(node.name.value)
            return self._variables.get(node.name.value)
        return None


def own_cost(known: StrawberryField | None) -> int:
    """The cost of a field for one object; introspection is not counted."""
    return int(known.metadata.get("cost", 1)) if known is not None else 0


def answered_cost(data: Any) -> int:
    """One for each field of an answer: what is known where no plan has counted."""
    cost, waiting = 0, [data]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            cost += len(at)
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)
    return cost


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: _whole(definition.default_value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }


def _fields(parent: GraphQLNamedType | None) -> Mapping[str, GraphQLField]:
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return {}
    return {} if parent.name.startswith("__") else parent.fields


def _whole(node: IntValueNode) -> int:
    # Python refuses to read numbers of thousands of digits; no page needs as many as ten.
    return int(node.value) if len(node.value) < len(str(SATURATED)) else SATURATED
