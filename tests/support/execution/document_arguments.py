"""Changes generated documents so that they find rows: real ids, small pages, variables."""

import random
from collections.abc import Callable
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    parse_type,
    print_ast,
    value_from_ast_untyped,
    visit,
)

FitValue = Callable[[str, str, str], ValueNode | None]
"""Returns a value for a type name, the name of an argument or input field, and the name of the
enclosing GraphQL field; None to keep the generated value."""
FITTING_PROBABILITY = 0.9
VARIABLE_PROBABILITY = 0.3
CONDITION_PROBABILITY = 0.04


class DocumentVariation(Visitor):
    """Inserts fitting values, moves some arguments into variables, and adds @skip and @include."""

    def __init__(self, types: TypeInfo, rng: random.Random, fit_value: FitValue) -> None:
        super().__init__()
        self._types = types
        self._rng = rng
        self._fit_value = fit_value
        self._declared: list[VariableDefinitionNode] = []
        self.variables: dict[str, Any] = {}

    def leave_argument(self, node: ArgumentNode, *_: Any) -> Node | None:
        input_type = self._types.get_input_type()
        if input_type is None or self._rng.random() > VARIABLE_PROBABILITY:
            return None
        variable = self._variable(str(input_type), value_from_ast_untyped(node.value))
        return ArgumentNode(name=node.name, value=variable)

    def leave_field(self, node: FieldNode, *_: Any) -> Node | None:
        return self._add_condition(node)

    def leave_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> Node | None:
        return self._add_condition(node)

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Node | None:
        return copy_node(node, variable_definitions=tuple(self._declared))

    def _fitting(self, node: Any, *_: Any) -> Node | None:
        input_type = self._types.get_input_type()
        if input_type is None or self._rng.random() > FITTING_PROBABILITY:
            return None
        type_name = get_named_type(input_type).name
        value = self._fit_value(type_name, node.name.value, self._enclosing_field())
        return None if value is None else copy_node(node, value=value)

    def _enclosing_field(self) -> str:
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        fields: dict[str, Any] = getattr(parent, "fields", {})
        return next((name for name, definition in fields.items() if definition is field), "")

    enter_argument = enter_object_field = _fitting

    def _add_condition(self, node: Any) -> Node | None:
        if self._rng.random() > CONDITION_PROBABILITY:
            return None
        name, included = self._rng.choice(["skip", "include"]), self._rng.random() < 0.5
        value: ValueNode = BooleanValueNode(value=included)
        if self._rng.random() < 0.5:
            value = self._variable("Boolean!", included)
        condition = ArgumentNode(name=NameNode(value="if"), value=value)
        directive = DirectiveNode(name=NameNode(value=name), arguments=(condition,))
        return copy_node(node, directives=(*(node.directives or ()), directive))

    def _variable(self, type_name: str, value: Any) -> VariableNode:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        variable = VariableNode(name=NameNode(value=name))
        self._declared.append(VariableDefinitionNode(variable=variable, type=parse_type(type_name)))
        return variable


def copy_node(node: Node, **attributes: Any) -> Node:
    """A copy of the node with some attributes replaced."""
    copy: Node = type(node)(**{key: getattr(node, key) for key in node.keys} | attributes)
    return copy


def vary_document(
    schema: GraphQLSchema, document: str, rng: random.Random, fit_value: FitValue
) -> tuple[str, dict[str, Any]]:
    """The text of the changed document, and its variables."""
    types = TypeInfo(schema)
    variation = DocumentVariation(types, rng, fit_value)
    changed = visit(parse(document), TypeInfoVisitor(types, variation))
    return print_ast(changed), variation.variables
