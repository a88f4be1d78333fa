"""Makes generated documents reach rows: fitting ids, small pages, variables and conditions."""

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

Fit = Callable[[str, str, str], ValueNode | None]
"""A value that means something, for a type, the name of an argument or input field of it, and the
name of the field of the graph around it; None when the generated one will do."""
FITTING = 0.9
VARIED = 0.3
CONDITIONAL = 0.04


class Scattering(Visitor):
    """Puts fitting values in, moves some arguments into variables, and adds conditions."""

    def __init__(self, types: TypeInfo, dice: random.Random, fit: Fit) -> None:
        super().__init__()
        self._types = types
        self._dice = dice
        self._fit = fit
        self._declared: list[VariableDefinitionNode] = []
        self.variables: dict[str, Any] = {}

    def leave_argument(self, node: ArgumentNode, *_: Any) -> Node | None:
        declared = self._types.get_input_type()
        if declared is None or self._dice.random() > VARIED:
            return None
        variable = self._variable(str(declared), value_from_ast_untyped(node.value))
        return ArgumentNode(name=node.name, value=variable)

    def leave_field(self, node: FieldNode, *_: Any) -> Node | None:
        return self._perhaps_conditional(node)

    def leave_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> Node | None:
        return self._perhaps_conditional(node)

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Node | None:
        return replaced(node, variable_definitions=tuple(self._declared))

    def _fitting(self, node: Any, *_: Any) -> Node | None:
        kind = self._types.get_input_type()
        if kind is None or self._dice.random() > FITTING:
            return None
        value = self._fit(get_named_type(kind).name, node.name.value, self._inside())
        return None if value is None else replaced(node, value=value)

    def _inside(self) -> str:
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        fields: dict[str, Any] = getattr(parent, "fields", {})
        return next((name for name, one in fields.items() if one is field), "")

    enter_argument = enter_object_field = _fitting

    def _perhaps_conditional(self, node: Any) -> Node | None:
        if self._dice.random() > CONDITIONAL:
            return None
        name, answer = self._dice.choice(["skip", "include"]), self._dice.random() < 0.5
        value: ValueNode = BooleanValueNode(value=answer)
        if self._dice.random() < 0.5:
            value = self._variable("Boolean!", answer)
        condition = ArgumentNode(name=NameNode(value="if"), value=value)
        made = DirectiveNode(name=NameNode(value=name), arguments=(condition,))
        return replaced(node, directives=(*(node.directives or ()), made))

    def _variable(self, kind: str, value: Any) -> VariableNode:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        variable = VariableNode(name=NameNode(value=name))
        self._declared.append(VariableDefinitionNode(variable=variable, type=parse_type(kind)))
        return variable


def replaced(node: Node, **parts: Any) -> Node:
    """The same node with other parts."""
    made: Node = type(node)(**{key: getattr(node, key) for key in node.keys} | parts)
    return made


def scattered(
    schema: GraphQLSchema, document: str, dice: random.Random, fit: Fit
) -> tuple[str, dict[str, Any]]:
    """The text of a document that reaches rows, and its variables."""
    types = TypeInfo(schema)
    scattering = Scattering(types, dice, fit)
    made = visit(parse(document), TypeInfoVisitor(types, scattering))
    return print_ast(made), scattering.variables
