"""Writes what a session has changed: one insert or update per model and set of columns.

The ORM's own flush sorts out relationships and inheritance, which the models don't have, and costs
more than the statement it makes. Statements are made once per model and set of columns; rows that
need the same one share a round trip. Deleted rows, changed keys and values that are SQL expressions
are left to the ORM.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, Session

from database.audit import changed_attributes
from database.base import DERIVED, Derivation
from database.sqlalchemy_internals import (
    commit_state,
    deleted_states,
    identity_key,
    modified_states,
    new_states,
    register_persistent,
)
from database.statement_writer import (
    ColumnNames,
    State,
    StatementWriter,
    insert,
    update,
    writable_columns,
)


async def flush(session: Session, writer: StatementWriter) -> bool:
    """Write new and changed rows; False, with nothing done, when only the ORM can.

    Raises StaleDataError when a row to be updated is gone or outside the scope.
    """
    if deleted_states(session):
        return False
    new = list(new_states(session))
    dirty = [state for state in modified_states(session) if state.key is not None]
    changes = {state: _changed_columns(state) for state in dirty}
    if not all(map(_has_plain_values, new)) or any(names is None for names in changes.values()):
        return False
    for mapper, states in _by_model(new):
        await update(mapper, _take(changes, mapper), writer)
        await insert(mapper, states, writer)
    for mapper in sorted({state.mapper for state in changes}, key=lambda one: one.class_.__name__):
        await update(mapper, _take(changes, mapper), writer)
    written = {*new, *dirty}
    for state in new:
        state.key = identity_key(state.mapper, state)
    register_persistent(session, written)
    for state in written:
        commit_state(state, state.dict, session.identity_map)
    return True


def _take(
    changes: dict[State, ColumnNames | None], mapper: Mapper[Any]
) -> list[tuple[State, ColumnNames]]:
    """Remove one model's rows from `changes`; those with changed columns, in the order of keys."""
    states = [state for state in changes if state.mapper is mapper]
    taken = [(state, changes.pop(state) or ()) for state in states]
    return sorted(
        ((state, names) for state, names in taken if names), key=lambda one: one[0].key[1]
    )


def _by_model(states: Iterable[State]) -> list[tuple[Mapper[Any], list[State]]]:
    """The rows of each model, models in the order in which the first of their rows was added."""
    by_mapper: dict[Mapper[Any], list[State]] = {}
    for state in sorted(states, key=lambda one: one.insert_order):
        by_mapper.setdefault(state.mapper, []).append(state)
    return list(by_mapper.items())


def _changed_columns(state: State) -> ColumnNames | None:
    """The changed columns; None when only the ORM can write them."""
    now, columns = state.dict, writable_columns(state.mapper)
    names = tuple(sorted(changed_attributes(state)))
    for name in names:
        if isinstance(now[name], ClauseElement) or columns[name].primary_key:
            return None
    return names


def _has_plain_values(state: State) -> bool:
    """Whether a new row has no SQL expressions, and its key is set or made in Python."""
    columns, values = writable_columns(state.mapper), state.dict
    for name, column in columns.items():
        value = values.get(name)
        if isinstance(value, ClauseElement):
            return False
        if value is None and (column.type.should_evaluate_none or _needs_orm_default(column)):
            return False
    return True


def _needs_orm_default(column: Any) -> bool:
    """Whether a missing value comes from neither Python nor a default of the table."""
    default = column.default
    if default is not None:
        return not (default.is_scalar or default.is_callable)
    return bool(column.primary_key and column.server_default is None)


@cache
def derivations(mapper: Mapper[Any]) -> Mapping[str, Derivation]:
    """The derived columns of a model, by the names of their attributes."""
    infos = {one.key: one.columns[0].info for one in mapper.column_attrs}
    return {name: info[DERIVED] for name, info in infos.items() if DERIVED in info}


async def derive(session: AsyncSession) -> None:
    """Compute the derived columns of the session's new rows, and of rows with a changed source.

    Reads sources that are not loaded. Statements that write a source without the ORM write the
    derived column themselves.
    """
    for state in new_states(session.sync_session):
        for name, derivation in derivations(state.mapper).items():
            setattr(state.obj(), name, derivation.build(state.dict))
    for state in list(modified_states(session.sync_session)):
        for name, derivation in derivations(state.mapper).items():
            if changed_attributes(state).keys() & set(derivation.sources):
                missing = [source for source in derivation.sources if source not in state.dict]
                row = state.obj()
                with session.no_autoflush:
                    if missing:
                        await session.refresh(row, missing)
                setattr(row, name, derivation.build(state.dict))
