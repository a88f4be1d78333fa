"""Who writes, and what a session is about to write: values before and after, for the audit row."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.orm import NO_VALUE, Mapper, Session

HIDDEN = "•••"
MAX_TEXT_LENGTH = 200
JSON_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Who writes, by which action and from where, for the audit row."""

    action: str
    actor_id: UUID | None = None
    address: str = ""
    request_id: str = ""


def row_changes(session: Session) -> Iterator[dict[str, Any]]:
    """One entry per changed row: its table, key and each changed column (secrets hidden)."""
    for row in session.new:
        yield _row_change(row, "insert", {}, _columns(row.__mapper__))
    for row in session.dirty:
        before = changed_attributes(inspect(row))
        if before:
            yield _row_change(row, "update", before, before)
    for row in session.deleted:
        yield _row_change(row, "delete", changed_attributes(inspect(row)), ())


@cache
def _columns(mapper: Mapper[Any]) -> dict[str, bool]:
    """The names of the column attributes, and whether each is a secret."""
    attributes = mapper.column_attrs
    return {one.key: bool(one.columns[0].info.get("secret")) for one in attributes}


@cache
def _key(mapper: Mapper[Any]) -> tuple[str, ...]:
    return tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)


def changed_attributes(state: Any) -> dict[str, Any]:
    """The previous values of the changed attributes; NO_VALUE for one that was never loaded."""
    columns, now = _columns(state.mapper), state.dict
    return {
        name: before
        for name, before in state.committed_state.items()
        if name in columns and name in now and (before is NO_VALUE or before != now[name])
    }


def _row_change(
    row: Any, verb: str, before: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    secret, now = _columns(row.__mapper__), inspect(row).dict
    return {
        "verb": verb,
        "table": row.__table__.name,
        "key": [_json_value(getattr(row, name)) for name in _key(row.__mapper__)],
        "before": {
            name: HIDDEN if secret[name] else _json_value(value)
            for name, value in before.items()
            if value is not NO_VALUE
        },
        "after": {
            name: HIDDEN if secret[name] else _json_value(now[name])
            for name in names
            if name in now
        },
    }


def _json_value(value: Any) -> Any:
    if isinstance(value, JSON_SCALARS):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return value
    return str(value)[:MAX_TEXT_LENGTH]
