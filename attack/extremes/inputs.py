"""Every place of an operation where a value can be given, and the operation with a value there."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson
from graphql import (
    ArgumentNode,
    ConstValueNode,
    DocumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    NameNode,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    parse_type,
    print_ast,
    type_from_ast,
    visit,
)

from attack.extremes.samples import sample_value
from attack.extremes.values import EXTREMES
from schema.root import graph

SHAPE = graph._schema
Path = tuple[str | int, ...]
SyntaxNode = TypeVar("SyntaxNode", bound=Node)


@dataclass(frozen=True)
class InputPlace:
    """A leaf within the variables of an operation.

    `name` is the argument or input field, as `Query.orders(first:)` or `OrderPlaceInput.tipMinor`.
    """

    path: Path
    name: str
    shapes: tuple[Any, ...]
    """The types of the values on the way to it, its own last."""

    @property
    def is_cursor(self) -> bool:
        return self.name.endswith("(after:)")

    def values(self) -> list[Any]:
        """The extremes of its type."""
        if isinstance(self.shapes[-1], GraphQLEnumType):
            return ["", "\0", *self.shapes[-1].values]
        return EXTREMES[self.shapes[-1].name]


class CompletedDocument:
    """A document in which every argument is a variable; what it gave is the default."""

    def __init__(self, text: str) -> None:
        completion = _Completion(TypeInfo(SHAPE))
        document = parse(text)
        completed: DocumentNode = visit(document, TypeInfoVisitor(completion.types, completion))
        self.text = print_ast(completed)
        self.declared = frozenset(
            variable.variable.name.value
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
            for variable in node.variable_definitions or ()
        )
        """The variables that the document had before."""
        [operation] = (
            node for node in completed.definitions if isinstance(node, OperationDefinitionNode)
        )
        self.places = [
            place
            for definition in operation.variable_definitions or ()
            for place in _places(
                type_from_ast(SHAPE, definition.type),
                (definition.variable.name.value,),
                completion.names.get(definition.variable.name.value, ""),
            )
        ]


class _Completion(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.names: dict[str, str] = {}
        self.added: list[tuple[str, GraphQLArgument, ConstValueNode | None]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode:
        declared, parent = self.types.get_field_def(), self.types.get_parent_type()
        if declared is None or not isinstance(parent, GraphQLObjectType):
            return node
        given = {argument.name.value: argument for argument in node.arguments or ()}
        arguments = list(given.values())
        for name, argument in declared.args.items():
            label = f"{parent.name}.{node.name.value}({name}:)"
            present = given[name].value if name in given else None
            if isinstance(present, VariableNode):
                self.names[present.name.value] = label
                continue
            variable = f"x{len(self.added)}"
            self.added.append((variable, argument, cast("ConstValueNode | None", present)))
            arguments = [one for one in arguments if one.name.value != name]
            value = VariableNode(name=NameNode(value=variable))
            arguments.append(ArgumentNode(name=NameNode(value=name), value=value))
            self.names[variable] = label
        return _with(node, arguments=tuple(arguments))

    def leave_operation_definition(
        self, node: OperationDefinitionNode, *_: Any
    ) -> OperationDefinitionNode:
        added = [
            VariableDefinitionNode(
                variable=VariableNode(name=NameNode(value=name)),
                type=parse_type(str(argument.type)),
                default_value=default,
            )
            for name, argument, default in self.added
        ]
        return _with(node, variable_definitions=(*(node.variable_definitions or ()), *added))


def _with(node: SyntaxNode, **changes: Any) -> SyntaxNode:
    values = {key: getattr(node, key) for key in node.keys} | changes
    return type(node)(**values)


def _places(kind: Any, path: Path, name: str, shapes: tuple[Any, ...] = ()) -> Iterator[InputPlace]:
    """The leaves below a value; recursive input types end at their first repetition."""
    kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    shapes = (*shapes, kind)
    if isinstance(kind, GraphQLList):
        yield from _places(kind.of_type, (*path, 0), name, shapes)
    elif isinstance(kind, GraphQLInputObjectType):
        for field, declared in kind.fields.items():
            if field not in path:
                yield from _places(declared.type, (*path, field), f"{kind.name}.{field}", shapes)
    else:
        yield InputPlace(path, name, shapes)


def with_value(variables: dict[str, Any], place: InputPlace, value: Any) -> dict[str, Any]:
    """The variables with a value at a place; objects and lists on the way are made if missing."""
    changed = deepcopy(variables)
    inner: Any = changed
    for key, shape in zip(place.path[:-1], place.shapes, strict=False):
        found = _get(inner, key) or sample_value(shape)
        is_choice = isinstance(shape, GraphQLInputObjectType) and shape.is_one_of
        inner[key] = {} if is_choice else found[:1] if isinstance(found, list) else found
        inner = inner[key]
    inner[place.path[-1]] = value
    return changed


def _get(inner: Any, key: Any) -> Any:
    return inner.get(key) if isinstance(inner, dict) else inner[key]


def forged_cursor(values: list[Any]) -> str:
    """As JSON, also of what no encoder of ours writes: half of a surrogate pair, 1e999."""
    parts = []
    for value in values:
        if isinstance(value, str) and value == "\ud800":
            parts.append(b'"\\ud800"')
        elif isinstance(value, int) and abs(value) >= 2**64:
            parts.append(str(value).encode())
        else:
            parts.append(orjson.dumps(value))
    return urlsafe_b64encode(b"[" + b",".join(parts) + b"]").rstrip(b"=").decode()
