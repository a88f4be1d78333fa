"""Statements compiled once for the bare driver, and light rows out of what it answers.

The unit of work of the ORM costs more than the database does. A read has no use for it: the same
`select(…)` is compiled once per shape, runs on the driver itself, and answers rows whose attributes
are plain values. A light row can't be changed: setting an attribute raises AttributeError.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ClauseElement, Executable, bindparam, inspect, select
from sqlalchemy.engine.result import IteratorResult, Result, SimpleResultMetaData
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler

from database.rows import DIALECT, Processor, Taker, attributes, column, processors, taker
from database.statement_merge import mergeable

SHAPES_KEPT = 2_000
KEPT = "kept"
ONE_OF = re.compile(r"= ANY \((\$\d+::\w+\[\])\)")
Heard = Callable[[str], None]
Taken = Callable[[Any, list[str] | None, int, Sequence[Processor | None]], Taker]


@dataclass(slots=True)
class Shape:
    """A statement without its values."""

    compiled: SQLCompiler
    takers: tuple[Taker, ...] | None
    names: SimpleResultMetaData | None
    typed: Mapping[str, Processor] = field(default_factory=dict)
    """For text, whose columns are known by their names only."""
    told: tuple[list[str], SimpleResultMetaData, list[Processor | None]] | None = None
    """The names of columns that text was last answered with, and what is made of them."""

    merges: bool = False
    """Whether it may be answered in one statement with others."""

    def asked(self, given: Mapping[str, Any], key: CacheKey | None) -> tuple[str, list[Any]]:
        """The text for the driver and the values in their places."""
        compiled = self.compiled
        extracted = key.bindparams if key is not None else None
        values = compiled.construct_params(given, extracted_parameters=extracted)
        binds: Mapping[str, Any] = compiled._bind_processors
        names: Sequence[str] = compiled.positiontup or ()
        text = compiled.string
        if compiled.post_compile_params:
            spread = compiled._process_parameters_for_postcompile(values)
            text, names = spread.statement, spread.positiontup or ()
            values = {**values, **spread.additional_parameters}
            binds = {**binds, **spread.processors}
        return text, [_processed(binds.get(name), values[name]) for name in names]

    def result(self, records: Sequence[Any]) -> Result[Any]:
        """The rows as SQLAlchemy answers them."""
        if self.takers is None or self.names is None:
            return self._named(records)
        takers = self.takers
        if len(takers) == 1:
            (take,) = takers
            return IteratorResult(self.names, iter([(take(record),) for record in records]))
        if all(isinstance(take, itemgetter) for take in takers):
            return IteratorResult(self.names, map(tuple, records))
        return IteratorResult(self.names, (tuple([t(one) for t in takers]) for one in records))

    def _named(self, records: Sequence[Any]) -> Result[Any]:
        # Without a row the driver names no column, and nobody asks for one by name.
        names = list(records[0].keys()) if records else ["nothing"]
        if self.told is None or self.told[0] != names:
            made = [self.typed.get(name) for name in names]
            self.told = names, SimpleResultMetaData(names), made
        _, metadata, made = self.told
        if not any(made):
            return IteratorResult(metadata, map(tuple, records))
        return IteratorResult(metadata, (tuple(map(_processed, made, one)) for one in records))

    def firsts(self, records: Sequence[Any]) -> list[Any]:
        """The first answer of each row."""
        take = self.takers[0] if self.takers else itemgetter(0)
        return [take(record) for record in records]


Statement = TypeVar("Statement", bound=Executable)


def kept(statement: Statement) -> Statement:
    """Mark a constant of a module: it is known by itself, and its shape is never looked for."""
    return statement.execution_options(**{KEPT: True})


@cache
def by_key(
    entity: Any, anew: bool = False, locked: bool = False, key_share: bool = False
) -> tuple[Any, tuple[str, ...]]:
    """The statement that reads one row by its primary key, and the names of the key's parts."""
    parts = inspect(entity).primary_key
    wanted = select(entity).where(
        *(part == bindparam(f"key_{part.key}", type_=part.type) for part in parts)
    )
    if locked:
        wanted = wanted.with_for_update(key_share=key_share)
    wanted = wanted.execution_options(populate_existing=anew or locked)
    return kept(wanted), tuple(f"key_{part.key}" for part in parts)


