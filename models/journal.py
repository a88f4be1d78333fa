"""What a session is about to write, as before → after pairs for the audit row."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.orm import Session

HIDDEN = "•••"
PLAIN = (str, int, float, bool, type(None))


def changes_of(session: Session) -> Iterator[dict[str, Any]]:
    """One entry a row: its table, key, and each changed column (secrets hidden)."""
    written = {"insert": session.new, "update": session.dirty, "delete": session.deleted}
    for verb, rows in written.items():
        for row in rows:
            if verb != "update" or session.is_modified(row):
                yield {"verb": verb, **_described(row, verb)}


def _described(row: Any, verb: str) -> dict[str, Any]:
    state = inspect(row)
    mapper = state.mapper
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        history = state.attrs[attribute.key].history
        if not history.has_changes():
            continue
        hide = bool(column.info.get("secret"))
        if verb != "insert" and history.deleted:
            before[attribute.key] = HIDDEN if hide else _plain(history.deleted[0])
        if history.added:
            after[attribute.key] = HIDDEN if hide else _plain(history.added[0])
    key = [_plain(getattr(row, mapper.get_property_by_column(c).key)) for c in mapper.primary_key]
    return {"table": mapper.local_table.name, "key": key, "before": before, "after": after}


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
