"""Static cost of an operation: one per field, times the assumed lengths of the lists around it.

A field may declare its own cost in its metadata (`cost`), and the name of the argument that holds
its page size or a list of the same length as its result (`page`; by default `first` or `last`).
The page size of a connection applies to the lists directly inside it.
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

from execution.document.limits import MAX_COUNT

DEFINITION = "strawberry-definition"
PAGE_ARGUMENTS = ("first", "last")
ASSUMED_PAGE = 20
ASSUMED_LIST = 10

Size = int | None


class CostEstimator:
    """Computes the cost of one operation for the given variables.

    Each fragment is computed once per page size of the field around it.
    """

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
        self._fragment_costs: dict[tuple[str, Size], int] = {}
        self.size_variables: set[str] = set()
        """The variables that hold page sizes: the cost depends on no others."""

    def total(self) -> int:
        """The cost of the whole operation, at least 1."""
        root = self._schema.get_root_type(self._operation.operation)
        return max(1, self._selection_cost(self._operation.selection_set, root, None))

    def root_total(self) -> int:
        """What the root fields cost by themselves."""
        root = self._schema.get_root_type(self._operation.operation)
        return self._own_costs(self._operation.selection_set, _fields(root))

    def _own_costs(self, selections: SelectionSetNode, fields: Mapping[str, GraphQLField]) -> int:
        total = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                definition = fields.get(node.name.value)
                if definition is not None:
                    total += field_cost(definition.extensions.get(DEFINITION))
            elif isinstance(node, InlineFragmentNode):
                total += self._own_costs(node.selection_set, fields)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                total += self._own_costs(fragment.selection_set, fields)
        return total

    def _selection_cost(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None, size: Size
    ) -> int:
        total = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total += self._field_cost(node, parent, size)
            elif isinstance(node, InlineFragmentNode):
                total += self._selection_cost(
                    node.selection_set, self._condition_type(node, parent), size
                )
            elif isinstance(node, FragmentSpreadNode):
                total += self._fragment_cost(node.name.value, size)
        return min(MAX_COUNT, total)

    def _fragment_cost(self, name: str, size: Size) -> int:
        cost = self._fragment_costs.get((name, size))
        if cost is None:
            fragment = self._fragments[name]
            cost = self._selection_cost(
                fragment.selection_set, self._condition_type(fragment, None), size
            )
            self._fragment_costs[name, size] = cost
        return cost

    def _condition_type(
        self, node: InlineFragmentNode | FragmentDefinitionNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        if node.type_condition is None:
            return parent
        return self._schema.get_type(node.type_condition.name.value)

    def _field_cost(self, node: FieldNode, parent: GraphQLNamedType | None, size: Size) -> int:
        name = node.name.value
        fields = _fields(parent)
        definition = fields.get(name)
        if definition is None:
            # __typename or introspection, whose lists are bounded by the schema.
            return self._selection_cost(node.selection_set, None, None) if node.selection_set else 0
        strawberry_field = definition.extensions.get(DEFINITION)
        metadata: Mapping[str, Any] = (
            strawberry_field.metadata if strawberry_field is not None else {}
        )
        own = field_cost(strawberry_field)
        if node.selection_set is None:
            return own
        count, inner_size = self._list_sizes(node, definition, metadata, size)
        below = self._selection_cost(
            node.selection_set, get_named_type(definition.type), inner_size
        )
        return min(MAX_COUNT, own + count * below)

    def _list_sizes(
        self, node: FieldNode, definition: GraphQLField, metadata: Mapping[str, Any], size: Size
    ) -> tuple[int, Size]:
        """The number of objects the field returns, and the length of the lists directly inside."""
        is_list = is_list_type(get_nullable_type(definition.type))
        page = self._page_size(node, definition, metadata)
        if not is_list:
            return 1, page
        if page is not None:
            return page, None
        return (ASSUMED_LIST if size is None else size), None

    def _page_size(
        self, node: FieldNode, definition: GraphQLField, metadata: Mapping[str, Any]
    ) -> Size:
        names: Sequence[str] = (metadata["page"],) if "page" in metadata else PAGE_ARGUMENTS
        names = [name for name in names if name in definition.args]
        if not names:
            return None
        passed = [
            self._value(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in names
        ]
        defaults = [definition.args[name].default_value for name in names]
        sizes = [size for size in passed or defaults if type(size) is int]
        return min(MAX_COUNT, max(0, *sizes, 0)) if sizes else ASSUMED_PAGE

    def _value(self, node: Any) -> Any:
        if isinstance(node, IntValueNode):
            return _int_value(node)
        if isinstance(node, ListValueNode):
            return len(node.values)
        if isinstance(node, VariableNode):
            self.size_variables.add(node.name.value)
            return self._variables.get(node.name.value)
        return None


def field_cost(strawberry_field: StrawberryField | None) -> int:
    """The cost of a field for one object; introspection fields cost nothing."""
    return int(strawberry_field.metadata.get("cost", 1)) if strawberry_field is not None else 0


def response_cost(data: Any) -> int:
    """The number of fields in response data, for results that no plan has counted."""
    cost, pending = 0, [data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            cost += len(value)
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return cost


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: _int_value(definition.default_value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }


def _fields(parent: GraphQLNamedType | None) -> Mapping[str, GraphQLField]:
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return {}
    return {} if parent.name.startswith("__") else parent.fields


def _int_value(node: IntValueNode) -> int:
    # Python refuses to parse numbers of thousands of digits; no page size needs ten.
    return int(node.value) if len(node.value) < len(str(MAX_COUNT)) else MAX_COUNT
