"""Builds ORM entities from asyncpg records and registers them in the session's identity map.

What the ORM does for each row of a result costs more than the statement. The models here are plain
(one table each, no relationships), so a row is built in a few lines and is the ORM's from then on:
its changes are tracked, and a row that the session holds already is not built twice.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper, Session

from database.rows import Processor, RowReader, column_reader
from database.sqlalchemy_internals import add_to_identity_map, commit_state

Values = dict[str, Any]


class EntityLoader:
    """Reads the values of one entity from a record; `load` puts it into a session."""

    __slots__ = ("_class_manager", "_names", "_primary_key", "_processors", "_start", "_stop")

    def __init__(
        self,
        mapper: Mapper[Any],
        keys: list[str],
        start: int,
        processors: Sequence[Processor | None],
    ) -> None:
        self._class_manager: Any = mapper.class_manager
        self._names = tuple(keys)
        self._start, self._stop = start, start + len(keys)
        self._processors = [
            (key, one) for key, one in zip(keys, processors, strict=True) if one is not None
        ]
        self._primary_key = [
            start + keys.index(mapper.get_property_by_column(one).key) for one in mapper.primary_key
        ]

    def __call__(self, record: Any) -> Any:
        raise TypeError("an entity belongs to a session: use `load`")

    def load(self, session: Session, refresh: bool, record: Any) -> Any:
        """The session's row with this key; None where an outer join found nothing.

        Attributes that the session has loaded keep their values, unless `refresh`.
        """
        primary_key = tuple([record[place] for place in self._primary_key])
        if primary_key[0] is None:
            return None
        identity_map = session.identity_map
        key = (self._class_manager.mapper.class_, primary_key, None)
        row = identity_map.get(key)
        if row is None:
            return self._add(session, key, self._values(record))
        state, values = inspect(row), row.__dict__
        if refresh:
            values.update(self._values(record))
            commit_state(state, values, identity_map)
        elif state.expired_attributes:
            read = self._values(record)
            expired = {name: read[name] for name in state.expired_attributes if name in read}
            values.update(expired)
            state.expired_attributes.difference_update(expired)
        return row

    def _values(self, record: Any) -> Values:
        values = dict(zip(self._names, record[self._start : self._stop], strict=True))
        for name, process in self._processors:
            values[name] = process(values[name])
        return values

    def _add(self, session: Session, key: Any, values: Values) -> Any:
        row = self._class_manager.new_instance()
        row.__dict__.update(values)
        state = inspect(row)
        state.key = key
        state.session_id = session.hash_key
        add_to_identity_map(session.identity_map, state, key)
        return row


def entity_reader(
    expression: Any, keys: list[str] | None, start: int, processors: Sequence[Processor | None]
) -> RowReader:
    """Reads a column's value or, if `expression` is a mapped class, an entity from a record."""
    if keys is None:
        return column_reader(start, processors[start])
    mapper = inspect(expression).mapper
    return EntityLoader(mapper, keys, start, processors[start : start + len(keys)])


def bind_readers(
    session: Session, refresh: bool, readers: Sequence[RowReader]
) -> list[Callable[[Any], Any]]:
    """The same readers, with entities going into `session`."""
    return [
        partial(one.load, session, refresh) if isinstance(one, EntityLoader) else one
        for one in readers
    ]
