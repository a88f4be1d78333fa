"""Inserts and updates rows by statements that are made once per model and set of columns."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
from sqlalchemy import Insert, Update, bindparam, literal
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.exc import StaleDataError

from database.statements import StatementCache, StatementObserver, prepared

ColumnNames = tuple[str, ...]
State = Any
"""SQLAlchemy's InstanceState of a row; its type does not declare all attributes used here."""


@cache
def writable_columns(mapper: Mapper[Any]) -> Mapping[str, Any]:
    """The columns that can be written, by the names of their attributes."""
    columns = {one.key: one.columns[0] for one in mapper.column_attrs}
    return {name: column for name, column in columns.items() if column.computed is None}


@dataclass(frozen=True, slots=True)
class StatementWriter:
    """Runs statements for many rows on the driver's connection."""

    driver: Any
    statement_cache: StatementCache
    observer: StatementObserver | None = None

    async def write(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Run a statement for each row; the rows that it returns, if it returns any.

        Raises SQLAlchemy's IntegrityError, as its own flush does.
        """
        bound = [self.statement_cache.bind(statement, values) for values in rows]
        compiled, text, _ = bound[0]
        if self.observer is not None:
            self.observer(text)
        try:
            records = await self.driver.fetchmany(text, [values for _, _, values in bound])
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(text, None, error) from error
        return compiled.result(records).all() if records else ()


async def insert(mapper: Mapper[Any], states: Sequence[State], writer: StatementWriter) -> None:
    """Insert rows of one model, and set the values that the table itself fills in."""
    by_columns: defaultdict[ColumnNames, list[State]] = defaultdict(list)
    for state in states:
        by_columns[_fill_defaults(state)].append(state)
    for names, rows in by_columns.items():
        returned = _filled_by_table(mapper, names)
        statement = _insert_statement(mapper, names, returned)
        values = [{name: row.dict[name] for name in names} for row in rows]
        records = await writer.write(statement, values)
        for row, record in zip(rows, records, strict=bool(returned)):
            row.dict.update(zip(returned, record, strict=True))


async def update(
    mapper: Mapper[Any], changes: Sequence[tuple[State, ColumnNames]], writer: StatementWriter
) -> None:
    """Write the changed columns of rows of one model, in the given order.

    Raises StaleDataError when a row is gone or outside the scope.
    """
    by_columns: defaultdict[ColumnNames, list[State]] = defaultdict(list)
    for state, names in changes:
        by_columns[names].append(state)
    for names, rows in by_columns.items():
        statement = _update_statement(mapper, names)
        values = [_update_values(row, names) for row in rows]
        if len(await writer.write(statement, values)) != len(rows):
            raise StaleDataError(f"rows of {mapper.class_.__name__} were not there to change")


def _fill_defaults(state: State) -> ColumnNames:
    """Give a new row the defaults made in Python; the columns that are to be written."""
    values, names = state.dict, []
    for name, column in writable_columns(state.mapper).items():
        if values.get(name) is None:
            default = _default(column)
            if default is None and column.server_default is not None:
                continue
            values[name] = default
        names.append(name)
    return tuple(names)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg


@cache
def _filled_by_table(mapper: Mapper[Any], names: ColumnNames) -> ColumnNames:
    """The columns that the table fills in for such a row, without deferred ones."""
    deferred = {one.key for one in mapper.column_attrs if one.deferred}
    return tuple(
        name for name in writable_columns(mapper) if name not in names and name not in deferred
    )


@cache
def _insert_statement(mapper: Mapper[Any], names: ColumnNames, returned: ColumnNames) -> Insert:
    columns: Any = writable_columns(mapper)
    table: Any = mapper.local_table
    values = {columns[name]: bindparam(name, type_=columns[name].type) for name in names}
    statement: Insert = table.insert().values(values)
    if returned:
        statement = statement.returning(*(columns[name] for name in returned))
    return prepared(statement)


@cache
def _update_statement(mapper: Mapper[Any], names: ColumnNames) -> Update:
    columns: Any = writable_columns(mapper)
    table: Any = mapper.local_table
    values = {columns[name]: bindparam(name, type_=columns[name].type) for name in names}
    is_row = (
        column == bindparam(f"its_{nth}", type_=column.type)
        for nth, column in enumerate(mapper.primary_key)
    )
    statement: Update = table.update().where(*is_row).values(values)
    return prepared(statement.returning(literal(1)))


def _update_values(state: State, names: ColumnNames) -> dict[str, Any]:
    key = {f"its_{nth}": value for nth, value in enumerate(state.key[1])}
    return {name: state.dict[name] for name in names} | key
