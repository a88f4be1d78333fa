"""Builds minimal valid documents for fields: every required argument gets a sample value."""

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

SAMPLE_VALUES: dict[str, Any] = {
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


def sample_value(kind: Any, name: str = "", ids: Ids | None = None) -> Any:
    """Return a value of an input type; `ids` returns the value of ID arguments by name."""
    if isinstance(kind, GraphQLNonNull):
        return sample_value(kind.of_type, name, ids)
    if isinstance(kind, GraphQLList):
        return [sample_value(kind.of_type, name, ids)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            child: sample_value(field.type, child, ids)
            for child, field in kind.fields.items()
            if is_required_input_field(field) or (ids is not None and contains_id(field.type))
        }
    if kind.name == "ID" and ids is not None:
        return ids(name)
    return SAMPLE_VALUES[kind.name]


def minimal_document(
    operation: str, name: str, field: GraphQLField, ids: Ids | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the text of an operation with one root field, and its variables."""
    used = {
        argument: declared
        for argument, declared in field.args.items()
        if is_required_argument(declared) or (ids is not None and contains_id(declared.type))
    }
    heads = ", ".join(f"${argument}: {declared.type}" for argument, declared in used.items())
    arguments = ", ".join(f"{argument}: ${argument}" for argument in used)
    head = f"{operation} ({heads})" if used else operation
    call = f"{name}({arguments})" if used else name
    argument_list = {
        argument: sample_value(item.type, argument, ids) for argument, item in used.items()
    }
    return f"{head} {{ {call} {selection(field)} }}", argument_list


def selection(field: GraphQLField) -> str:
    """Return a selection of types and errors, which shows whether objects are null."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    return "{ __typename " + " ".join(_children(kind)) + " }"


def _children(kind: Any) -> list[str]:
    if not isinstance(kind, GraphQLObjectType) or not kind.name.endswith("Payload"):
        return []
    selected = []
    for name, field in kind.fields.items():
        child = get_named_type(field.type)
        if isinstance(child, GraphQLUnionType):
            selected.append(f"{name} {{ __typename ... on Problem {{ path message }} }}")
        elif not is_leaf_type(child):
            selected.append(f"{name} {{ __typename }}")
    return selected


def contains_id(kind: Any, depth: int = 0) -> bool:
    """Return whether an input type is an ID or contains one."""
    named = get_named_type(kind)
    if named.name == "ID":
        return True
    if not isinstance(named, GraphQLInputObjectType) or depth > 3:
        return False
    return any(contains_id(field.type, depth + 1) for field in named.fields.values())
