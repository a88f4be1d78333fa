"""Compiles statements once for the bare driver, and reads rows from what it answers.

The ORM's processing of a query costs more than the query itself. Here a `select(…)` is compiled
once for all values of its parameters and runs on the driver.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ClauseElement, Executable, bindparam, inspect, select
from sqlalchemy.engine.result import IteratorResult, Result, SimpleResultMetaData

from database.rows import (
    DIALECT,
    Processor,
    RowReader,
    column_reader,
    loaded_attributes,
    result_processors,
    row_reader,
)
from database.sqlalchemy_internals import (
    CacheKey,
    SQLCompiler,
    bind_processors,
    cache_key,
    default_parameters,
    expand_parameters,
    has_ordered_columns,
    result_columns,
)
from database.statement_merge import is_mergeable

MAX_CACHED_STATEMENTS = 2_000
PREPARED = "prepared"
"""The execution option of statements that are constants of a module."""
ANY_OF_ARRAY = re.compile(r"= ANY \((\$\d+::\w+\[\])\)")
StatementObserver = Callable[[str], None]
"""Called with the text of each statement that goes to the driver; for tests that count."""
RowReaderFactory = Callable[[Any, list[str] | None, int, Sequence[Processor | None]], RowReader]


@dataclass(slots=True)
class CompiledStatement:
    """A statement without its values."""

    compiled: SQLCompiler
    readers: tuple[RowReader, ...] | None
    metadata: SimpleResultMetaData | None
    processors_by_name: Mapping[str, Processor] = field(default_factory=dict)
    """For text, whose columns are known by name only."""
    last_text_result: tuple[list[str], SimpleResultMetaData, list[Processor | None]] | None = None
    """The column names of the last result of text, and their metadata and processors."""
    mergeable: bool = False
    """Whether it may run as part of a merged statement."""

    def bind(self, params: Mapping[str, Any], key: CacheKey | None) -> tuple[str, list[Any]]:
        """The text for the driver and the values in their places."""
        compiled = self.compiled
        extracted = key.bindparams if key is not None else None
        values = compiled.construct_params(params, extracted_parameters=extracted)
        processors: Mapping[str, Any] = bind_processors(compiled)
        names: Sequence[str] = compiled.positiontup or ()
        text = compiled.string
        if compiled.post_compile_params:
            expanded = expand_parameters(compiled, values)
            text, names = expanded.statement, expanded.positiontup or ()
            values = {**values, **expanded.additional_parameters}
            processors = {**processors, **expanded.processors}
        return text, [_process(processors.get(name), values[name]) for name in names]

    def result(self, records: Sequence[Any]) -> Result[Any]:
        """The rows as a SQLAlchemy result."""
        if self.readers is None or self.metadata is None:
            return self._text_result(records)
        readers = self.readers
        if len(readers) == 1:
            (read,) = readers
            return IteratorResult(self.metadata, iter([(read(record),) for record in records]))
        if all(isinstance(read, itemgetter) for read in readers):
            return IteratorResult(self.metadata, map(tuple, records))
        rows = (tuple([read(record) for read in readers]) for record in records)
        return IteratorResult(self.metadata, rows)

    def _text_result(self, records: Sequence[Any]) -> Result[Any]:
        # Without a row the driver names no column, and nobody reads one by name.
        names = list(records[0].keys()) if records else ["nothing"]
        if self.last_text_result is None or self.last_text_result[0] != names:
            processors = [self.processors_by_name.get(name) for name in names]
            self.last_text_result = names, SimpleResultMetaData(names), processors
        _, metadata, processors = self.last_text_result
        if not any(processors):
            return IteratorResult(metadata, map(tuple, records))
        rows = (tuple(map(_process, processors, record)) for record in records)
        return IteratorResult(metadata, rows)

    def scalars(self, records: Sequence[Any]) -> list[Any]:
        """The first column of each row."""
        read = self.readers[0] if self.readers else itemgetter(0)
        return [read(record) for record in records]


Statement = TypeVar("Statement", bound=Executable)


def prepared(statement: Statement) -> Statement:
    """Mark a statement that is a constant: it is compiled once and found by its identity."""
    return statement.execution_options(**{PREPARED: True})


@cache
def select_by_key(
    entity: Any, refresh: bool = False, for_update: bool = False, key_share: bool = False
) -> tuple[Any, tuple[str, ...]]:
    """The statement that reads one row by its primary key, and its parameters' names."""
    parts = inspect(entity).primary_key
    statement = select(entity).where(
        *(part == bindparam(f"key_{part.key}", type_=part.type) for part in parts)
    )
    if for_update:
        statement = statement.with_for_update(key_share=key_share)
    statement = statement.execution_options(populate_existing=refresh or for_update)
    return prepared(statement), tuple(f"key_{part.key}" for part in parts)