class Kept:
    """A kept statement's shape, with the places of its values worked out once.

    One that goes by an array of keys has another text for a single key. PostgreSQL takes an array
    that it does not know for ten keys, and so plans anew for each one it is given; a plan for one
    key, whichever it is, is made once.
    """

    __slots__ = ("_alone", "_binds", "_keys", "shape", "statement")

    def __init__(self, statement: Any, shape: Shape, key: CacheKey | None) -> None:
        self.statement = statement
        self.shape = shape
        compiled = shape.compiled
        extracted = key.bindparams if key is not None else None
        own: Any = compiled.construct_params({}, extracted_parameters=extracted, _check=False)
        binds: Mapping[str, Any] = compiled._bind_processors
        self._binds = tuple(
            (name, compiled.binds[name].required, own[name], binds.get(name))
            for name in compiled.positiontup or ()
        )
        self._keys, self._alone = _alone(compiled.string)

    def text(self, values: Sequence[Any]) -> str:
        """The text for these values."""
        if self._alone is not None and len(values[self._keys]) == 1:
            return self._alone
        return self.shape.compiled.string

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The values in their places; KeyError when one that is needed was not given."""
        found: list[Any] = []
        for name, required, own, made in self._binds:
            value = given[name] if required else given.get(name, own)
            found.append(value if made is None else made(value))
        return found


class Shapes:
    """The statements that a process has compiled; when they are too many it begins anew."""

    def __init__(self, taken: Taken = taker) -> None:
        """`taken` makes the takers: of light rows, unless told otherwise."""
        self._taken = taken
        self._known: dict[Any, Shape] = {}
        self._kept: dict[int, Kept] = {}

    def asked(self, statement: Any, given: Mapping[str, Any]) -> tuple[Shape, str, list[Any]]:
        """The statement's shape, its text for the driver, and the values in their places."""
        if statement.get_execution_options().get(KEPT):
            kept = self._kept.get(id(statement))
            if kept is None:
                kept = self._kept[id(statement)] = Kept(statement, *self._of(statement))
            if not kept.shape.compiled.post_compile_params:
                values = kept.values(given)
                return kept.shape, kept.text(values), values
        shape, key = self._of(statement)
        return shape, *shape.asked(given, key)

    def _of(self, statement: Any) -> tuple[Shape, CacheKey | None]:
        key = statement._generate_cache_key()
        if key is None:
            return _shape(statement, None, self._taken), None
        shape = self._known.get(key.key)
        if shape is None:
            if len(self._known) >= SHAPES_KEPT:
                self._known.clear()
            shape = self._known[key.key] = _shape(statement, key, self._taken)
        return shape, key


def _alone(text: str) -> tuple[int, str | None]:
    """The place of the one array of keys that a text goes by, and the same text for one key."""
    arrays = set(ONE_OF.findall(text))
    if len(arrays) != 1:
        return 0, None
    (array,) = arrays
    return int(array[1 : array.index(":")]) - 1, text.replace(f"ANY ({array})", f"({array})[1]")


def _shape(statement: Any, key: CacheKey | None, taken: Taken) -> Shape:
    described = getattr(statement, "column_descriptions", None)
    if described is None:
        return _plain(statement, key)
    columns: list[Any] = []
    spans: list[tuple[Any, list[str] | None, int]] = []
    for one in described:
        keys = attributes(one["expr"])
        spans.append((one["expr"], keys, len(columns)))
        columns += [one["expr"]] if keys is None else [getattr(one["expr"], k) for k in keys]
    if any(keys is not None for _, keys, _ in spans):
        statement = statement.with_only_columns(*columns, maintain_column_froms=True)
    compiled = _compiled(statement, key)
    made = processors(compiled)
    takers = tuple(taken(expr, keys, start, made) for expr, keys, start in spans)
    names = SimpleResultMetaData([one["name"] for one in described])
    return Shape(compiled, takers, names, merges=mergeable(compiled))


def _plain(statement: Any, key: CacheKey | None) -> Shape:
    """A union, or text: what it answers is taken column by column."""
    compiled = _compiled(statement, key)
    columns, made = compiled._result_columns, processors(compiled)
    if not columns or not compiled._ordered_columns:
        typed = zip((one.keyname for one in columns), made, strict=True)
        return Shape(compiled, None, None, {name: one for name, one in typed if one})
    takers = tuple(column(nth, made[nth]) for nth in range(len(columns)))
    return Shape(compiled, takers, SimpleResultMetaData([one.keyname for one in columns]))


def _compiled(statement: ClauseElement, key: CacheKey | None) -> SQLCompiler:
    made: SQLCompiler = DIALECT.statement_compiler(DIALECT, statement, cache_key=key)
    return made


def _processed(processor: Processor | None, value: Any) -> Any:
    return value if processor is None else processor(value)
