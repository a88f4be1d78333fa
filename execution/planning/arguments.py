"""Strawberry's conversion of arguments, with all that depends on types alone found out before.

A leaf is taken as graphql-core coerced it, a list of leaves is copied, an input type is built from
its fields. Whatever has rules of its own (`Maybe`, global ids, input types with a hook) is left to
Strawberry's `convert_argument`.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

import strawberry
from strawberry.relay.types import GlobalID
from strawberry.schema.compat import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Path = tuple[str | int, ...]
Convert = Callable[[Any, strawberry.Info, Path], Any]


class Converter:
    """Converts the coerced arguments of one field into what its resolver takes."""

    __slots__ = ("_arguments",)

    def __init__(self, schema: strawberry.Schema, field: StrawberryField) -> None:
        kinds = _Kinds(schema)
        name = schema.config.name_converter.from_argument
        self._arguments = [
            (name(argument), str(argument.python_name), kinds.convert(argument.type))
            for argument in field.arguments
        ]

    def convert(self, given: dict[str, Any], info: strawberry.Info) -> dict[str, Any]:
        """The arguments by their Python names; those that were not given are left out."""
        return {
            python_name: convert(given[name], info, (name,))
            for name, python_name, convert in self._arguments
            if name in given
        }


class _Kinds:
    """Finds the way to convert each type, once a type, so that types may hold themselves."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._config = schema.config
        self._scalars = schema.schema_converter.scalar_registry
        self._inputs: dict[int, list[tuple[str, str, Convert]]] = {}

    def convert(self, kind: Any) -> Convert:
        if isinstance(kind, StrawberryMaybe):
            return self._as_strawberry(kind)
        if isinstance(kind, StrawberryOptional):
            return self.convert(kind.of_type)
        if isinstance(kind, LazyType):
            return self.convert(kind.resolve_type())
        if kind is GlobalID:
            return self._as_strawberry(kind)
        if isinstance(kind, StrawberryList):
            return self._list(kind.of_type)
        if self._is_leaf(kind):
            return _as_given
        definition = get_object_definition(kind)
        if definition is None or definition.from_input is not None or not definition.is_input:
            return self._as_strawberry(kind)
        return self._input(kind, definition)

    def _is_leaf(self, kind: Any) -> bool:
        return (
            is_scalar(kind, self._scalars)
            or isinstance(kind, StrawberryEnumDefinition)
            or has_enum_definition(kind)
        )

    def _list(self, of_type: Any) -> Convert:
        item = self.convert(of_type)

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            if value is None or value is UNSET:
                return value
            if item is _as_given:
                return list(value)
            return [item(each, info, (*path, n)) for n, each in enumerate(value)]

        return convert

    def _input(self, kind: Any, definition: StrawberryObjectDefinition) -> Convert:
        fields = self._fields(definition)
        blank = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            if value is None or value is UNSET:
                return value
            given: dict[str, Any] = dict(blank)
            for name, python_name, inner in fields:
                if name in value:
                    given[python_name] = inner(value[name], info, (*path, name))
            return kind(**given)

        return convert

    def _fields(self, definition: StrawberryObjectDefinition) -> list[tuple[str, str, Convert]]:
        known = self._inputs.get(id(definition))
        if known is None:
            known = self._inputs[id(definition)] = []
            for field in definition.fields:
                name = self._config.name_converter.from_field(field)
                kind = field.resolve_type(type_definition=definition)
                known.append((name, field.python_name, self.convert(kind)))
        return known

    def _as_strawberry(self, kind: Any) -> Convert:
        config, scalars = self._config, self._scalars

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            return convert_argument(value, kind, scalars, config, info, path=path)

        return convert


def _as_given(value: Any, _info: strawberry.Info, _path: Path) -> Any:
    return value
