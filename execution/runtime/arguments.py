"""Converts arguments as Strawberry does, with everything that depends on types precomputed.

A leaf stays as graphql-core coerced it, a list of leaves is copied, an input object is built from
its fields. Types with their own rules (`Maybe`, global ids, input types with a hook) are left to
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


class ArgumentConverter:
    """Converts the coerced arguments of one field into the arguments of its resolver."""

    __slots__ = ("_arguments",)

    def __init__(self, schema: strawberry.Schema, field: StrawberryField) -> None:
        converters = _TypeConverters(schema)
        name = schema.config.name_converter.from_argument
        self._arguments = [
            (name(argument), str(argument.python_name), converters.of_type(argument.type))
            for argument in field.arguments
        ]

    def convert(self, coerced: dict[str, Any], info: strawberry.Info) -> dict[str, Any]:
        """The arguments by Python name, without those that were not passed."""
        return {
            python_name: convert(coerced[name], info, (name,))
            for name, python_name, convert in self._arguments
            if name in coerced
        }


class _TypeConverters:
    """Makes the converter of each type; those of input types are cached, as types may recurse."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._config = schema.config
        self._scalars = schema.schema_converter.scalar_registry
        self._inputs: dict[int, list[tuple[str, str, Convert]]] = {}

    def of_type(self, input_type: Any) -> Convert:
        if isinstance(input_type, StrawberryMaybe):
            return self._by_strawberry(input_type)
        if isinstance(input_type, StrawberryOptional):
            return self.of_type(input_type.of_type)
        if isinstance(input_type, LazyType):
            return self.of_type(input_type.resolve_type())
        if input_type is GlobalID:
            return self._by_strawberry(input_type)
        if isinstance(input_type, StrawberryList):
            return self._list(input_type.of_type)
        if self._is_leaf(input_type):
            return _identity
        definition = get_object_definition(input_type)
        if definition is None or definition.from_input is not None or not definition.is_input:
            return self._by_strawberry(input_type)
        return self._input(input_type, definition)

    def _is_leaf(self, input_type: Any) -> bool:
        return (
            is_scalar(input_type, self._scalars)
            or isinstance(input_type, StrawberryEnumDefinition)
            or has_enum_definition(input_type)
        )

    def _list(self, item_type: Any) -> Convert:
        item = self.of_type(item_type)

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            if value is None or value is UNSET:
                return value
            if item is _identity:
                return list(value)
            return [item(each, info, (*path, index)) for index, each in enumerate(value)]

        return convert

    def _input(self, input_type: Any, definition: StrawberryObjectDefinition) -> Convert:
        fields = self._fields(definition)
        defaults = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            if value is None or value is UNSET:
                return value
            values: dict[str, Any] = dict(defaults)
            for name, python_name, inner in fields:
                if name in value:
                    values[python_name] = inner(value[name], info, (*path, name))
            return input_type(**values)

        return convert

    def _fields(self, definition: StrawberryObjectDefinition) -> list[tuple[str, str, Convert]]:
        fields = self._inputs.get(id(definition))
        if fields is None:
            fields = self._inputs[id(definition)] = []
            for field in definition.fields:
                name = self._config.name_converter.from_field(field)
                input_type = field.resolve_type(type_definition=definition)
                fields.append((name, field.python_name, self.of_type(input_type)))
        return fields

    def _by_strawberry(self, input_type: Any) -> Convert:
        config, scalars = self._config, self._scalars

        def convert(value: Any, info: strawberry.Info, path: Path) -> Any:
            return convert_argument(value, input_type, scalars, config, info, path=path)

        return convert


def _identity(value: Any, _info: strawberry.Info, _path: Path) -> Any:
    return value