class PreparedStatement:
    """A compiled constant, with the places and processors of its values worked out once.

    One that selects by an array of keys has another text for a single key: PostgreSQL assumes ten
    elements for an array that it does not know, and so plans such a statement for each array that
    it is given; a plan for one key is made once.
    """

    __slots__ = (
        "_array_index", "_parameters", "_single_key_text", "compiled_statement", "statement"
    )  # fmt: skip

    def __init__(
        self, statement: Any, compiled_statement: CompiledStatement, key: CacheKey | None
    ) -> None:
        self.statement = statement  # keeps its id from being used again
        self.compiled_statement = compiled_statement
        compiled = compiled_statement.compiled
        defaults = default_parameters(compiled, key)
        processors: Mapping[str, Any] = bind_processors(compiled)
        self._parameters = tuple(
            (name, compiled.binds[name].required, defaults[name], processors.get(name))
            for name in compiled.positiontup or ()
        )
        self._array_index, self._single_key_text = _single_key_text(compiled.string)

    def text(self, values: Sequence[Any]) -> str:
        """The text for these values."""
        if self._single_key_text is not None and len(values[self._array_index]) == 1:
            return self._single_key_text
        return self.compiled_statement.compiled.string

    def values(self, params: Mapping[str, Any]) -> list[Any]:
        """The values in their places; KeyError when a required one is missing."""
        values: list[Any] = []
        for name, required, default, process in self._parameters:
            value = params[name] if required else params.get(name, default)
            values.append(value if process is None else process(value))
        return values


class StatementCache:
    """The statements that a process has compiled; it is emptied when they are too many."""

    def __init__(self, reader_factory: RowReaderFactory = row_reader) -> None:
        """`reader_factory` makes the row readers: by default those of read-only rows."""
        self._reader_factory = reader_factory
        self._compiled: dict[Any, CompiledStatement] = {}
        self._prepared: dict[int, PreparedStatement] = {}

    def bind(
        self, statement: Any, params: Mapping[str, Any]
    ) -> tuple[CompiledStatement, str, list[Any]]:
        """The compiled statement, its text for the driver, and the values in their places."""
        if statement.get_execution_options().get(PREPARED):
            constant = self._prepared.get(id(statement))
            if constant is None:
                constant = PreparedStatement(statement, *self.compile(statement))
                self._prepared[id(statement)] = constant
            if not constant.compiled_statement.compiled.post_compile_params:
                values = constant.values(params)
                return constant.compiled_statement, constant.text(values), values
        compiled, key = self.compile(statement)
        return compiled, *compiled.bind(params, key)

    def compile(self, statement: Any) -> tuple[CompiledStatement, CacheKey | None]:
        """The compiled statement and the cache key, which holds the statement's own values."""
        key: CacheKey | None = cache_key(statement)
        if key is None:
            return _compile(statement, None, self._reader_factory), None
        compiled = self._compiled.get(key.key)
        if compiled is None:
            if len(self._compiled) >= MAX_CACHED_STATEMENTS:
                self._compiled.clear()
            compiled = _compile(statement, key, self._reader_factory)
            self._compiled[key.key] = compiled
        return compiled, key


def _single_key_text(text: str) -> tuple[int, str | None]:
    """The place of the one array of keys that a text selects by, and the text for one key."""
    arrays = set(ANY_OF_ARRAY.findall(text))
    if len(arrays) != 1:
        return 0, None
    (array,) = arrays
    return int(array[1 : array.index(":")]) - 1, text.replace(f"ANY ({array})", f"({array})[1]")


def _compile(
    statement: Any, key: CacheKey | None, reader_factory: RowReaderFactory
) -> CompiledStatement:
    descriptions = getattr(statement, "column_descriptions", None)
    if descriptions is None:
        return _compile_plain(statement, key)
    columns: list[Any] = []
    items: list[tuple[Any, list[str] | None, int]] = []
    for description in descriptions:
        expression = description["expr"]
        keys = loaded_attributes(expression)
        items.append((expression, keys, len(columns)))
        columns += [expression] if keys is None else [getattr(expression, one) for one in keys]
    if any(keys is not None for _, keys, _ in items):
        statement = statement.with_only_columns(*columns, maintain_column_froms=True)
    compiled = _sql_compiler(statement, key)
    processors = result_processors(compiled)
    readers = tuple(
        reader_factory(expression, keys, start, processors) for expression, keys, start in items
    )
    metadata = SimpleResultMetaData([description["name"] for description in descriptions])
    return CompiledStatement(compiled, readers, metadata, mergeable=is_mergeable(compiled))


def _compile_plain(statement: Any, key: CacheKey | None) -> CompiledStatement:
    """A union, or text: its result is read column by column."""
    compiled = _sql_compiler(statement, key)
    columns, processors = result_columns(compiled), result_processors(compiled)
    if not columns or not has_ordered_columns(compiled):
        by_name = zip((one.keyname for one in columns), processors, strict=True)
        return CompiledStatement(compiled, None, None, {name: one for name, one in by_name if one})
    readers = tuple(column_reader(nth, processors[nth]) for nth in range(len(columns)))
    metadata = SimpleResultMetaData([one.keyname for one in columns])
    return CompiledStatement(compiled, readers, metadata)


def _sql_compiler(statement: ClauseElement, key: CacheKey | None) -> SQLCompiler:
    compiler: SQLCompiler = DIALECT.statement_compiler(DIALECT, statement, cache_key=key)
    return compiler


def _process(processor: Processor | None, value: Any) -> Any:
    return value if processor is None else processor(value)
