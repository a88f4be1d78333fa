"""The example variables of client operations, and the sources that their texts name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    type_from_ast,
    visit,
)

from tests.support.operations.player import Operation

SOURCE = re.compile(r"paste (?P<what>.+), from (?P<sources>[a-z_]+(?: or [a-z_]+)*)")
OUTSIDE = {
    "paste the key from the link, after the #": "the mailbox",
    "the six digits, from the list of texts": "the simulated provider of texts",
}
"""Texts that name a source outside of the graph."""
PUBLIC_ID = re.compile(r"[a-z]{3}_[\w-]{22}")


@dataclass(frozen=True)
class Example:
    """A value at the end of a path into an operation's variables."""

    name: str
    """The variable, or the field of an input."""
    kind: str
    value: Any

    @property
    def source(self) -> re.Match[str] | None:
        return SOURCE.fullmatch(self.value) if isinstance(self.value, str) else None

    @property
    def sources(self) -> list[str]:
        """The operations from whose answers the value comes."""
        return [] if self.source is None else self.source["sources"].split(" or ")


def definition(document: str) -> OperationDefinitionNode:
    """The one operation of a document."""
    [node] = parse(document).definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def examples(schema: GraphQLSchema, operation: Operation) -> list[Example]:
    """Every scalar of an operation's variables."""
    found: list[Example] = []
    for variable in definition(operation.document).variable_definitions or ():
        name = variable.variable.name.value
        if name in operation.sample:
            kind = type_from_ast(schema, variable.type)
            found += _scalars(kind, operation.sample[name], name)
    return found


def _scalars(kind: Any, value: Any, name: str) -> Iterator[Example]:
    inner = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(inner) and isinstance(value, list):
        for each in value:
            yield from _scalars(inner.of_type, each, name)
    elif isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
        for key, each in value.items():
            yield from _scalars(inner.fields[key].type, each, key)
    else:
        yield Example(name, get_named_type(inner).name, value)


class _Selections(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[tuple[str, str]] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if (parent := self._types.get_parent_type()) is not None:
            self.found.add((parent.name, node.name.value))


def selections(schema: GraphQLSchema, document: str) -> set[tuple[str, str]]:
    """Every field that a document selects, with the name of its type."""
    types = TypeInfo(schema)
    visitor = _Selections(types)
    visit(parse(document), TypeInfoVisitor(types, visitor))
    return visitor.found


def selects(schema: GraphQLSchema, source: str, example: Example, root_type: str) -> bool:
    """Whether a source's answer holds a value for an example.

    An id is the `id` of a type with the name of the variable (`deliveryId`, a Delivery) or of what
    the operation returns (`id`), or a field with that name (`eventId`). A field's value is named in
    the text.
    """
    found = selections(schema, Operation(source).document)
    if example.kind != "ID":
        assert example.source is not None
        last = example.source["what"].split()[-1].split(".")[-1]
        return any(field == last for _, field in found)
    stem = example.name.removesuffix("Id")
    if example.name == "id":
        stem = root_type.removesuffix("Changed").removeprefix("Webhook")
    name = f"{stem[0].lower()}{stem[1:]}Id"
    if any(field == name for _, field in found):
        return True
    wanted = stem[0].upper() + stem[1:]
    return any(kind.endswith(wanted) and field == "id" for kind, field in found)


def root_type(schema: GraphQLSchema, document: str) -> str:
    """The type that an operation's root field returns."""
    operation = definition(document)
    [root] = operation.selection_set.selections
    assert isinstance(root, FieldNode)
    parent = schema.get_root_type(operation.operation)
    assert parent is not None
    returned: str = get_named_type(parent.fields[root.name.value].type).name
    return returned
