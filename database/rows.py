"""Takes light rows and single columns out of what the driver answers.

A light row is an instance of a class made for its model: below it, so that it is one of its rows,
but without the ORM's watch over the attributes, which costs more than reading them. Its values are
set while it is made; after that, setting an attribute raises AttributeError.
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
from sqlalchemy.sql.compiler import SQLCompiler

DIALECT: Any = PGDialect_asyncpg(  # type: ignore[no-untyped-call] # the library's own
    json_serializer=lambda value: orjson.dumps(value).decode(), json_deserializer=orjson.loads
)
Processor = Callable[[Any], Any]
Taker = Callable[[Any], Any]
"""Takes one answer out of a record of the driver."""


def attributes(expression: Any) -> list[str] | None:
    """The loaded attributes when the expression is a mapped class; None for a column."""
    known = inspect(expression, raiseerr=False)
    if not isinstance(known, Mapper | AliasedInsp):
        return None
    return [one.key for one in known.mapper.column_attrs if not one.deferred]


def model_of(row: Any) -> type[Any]:
    """The model of a row, be it light or the ORM's."""
    found: type[Any] = type(row).__mapper__.class_
    return found


def taker(
    expression: Any, keys: list[str] | None, start: int, processors: Sequence[Processor | None]
) -> Taker:
    """Takes what `expression` stands for out of the columns from `start` on."""
    if keys is None:
        return column(start, processors[start])
    model: Any = inspect(expression).mapper.class_
    return _rows_of(model, keys, start, processors[start : start + len(keys)])


def column(place: int, processor: Processor | None) -> Taker:
    """Takes one column."""
    if processor is None:
        return itemgetter(place)
    return lambda record: processor(record[place])


def _rows_of(
    model: Any, keys: list[str], start: int, processors: Sequence[Processor | None]
) -> Taker:
    """Makes one light row of a model; None where an outer join found nothing."""
    growing, light = _classes(model, tuple(keys))
    primary = start + keys.index(inspect(model).primary_key[0].key)
    environment: dict[str, Any] = {"new": object.__new__, "growing": growing, "light": light}
    worked: list[str] = []
    for nth, (key, made) in enumerate(zip(keys, processors, strict=True)):
        if made is not None:
            environment[f"p{nth}"] = made
            worked.append(f"    row.{key} = p{nth}(row.{key})")
    source = [
        "def take(record):",
        f"    if record[{primary}] is None:",
        "        return None",
        "    row = new(growing)",
        f"    ({', '.join(f'row.{key}' for key in keys)},) = record[{start}:{start + len(keys)}]",
        *worked,
        "    row.__class__ = light",
        "    return row",
    ]
    # The source holds names of our own models' attributes and numbers.
    exec(compile("\n".join(source), "<light row>", "exec"), environment)  # noqa: S102 - no outside text
    made_of_it: Taker = environment["take"]
    return made_of_it


@cache
def _classes(model: Any, keys: tuple[str, ...]) -> tuple[type[Any], type[Any]]:
    """The class of a model's row while it is made, and that of the same row ever after."""
    own: dict[str, Any] = {"__abstract__": True, "__module__": model.__module__}
    own |= dict.fromkeys(keys)  # found before the ORM's descriptors, which others keep
    make: Any = type(model)
    growing = make(model.__name__, (model,), dict(own))
    return growing, make(model.__name__, (model,), own | {"__setattr__": _refuse})


def _refuse(row: Any, name: str, value: Any) -> None:
    raise AttributeError(f"{name} of a row that was only read can't be set")


def processors(compiled: SQLCompiler) -> list[Processor | None]:
    """What makes the declared value of each column out of the driver's; None where it is that."""
    return [_processor(one.type) for one in compiled._result_columns]


def _processor(kind: Any) -> Processor | None:
    real = kind.dialect_impl(DIALECT)
    if isinstance(real, ARRAY) and isinstance(real.item_type, Float):
        return None  # the driver answers lists of floats
    if isinstance(real, Numeric | Float):
        # The driver answers decimals for numeric and floats for double: either as was declared.
        return None if real.asdecimal else _float
    made: Processor | None = kind._cached_result_processor(DIALECT, None)
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return _Members(made).__getitem__
    return made


class _Members(dict[Any, Any]):
    """The members of an enum by their stored names, each looked for once."""

    def __init__(self, made: Processor | None) -> None:
        super().__init__({None: None})
        self._made = made

    def __missing__(self, name: str) -> Any:
        member = self._made(name) if self._made is not None else name
        self[name] = member
        return member


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
