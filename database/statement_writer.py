"""Inserts and updates of rows, by statements made once for each model and set of columns."""

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

from database.statements import Heard, Shapes, kept

Names = tuple[str, ...]
State = Any
"""What the ORM knows of a row: no public type has its parts."""


@cache
def columns_of(mapper: Mapper[Any]) -> Mapping[str, Any]:
    """The columns that can be written, by the names of their attributes."""
    found = {one.key: one.columns[0] for one in mapper.column_attrs}
    return {name: column for name, column in found.items() if column.computed is None}


@dataclass(frozen=True, slots=True)
class Pen:
    """With what is written: the driver's connection, the statements known, and who counts them."""

    driver: Any
    shapes: Shapes
    heard: Heard | None = None

    async def write(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Run a statement for each row; answers what it returns for each, if it returns something.

        Raises SQLAlchemy's IntegrityError, as its own flush does.
        """
        asked = [self.shapes.asked(statement, values) for values in rows]
        shape, text, _ = asked[0]
        if self.heard is not None:
            self.heard(text)
        try:
            made = await self.driver.fetchmany(text, [values for _, _, values in asked])
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(text, None, error) from error
        return shape.result(made).all() if made else ()


async def insert(mapper: Mapper[Any], states: Sequence[State], by: Pen) -> None:
    """Insert rows of one model; what the table itself fills in is read back into them."""
    alike: defaultdict[Names, list[State]] = defaultdict(list)
    for state in states:
        alike[_filled(state)].append(state)
    for names, rows in alike.items():
        back = _made_by_table(mapper, names)
        statement = _insertion(mapper, names, back)
        given = [{name: row.dict[name] for name in names} for row in rows]
        made = await by.write(statement, given)
        for row, record in zip(rows, made, strict=bool(back)):
            row.dict.update(zip(back, record, strict=True))


async def update(mapper: Mapper[Any], changed: Sequence[tuple[State, Names]], by: Pen) -> None:
    """Write the changed columns of rows of one model, in the order given.

    Raises StaleDataError when a row is gone, or not this scope's to change.
    """
    alike: defaultdict[Names, list[State]] = defaultdict(list)
    for state, names in changed:
        alike[names].append(state)
    for names, rows in alike.items():
        statement = _change(mapper, names)
        given = [_to_change(row, names) for row in rows]
        if len(await by.write(statement, given)) != len(rows):
            raise StaleDataError(f"rows of {mapper.class_.__name__} were not there to change")


def _filled(state: State) -> Names:
    """Give a new row the defaults of Python; answers what is to be written of it."""
    values, names = state.dict, []
    for name, column in columns_of(state.mapper).items():
        if values.get(name) is None:
            made = _default(column)
            if made is None and column.server_default is not None:
                continue
            values[name] = made
        names.append(name)
    return tuple(names)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg


@cache
def _made_by_table(mapper: Mapper[Any], names: Names) -> Names:
    """What a row of these columns gets from the table, but for what is read only when asked for."""
    late = {one.key for one in mapper.column_attrs if one.deferred}
    return tuple(name for name in columns_of(mapper) if name not in names and name not in late)


@cache
def _insertion(mapper: Mapper[Any], names: Names, back: Names) -> Insert:
    columns: Any = columns_of(mapper)
    table: Any = mapper.local_table
    given = {columns[name]: bindparam(name, type_=columns[name].type) for name in names}
    made: Insert = table.insert().values(given)
    return kept(made.returning(*(columns[name] for name in back)) if back else made)


@cache
def _change(mapper: Mapper[Any], names: Names) -> Update:
    columns: Any = columns_of(mapper)
    table: Any = mapper.local_table
    given = {columns[name]: bindparam(name, type_=columns[name].type) for name in names}
    here = (
        column == bindparam(f"its_{nth}", type_=column.type)
        for nth, column in enumerate(mapper.primary_key)
    )
    made: Update = table.update().where(*here).values(given)
    return kept(made.returning(literal(1)))


def _to_change(state: State, names: Names) -> dict[str, Any]:
    key = {f"its_{nth}": value for nth, value in enumerate(state.key[1])}
    return {name: state.dict[name] for name in names} | key
