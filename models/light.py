"""Statements compiled once for the bare driver, and light rows out of what it answers.

The unit of work of the ORM costs more than the database does. A read has no use for it: the same
`select(…)` is compiled once per shape, runs on the driver itself, and answers rows whose attributes
are plain values. A light row can't be changed: setting an attribute raises AttributeError.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ClauseElement, ColumnElement, Executable, Float, Numeric, inspect
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.result import IteratorResult, Result, SimpleResultMetaData
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.util import AliasedInsp
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler

DIALECT: Any = PGDialect_asyncpg()  # type: ignore[no-untyped-call] # the library's own
SHAPES_KEPT = 2_000
KEPT = "kept"
Heard = Callable[[str], None]
Processor = Callable[[Any], Any]
Taker = Callable[[Any], Any]
"""Takes one answer out of a record of the driver."""


@dataclass(slots=True)
class Shape:
    """A statement without its values."""

    compiled: SQLCompiler
    takers: tuple[Taker, ...] | None
    names: SimpleResultMetaData | None
    typed: Mapping[str, Processor] = field(default_factory=dict)
    """For text, whose columns are known by their names only."""

    def asked(self, given: Mapping[str, Any], key: CacheKey | None) -> tuple[str, list[Any]]:
        """The text for the driver and the values in their places."""
        compiled = self.compiled
        extracted = key.bindparams if key is not None else None
        values = compiled.construct_params(given, extracted_parameters=extracted)
        processors: Mapping[str, Any] = compiled._bind_processors
        names: Sequence[str] = compiled.positiontup or ()
        text = compiled.string
        if compiled.post_compile_params:
            spread = compiled._process_parameters_for_postcompile(values)
            text, names = spread.statement, spread.positiontup or ()
            values = {**values, **spread.additional_parameters}
            processors = {**processors, **spread.processors}
        return text, [_processed(processors.get(name), values[name]) for name in names]

    def result(self, records: Sequence[Any]) -> Result[Any]:
        """The rows as SQLAlchemy answers them."""
        if self.takers is None or self.names is None:
            return self._named(records)
        if len(self.takers) == 1:
            (take,) = self.takers
            return IteratorResult(self.names, ((take(record),) for record in records))
        takers = self.takers
        return IteratorResult(self.names, (tuple([t(one) for t in takers]) for one in records))

    def _named(self, records: Sequence[Any]) -> Result[Any]:
        # Without a row the driver names no column, and nobody asks for one by name.
        names = list(records[0].keys()) if records else ["nothing"]
        made = [self.typed.get(name) for name in names]
        rows = (tuple(map(_processed, made, record)) for record in records)
        return IteratorResult(SimpleResultMetaData(names), rows)

    def firsts(self, records: Sequence[Any]) -> list[Any]:
        """The first answer of each row."""
        take = self.takers[0] if self.takers else itemgetter(0)
        return [take(record) for record in records]


Statement = TypeVar("Statement", bound=Executable)


def kept(statement: Statement) -> Statement:
    """Mark a constant of a module: it is known by itself, and its shape is never looked for."""
    return statement.execution_options(**{KEPT: True})


class Shapes:
    """The statements that a process has compiled; when they are too many it begins anew."""

    def __init__(self) -> None:
        self._known: dict[Any, Shape] = {}
        self._kept: dict[int, tuple[Any, Shape, CacheKey | None]] = {}

    def of(self, statement: Any) -> tuple[Shape, CacheKey | None]:
        """The statement's shape, and the key that carries its values."""
        if statement.get_execution_options().get(KEPT):
            kept = self._kept.get(id(statement))
            if kept is None:
                kept = self._kept[id(statement)] = statement, *self._of(statement)
            return kept[1:]
        return self._of(statement)

    def _of(self, statement: Any) -> tuple[Shape, CacheKey | None]:
        key = statement._generate_cache_key()
        if key is None:
            return _shape(statement, None), None
        shape = self._known.get(key.key)
        if shape is None:
            if len(self._known) >= SHAPES_KEPT:
                self._known.clear()
            shape = self._known[key.key] = _shape(statement, key)
        return shape, key


