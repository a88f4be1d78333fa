"""What a session is about to write, as before → after pairs for the audit row."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.base import NO_VALUE

HIDDEN = "•••"
PLAIN = (str, int, float, bool, type(None))


def changes_of(session: Session) -> Iterator[dict[str, Any]]:
    """One entry a row: its table, key, and each changed column (secrets hidden)."""
    for row in session.new:
        yield _described(row, "insert", {}, _columns(row.__mapper__))
    for row in session.dirty:
        before = changed(inspect(row))
        if before:
            yield _described(row, "update", before, before)
    for row in session.deleted:
        yield _described(row, "delete", changed(inspect(row)), ())


@cache
def _columns(mapper: Mapper[Any]) -> dict[str, bool]:
    """The attributes that a table keeps, and whether each is a secret."""
    kept = mapper.column_attrs
    return {one.key: bool(one.columns[0].info.get("secret")) for one in kept}


@cache
def _key(mapper: Mapper[Any]) -> tuple[str, ...]:
    return tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)


def changed(state: Any) -> dict[str, Any]:
    """What the changed attributes were; NO_VALUE where that was never loaded."""
    columns, now = _columns(state.mapper), state.dict
    return {
        name: was
        for name, was in state.committed_state.items()
        if name in columns and name in now and (was is NO_VALUE or was != now[name])
    }


def _described(
    row: Any, verb: str, before: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    secret, now = _columns(row.__mapper__), inspect(row).dict
    return {
        "verb": verb,
        "table": row.__table__.name,
        "key": [_plain(getattr(row, name)) for name in _key(row.__mapper__)],
        "before": {
            name: HIDDEN if secret[name] else _plain(was)
            for name, was in before.items()
            if was is not NO_VALUE
        },
        "after": {
            name: HIDDEN if secret[name] else _plain(now[name]) for name in names if name in now
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, PLAIN):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return value
    return str(value)[:200]
