"""The smallest valid document for a field: each required argument gets some value of its type."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

SOME: dict[str, Any] = {
    "ID": "nothing",
    "String": "x",
    "Int": 1,
    "BigInt": 1,
    "Float": 1.0,
    "Boolean": True,
    "GeoJSON": {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]},
    "DateTime": "2026-01-01T00:00:00Z",
    "Date": "2026-01-01",
    "Time": "08:00:00",
    "UUID": "00000000-0000-7000-8000-000000000000",
}
Ids = Callable[[str], str | None]


def value(kind: Any, name: str = "", ids: Ids | None = None) -> Any:
    """Some value of an input type; `ids` answers for arguments of type ID, by their name."""
    if isinstance(kind, GraphQLNonNull):
        return value(kind.of_type, name, ids)
    if isinstance(kind, GraphQLList):
        return [value(kind.of_type, name, ids)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            child: value(field.type, child, ids)
            for child, field in kind.fields.items()
            if is_required_input_field(field) or (ids is not None and holds_ids(field.type))
        }
    if kind.name == "ID" and ids is not None:
        return ids(name)
    return SOME[kind.name]


def document(
    operation: str, name: str, field: GraphQLField, ids: Ids | None = None
) -> tuple[str, dict[str, Any]]:
    """The text of an operation with one root field, and its variables."""
    used = {
        argument: declared
        for argument, declared in field.args.items()
        if is_required_argument(declared) or (ids is not None and holds_ids(declared.type))
    }
    heads = ", ".join(f"${argument}: {declared.type}" for argument, declared in used.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in used)
    head = f"{operation} ({heads})" if used else operation
    call = f"{name}({given})" if used else name
    variables = {argument: value(one.type, argument, ids) for argument, one in used.items()}
    return f"{head} {{ {call} {selection(field)} }}", variables


def selection(field: GraphQLField) -> str:
    """What shows whether anything was found: types, errors and whether objects are null."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    return "{ __typename " + " ".join(_children(kind)) + " }"


def _children(kind: Any) -> list[str]:
    if not isinstance(kind, GraphQLObjectType) or not kind.name.endswith("Payload"):
        return []
    shown = []
    for name, field in kind.fields.items():
        child = get_named_type(field.type)
        if isinstance(child, GraphQLUnionType):
            shown.append(f"{name} {{ __typename ... on Problem {{ path message }} }}")
        elif not is_leaf_type(child):
            shown.append(f"{name} {{ __typename }}")
    return shown


def holds_ids(kind: Any, depth: int = 0) -> bool:
    """Whether an input type is an ID or has one inside."""
    named = get_named_type(kind)
    if named.name == "ID":
        return True
    if not isinstance(named, GraphQLInputObjectType) or depth > 3:
        return False
    return any(holds_ids(field.type, depth + 1) for field in named.fields.values())
