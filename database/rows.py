"""Reads read-only rows and single columns from the driver's records.

A read-only row is an instance of a subclass of its model, made without the ORM's instrumentation,
which costs more than reading. Its values are set while it is built; setting an attribute later
raises AttributeError.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import ARRAY, Enum, Float, Numeric, inspect
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.util import AliasedInsp

from database.sqlalchemy_internals import SQLCompiler, result_columns, result_processor

DIALECT: Any = PGDialect_asyncpg(  # type: ignore[no-untyped-call] # the library's own
    json_serializer=lambda value: orjson.dumps(value).decode(), json_deserializer=orjson.loads
)
Processor = Callable[[Any], Any]
"""Makes the declared value of a column out of the driver's."""
RowReader = Callable[[Any], Any]
"""Reads one item of a result's row from a record of the driver."""


def loaded_attributes(expression: Any) -> list[str] | None:
    """The attributes that a select of a mapped class loads; None for a column."""
    inspected = inspect(expression, raiseerr=False)
    if not isinstance(inspected, Mapper | AliasedInsp):
        return None
    return [one.key for one in inspected.mapper.column_attrs if not one.deferred]


def model_of(row: Any) -> type[Any]:
    """The model of a row, read-only or the ORM's."""
    model: type[Any] = type(row).__mapper__.class_
    return model


def row_reader(
    expression: Any, keys: list[str] | None, start: int, processors: Sequence[Processor | None]
) -> RowReader:
    """Reads a column's value or, if `expression` is a mapped class, a read-only row from the
    columns from `start` on."""
    if keys is None:
        return column_reader(start, processors[start])
    model: Any = inspect(expression).mapper.class_
    return _read_only_row_reader(model, keys, start, processors[start : start + len(keys)])


def column_reader(place: int, processor: Processor | None) -> RowReader:
    """Reads one column."""
    if processor is None:
        return itemgetter(place)
    return lambda record: processor(record[place])


def _read_only_row_reader(
    model: Any, keys: list[str], start: int, processors: Sequence[Processor | None]
) -> RowReader:
    """Builds one read-only row of a model; None where an outer join found nothing."""
    mutable, read_only = _row_classes(model, tuple(keys))
    primary = start + keys.index(inspect(model).primary_key[0].key)
    environment: dict[str, Any] = {
        "new": object.__new__, "mutable": mutable, "read_only": read_only
    }  # fmt: skip
    processing: list[str] = []
    for nth, (key, processor) in enumerate(zip(keys, processors, strict=True)):
        if processor is not None:
            environment[f"p{nth}"] = processor
            processing.append(f"    row.{key} = p{nth}(row.{key})")
    source = [
        "def read(record):",
        f"    if record[{primary}] is None:",
        "        return None",
        "    row = new(mutable)",
        f"    ({', '.join(f'row.{key}' for key in keys)},) = record[{start}:{start + len(keys)}]",
        *processing,
        "    row.__class__ = read_only",
        "    return row",
    ]
    # The source holds names of our own models' attributes and numbers.
    exec(compile("\n".join(source), "<read-only row>", "exec"), environment)  # noqa: S102 - no outside text
    reader: RowReader = environment["read"]
    return reader


@cache
def _row_classes(model: Any, keys: tuple[str, ...]) -> tuple[type[Any], type[Any]]:
    """The class of a model's row while it is built, and that of the finished row."""
    own: dict[str, Any] = {"__abstract__": True, "__module__": model.__module__}
    own |= dict.fromkeys(keys)  # hides the ORM's descriptors of these attributes
    make: Any = type(model)
    mutable = make(model.__name__, (model,), dict(own))
    return mutable, make(model.__name__, (model,), own | {"__setattr__": _refuse})


def _refuse(row: Any, name: str, value: Any) -> None:
    raise AttributeError(f"{name} of a row that was only read can't be set")


def result_processors(compiled: SQLCompiler) -> list[Processor | None]:
    """The processor of each column; None where the driver's value is the declared one."""
    return [_processor(one.type) for one in result_columns(compiled)]


def _processor(column_type: Any) -> Processor | None:
    implementation = column_type.dialect_impl(DIALECT)
    if isinstance(implementation, ARRAY) and isinstance(implementation.item_type, Float):
        return None  # the driver answers lists of floats
    if isinstance(implementation, Numeric | Float):
        # The driver answers decimals for numeric and floats for double: either as was declared.
        return None if implementation.asdecimal else _float
    processor: Processor | None = result_processor(column_type, DIALECT)
    if isinstance(column_type, Enum) and column_type.enum_class is not None:
        return _EnumMembers(processor).__getitem__
    return processor


class _EnumMembers(dict[Any, Any]):
    """The members of an enum by their stored names, each converted once."""

    def __init__(self, processor: Processor | None) -> None:
        super().__init__({None: None})
        self._processor = processor

    def __missing__(self, name: str) -> Any:
        member = self._processor(name) if self._processor is not None else name
        self[name] = member
        return member


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
