"""Rows of the ORM out of what the bare driver answers, kept in the session's own identity map.

What the ORM does for each row of a result costs more than the statement. The models here are plain
(a table each, no relationships), so a row is made in a few lines and is the ORM's from then on: its
changes are watched, and a row that the session knows already is not made twice.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper, Session

from database.rows import Processor, Taker, column

Values = dict[str, Any]


class Kept:
    """Takes the values of one entity out of a record; `into` makes them a row of a session."""

    __slots__ = ("_class", "_made", "_names", "_primary", "_start", "_stop")

    def __init__(
        self, mapper: Mapper[Any], keys: list[str], start: int, made: Sequence[Processor | None]
    ) -> None:
        self._class: Any = mapper.class_manager
        self._names = tuple(keys)
        self._start, self._stop = start, start + len(keys)
        self._made = [(key, one) for key, one in zip(keys, made, strict=True) if one is not None]
        self._primary = [
            start + keys.index(mapper.get_property_by_column(one).key) for one in mapper.primary_key
        ]

    def __call__(self, record: Any) -> Any:
        raise TypeError("a row of a unit of work belongs to its session: use `into`")

    def into(self, session: Session, anew: bool, record: Any) -> Any:
        """The session's row with this key; None where an outer join found nothing.

        What the session knows of the row stands, unless it is to be read `anew`.
        """
        primary = tuple([record[place] for place in self._primary])
        if primary[0] is None:
            return None
        known = session.identity_map
        key = (self._class.mapper.class_, primary, None)
        row = known.get(key)
        if row is None:
            return self._make(session, key, self._values(record))
        state, values = inspect(row), row.__dict__
        if anew:
            values.update(self._values(record))
            state._commit_all(values, known)
        elif state.expired_attributes:
            read = self._values(record)
            late = {name: read[name] for name in state.expired_attributes if name in read}
            values.update(late)
            state.expired_attributes.difference_update(late)
        return row

    def _values(self, record: Any) -> Values:
        values = dict(zip(self._names, record[self._start : self._stop], strict=True))
        for name, made in self._made:
            values[name] = made(values[name])
        return values

    def _make(self, session: Session, key: Any, values: Values) -> Any:
        row = self._class.new_instance()
        row.__dict__.update(values)
        state = inspect(row)
        state.key = key
        state.session_id = session.hash_key
        session.identity_map._add_unpresent(state, key)
        return row


def keeper(
    expression: Any, keys: list[str] | None, start: int, processors: Sequence[Processor | None]
) -> Taker:
    """Takes what `expression` stands for: a column's value, or an entity to be kept."""
    if keys is None:
        return column(start, processors[start])
    mapper = inspect(expression).mapper
    return Kept(mapper, keys, start, processors[start : start + len(keys)])


def takers(session: Session, anew: bool, of: Sequence[Taker]) -> list[Callable[[Any], Any]]:
    """The same takers, with entities going into `session`."""
    return [partial(one.into, session, anew) if isinstance(one, Kept) else one for one in of]