def answers_columns(statement: Any) -> bool:
    """Whether a select answers plain columns only: no rows of a model, which a session keeps."""
    return all(isinstance(one, ColumnElement) for one in statement._raw_columns)


def _shape(statement: Any, key: CacheKey | None) -> Shape:
    described = getattr(statement, "column_descriptions", None)
    if described is None:
        return _plain(statement, key)
    columns: list[Any] = []
    spans: list[tuple[Any, list[str] | None, int]] = []
    for one in described:
        keys = _attributes(one["expr"])
        spans.append((one["expr"], keys, len(columns)))
        columns += [one["expr"]] if keys is None else [getattr(one["expr"], k) for k in keys]
    wide = statement.with_only_columns(*columns, maintain_column_froms=True)
    compiled = _compiled(wide, key)
    processors = _processors(compiled)
    takers = tuple(_taker(expr, keys, start, processors) for expr, keys, start in spans)
    return Shape(compiled, takers, SimpleResultMetaData([one["name"] for one in described]))


def _plain(statement: Any, key: CacheKey | None) -> Shape:
    """A union, or text: what it answers is taken column by column."""
    compiled = _compiled(statement, key)
    columns, processors = compiled._result_columns, _processors(compiled)
    if not columns or not compiled._ordered_columns:
        typed = zip((one.keyname for one in columns), processors, strict=True)
        return Shape(compiled, None, None, {name: made for name, made in typed if made})
    takers = tuple(_column(nth, processors[nth]) for nth in range(len(columns)))
    return Shape(compiled, takers, SimpleResultMetaData([one.keyname for one in columns]))


def _compiled(statement: ClauseElement, key: CacheKey | None) -> SQLCompiler:
    made: SQLCompiler = DIALECT.statement_compiler(DIALECT, statement, cache_key=key)
    return made


def _attributes(expression: Any) -> list[str] | None:
    """The loaded attributes when the expression is a mapped class; None for a column."""
    known = inspect(expression, raiseerr=False)
    if not isinstance(known, Mapper | AliasedInsp):
        return None
    return [one.key for one in known.mapper.column_attrs if not one.deferred]


def _taker(
    expression: Any, keys: list[str] | None, start: int, processors: Sequence[Processor | None]
) -> Taker:
    if keys is None:
        return _column(start, processors[start])
    model = inspect(expression).mapper.class_
    return _rows_of(model, keys, start, processors[start : start + len(keys)])


def _column(place: int, processor: Processor | None) -> Taker:
    if processor is None:
        return itemgetter(place)
    return lambda record: processor(record[place])


def _rows_of(
    model: type[Any], keys: list[str], start: int, processors: Sequence[Processor | None]
) -> Taker:
    """Makes one light row of a model; None where an outer join found nothing."""
    stop = start + len(keys)
    primary = start + keys.index(inspect(model).primary_key[0].key)
    worked = [(key, made) for key, made in zip(keys, processors, strict=True) if made]

    def take(record: Any) -> Any:
        if record[primary] is None:
            return None
        row: Any = object.__new__(model)
        values = row.__dict__
        values.update(zip(keys, record[start:stop], strict=True))
        for key, made in worked:
            values[key] = made(values[key])
        return row

    return take


def _processors(compiled: SQLCompiler) -> list[Processor | None]:
    return [_processor(one.type) for one in compiled._result_columns]


def _processor(kind: Any) -> Processor | None:
    real = kind.dialect_impl(DIALECT)
    if isinstance(real, ARRAY) and isinstance(real.item_type, Float):
        return None  # the driver answers lists of floats
    if isinstance(real, Numeric | Float):
        # The driver answers decimals for numeric and floats for double: either as was declared.
        return None if real.asdecimal else _float
    made: Processor | None = kind._cached_result_processor(DIALECT, None)
    return made


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _processed(processor: Processor | None, value: Any) -> Any:
    return value if processor is None else processor(value)
