"""Sample values of input types, by which an operation is valid."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

SAMPLE_VALUES: dict[str, Any] = {
    "ID": "nothing",
    "String": "x",
    "Int": 1,
    "SafeInt": 1,
    "Float": 1.0,
    "Boolean": True,
    "GeoJSON": {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]},
    "DateTime": "2026-01-01T00:00:00Z",
    "Date": "2026-01-01",
    "LocalTime": "08:00:00",
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
    if isinstance(kind, GraphQLInputObjectType) and kind.is_one_of:
        return _sample_alternative(kind, ids)
    if isinstance(kind, GraphQLInputObjectType):
        return {
            child: sample_value(field.type, child, ids)
            for child, field in kind.fields.items()
            if is_required_input_field(field) or (ids is not None and contains_id(field.type))
        }
    if kind.name == "ID" and ids is not None:
        return ids(name)
    return SAMPLE_VALUES[kind.name]


def _sample_alternative(kind: GraphQLInputObjectType, ids: Ids | None) -> dict[str, Any]:
    """One member of a `@oneOf` input: the first that `ids` has a value for, else the first."""
    named = {
        child: value
        for child, field in kind.fields.items()
        if ids is not None and contains_id(field.type)
        if (value := sample_value(field.type, child, ids)) is not None
    }
    first = next(iter(named), next(iter(kind.fields)))
    return {first: named[first] if first in named else sample_value(kind.fields[first].type)}


def contains_id(kind: Any, depth: int = 0) -> bool:
    """Return whether an input type is an ID or contains one."""
    named = get_named_type(kind)
    if named.name == "ID":
        return True
    if not isinstance(named, GraphQLInputObjectType) or depth > 3:
        return False
    return any(contains_id(field.type, depth + 1) for field in named.fields.values())
