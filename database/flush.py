"""Writes what a unit of work has changed: an insert or an update for each model and set of columns.

The ORM's own flush sorts out relationships and inheritance, of which there are none here, and costs
more than the statement it makes. Statements are made once for each model and set of columns; rows
that want the same one share a trip. What needs more (rows that are deleted, keys that change,
values that are SQL) is left to the ORM.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.orm import Mapper, Session

from database.audit import changed
from database.statement_writer import Names, Pen, State, columns_of, insert, update
from database.statements import Heard, Shapes


async def flush(session: Session, driver: Any, shapes: Shapes, heard: Heard | None = None) -> bool:
    """Write what is new and what has changed; False, and nothing done, when the ORM has to.

    Raises StaleDataError when a row that was to change is gone, or not this scope's to change.
    """
    if session._deleted:
        return False
    new = list(session._new)
    dirty = [state for state in session.identity_map._modified if state.key is not None]
    wanted = {state: _changed(state) for state in dirty}
    if not all(map(_plain, new)) or any(names is None for names in wanted.values()):
        return False
    by = Pen(driver, shapes, heard)
    for mapper, states in _by_model(new):
        await update(mapper, _taken(wanted, mapper), by)
        await insert(mapper, states, by)
    for mapper in sorted({state.mapper for state in wanted}, key=lambda one: one.class_.__name__):
        await update(mapper, _taken(wanted, mapper), by)
    written = {*new, *dirty}
    for state in new:
        state.key = state.mapper._identity_key_from_state(state)
    session._register_persistent(written)
    for state in written:
        state._commit_all(state.dict, session.identity_map)
    return True


def _taken(wanted: dict[State, Names | None], mapper: Mapper[Any]) -> list[tuple[State, Names]]:
    """The changed rows of one model, which are taken out of `wanted`, in the order of keys."""
    mine = [state for state in wanted if state.mapper is mapper]
    found = [(state, wanted.pop(state) or ()) for state in mine]
    return sorted(
        ((state, names) for state, names in found if names), key=lambda one: one[0].key[1]
    )


def _by_model(states: Iterable[State]) -> list[tuple[Mapper[Any], list[State]]]:
    """The rows of each model, models in the order in which the first of their rows was added."""
    found: dict[Mapper[Any], list[State]] = {}
    for state in sorted(states, key=lambda one: one.insert_order):
        found.setdefault(state.mapper, []).append(state)
    return list(found.items())


def _changed(state: State) -> Names | None:
    """The changed columns; None when only the ORM can write them."""
    now, columns = state.dict, columns_of(state.mapper)
    names = tuple(sorted(changed(state)))
    for name in names:
        if isinstance(now[name], ClauseElement) or columns[name].primary_key:
            return None
    return names


def _plain(state: State) -> bool:
    """Whether a new row holds plain values only, its key among them or made in Python."""
    columns, values = columns_of(state.mapper), state.dict
    for name, column in columns.items():
        value = values.get(name)
        if isinstance(value, ClauseElement):
            return False
        if value is None and (column.type.should_evaluate_none or _made_elsewhere(column)):
            return False
    return True


def _made_elsewhere(column: Any) -> bool:
    """Whether a value that is missing comes from neither Python nor a default of the table."""
    default = column.default
    if default is not None:
        return not (default.is_scalar or default.is_callable)
    return bool(column.primary_key and column.server_default is None)
