"""What the type checker can't see: each GraphQL field is answerable by its backing class."""

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

assert graph.as_str()  # building it resolves every lazy type

CASES = [
    pytest.param(field, model, id=f"{kind.__name__}.{field.python_name}")
    for kind, model in BACKING.items()
    for field in get_object_definition(kind, strict=True).fields
]
OPAQUE = {Any, object}


def attribute(model: type, name: str) -> Any:
    """The declared type of a column, dataclass field or property, or None when there is none."""
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
    found = getattr(model, name, None)
    if isinstance(found, property):
        return get_type_hints(found.fget).get("return", Any)
    return get_type_hints(model, include_extras=False).get(name)


def promised(kind: Any) -> Any:
    """The declared field type, each GraphQL type replaced by its backing class."""
    match kind:
        case StrawberryOptional():
            return promised(kind.of_type) | None
        case StrawberryList():
            return list[promised(kind.of_type)]  # type: ignore[misc] # made at run time
        case StrawberryUnion():
            return Union[tuple(promised(t) for t in kind.types)]  # noqa: UP007 - made at run time
        case LazyType():
            return promised(kind.resolve_type())
    wrapped = getattr(kind, "wrapped_cls", kind)
    return BACKING.get(get_origin(wrapped) or wrapped, wrapped)


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of type `given` is always one of type `wanted`."""
    given, wanted = plain(given), plain(wanted)
    if given in OPAQUE or wanted in OPAQUE or TypeVar in (type(given), type(wanted)):
        return True
    if is_union(given):
        return all(fits(one, wanted) for one in get_args(given))
    if is_union(wanted):
        return any(fits(given, one) for one in get_args(wanted))
    if get_origin(wanted) is list:
        inside = get_args(given)
        return get_origin(given) in (list, tuple, Sequence) and fits(inside[0], get_args(wanted)[0])
    given, wanted = get_origin(given) or given, get_origin(wanted) or wanted
    return isinstance(given, type) and isinstance(wanted, type) and issubclass(given, wanted)


def plain(kind: Any) -> Any:
    """A type without its annotations and new names: BigInt is an int, an ID a str."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    return kind


def is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


@pytest.mark.parametrize(("field", "model"), CASES)
def test_a_field_is_answerable(field: StrawberryField, model: type) -> None:
    if "batch" in field.metadata:
        answers, keys = signature(field.metadata["batch"])
        key = attribute(model, field.metadata["by"])
        assert key is not None, f"{model.__name__} has no {field.metadata['by']}"
        # A parent without a key is answered by null.
        nullable = fits(type(None), key) and key is not Any
        assert fits(without_none(key), keys)
        assert fits(answers | None if nullable else answers, promised(field.type))
        return
    if field.base_resolver is None:
        declared = attribute(model, field.python_name)
        assert declared is not None, f"{model.__name__} has no {field.python_name}"
        # Errors are lists of problems of every kind: the union names those that can occur.
        assert field.python_name == "errors" or fits(declared, promised(field.type)), declared
        return
    parents = [get_args(hint)[0] for hint in hints_of(field).values() if is_parent(hint)]
    assert all(fits(model, parent) for parent in parents)


def signature(batch: Any) -> tuple[Any, Any]:
    """One answer of a batch function, and one of its keys."""
    hints = get_type_hints(batch)
    keys = next(hint for name, hint in hints.items() if name not in {"session", "return"})
    return get_args(hints["return"])[0], get_args(keys)[0]


def without_none(kind: Any) -> Any:
    if not is_union(kind):
        return kind
    return Union[tuple(one for one in get_args(kind) if one is not type(None))]  # noqa: UP007 - made at run time


def hints_of(field: StrawberryField) -> dict[str, Any]:
    assert field.base_resolver is not None
    return get_type_hints(field.base_resolver.wrapped_func, include_extras=True)


def is_parent(hint: Any) -> bool:
    return get_origin(hint) is Annotated and isinstance(get_args(hint)[1], StrawberryParent)


def test_the_comparison_sees_planted_faults() -> None:
    assert fits(int, int | None)
    assert fits(list[str], list[str | None])
    assert not fits(int | None, int)
    assert not fits(str, int)
    assert not fits(list[int | None], list[int])
    assert not fits(list[int], int)
