"""Checks that the backing class of each GraphQL type has every field, with a matching type."""

import types
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy import ARRAY
from sqlalchemy import inspect as mapper_of
from sqlalchemy.exc import NoInspectionAvailable
from strawberry.parent import StrawberryParent
from strawberry.types.base import StrawberryList, StrawberryOptional, get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.union import StrawberryUnion

from schema.backing import BACKING
from schema.root import graph

assert graph.as_str()  # printing it resolves every lazy type

CASES = [
    pytest.param(field, model, id=f"{kind.__name__}.{field.python_name}")
    for kind, model in BACKING.items()
    for field in get_object_definition(kind, strict=True).fields
]
OPAQUE = {Any, object}


def attribute(model: type, name: str) -> Any:
    """Return the declared type of a column, dataclass field or property, None if missing."""
    try:
        columns: Any = mapper_of(model).columns
        if name in columns:
            column = columns[name]
            kind = column.type.python_type
            if isinstance(column.type, ARRAY):
                kind = types.GenericAlias(list, (column.type.item_type.python_type,))
            return kind | None if column.nullable else kind
    except NoInspectionAvailable:
        pass
    value = getattr(model, name, None)
    if isinstance(value, property):
        return get_type_hints(value.fget).get("return", Any)
    return get_type_hints(model, include_extras=False).get(name)


def expected_type(kind: Any) -> Any:
    """Return the declared field type, with each GraphQL type replaced by its backing class."""
    match kind:
        case StrawberryOptional():
            return expected_type(kind.of_type) | None
        case StrawberryList():
            return list[expected_type(kind.of_type)]  # type: ignore[misc] # made at run time
        case StrawberryUnion():
            return Union[tuple(expected_type(t) for t in kind.types)]  # noqa: UP007 - made at run time
        case LazyType():
            return expected_type(kind.resolve_type())
    wrapped = getattr(kind, "wrapped_cls", kind)
    return BACKING.get(get_origin(wrapped) or wrapped, wrapped)


def fits(actual: Any, expected: Any) -> bool:
    """Return whether every value of type `actual` is one of type `expected`."""
    actual, expected = plain(actual), plain(expected)
    if actual in OPAQUE or expected in OPAQUE or TypeVar in (type(actual), type(expected)):
        return True
    if is_union(actual):
        return all(fits(member, expected) for member in get_args(actual))
    if is_union(expected):
        return any(fits(actual, member) for member in get_args(expected))
    if get_origin(expected) is list:
        inside = get_args(actual)
        return get_origin(actual) in (list, tuple, Sequence) and fits(
            inside[0], get_args(expected)[0]
        )
    actual, expected = get_origin(actual) or actual, get_origin(expected) or expected
    return isinstance(actual, type) and isinstance(expected, type) and issubclass(actual, expected)


def plain(kind: Any) -> Any:
    """Return a type without annotations and NewTypes: SafeInt is int, ID is str."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    return kind


def is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


@pytest.mark.parametrize(("field", "model"), CASES)
def test_a_field_matches_its_backing_class(field: StrawberryField, model: type) -> None:
    if "batch" in field.metadata:
        result, keys = signature(field.metadata["batch"])
        key = attribute(model, field.metadata["by"])
        assert key is not None, f"{model.__name__} has no {field.metadata['by']}"
        # A parent without a key gives null.
        nullable = fits(type(None), key) and key is not Any
        assert fits(without_none(key), keys)
        assert fits(result | None if nullable else result, expected_type(field.type))
        return
    if field.base_resolver is None:
        declared = attribute(model, field.python_name)
        assert declared is not None, f"{model.__name__} has no {field.python_name}"
        # Errors are lists of problems of every kind: the union names those that can occur.
        assert field.python_name == "errors" or fits(declared, expected_type(field.type)), declared
        return
    parents = [get_args(hint)[0] for hint in hints_of(field).values() if is_parent(hint)]
    assert all(fits(model, parent) for parent in parents)


def signature(batch: Any) -> tuple[Any, Any]:
    """Return the type of one result of a batch function and of one key."""
    hints = get_type_hints(batch)
    keys = next(hint for name, hint in hints.items() if name not in {"session", "return"})
    return get_args(hints["return"])[0], get_args(keys)[0]


def without_none(kind: Any) -> Any:
    if not is_union(kind):
        return kind
    return Union[tuple(member for member in get_args(kind) if member is not type(None))]  # noqa: UP007 - made at run time


def hints_of(field: StrawberryField) -> dict[str, Any]:
    assert field.base_resolver is not None
    return get_type_hints(field.base_resolver.wrapped_func, include_extras=True)


def is_parent(hint: Any) -> bool:
    return get_origin(hint) is Annotated and isinstance(get_args(hint)[1], StrawberryParent)


def test_the_comparison_detects_mismatches() -> None:
    assert fits(int, int | None)
    assert fits(list[str], list[str | None])
    assert not fits(int | None, int)
    assert not fits(str, int)
    assert not fits(list[int | None], list[int])
    assert not fits(list[int], int)
