"""Asks for many keys by one array: the statement's text stays the same however many there are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.reading import Reading

UUIDS = ARRAY(Uuid)
KEYS = bindparam("keys", type_=UUIDS)


def among(column: Any, keys: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a UUID column holds one of the keys.

    `IN` would be another text for each count of keys, each prepared anew on each connection.
    """
    held: ColumnElement[bool] = column == any_(literal(list(keys), UUIDS))
    return held


def asked(column: Any) -> ColumnElement[bool]:
    """As `among`, in a statement that is kept: the keys are given with each reading of it."""
    held: ColumnElement[bool] = column == any_(KEYS)
    return held


async def _rows(
    session: AsyncSession, statement: Any, keys: Sequence[Any], needed: Set[str] | None = None
) -> list[Any]:
    """The rows that a kept statement answers for these keys."""
    given = {"keys": list(keys)}
    if isinstance(session, Reading):
        if needed:
            return await session.narrow(statement, needed, given)
        return await session.firsts(statement, given)
    return list(await session.scalars(statement, given))


async def one_each(
    session: AsyncSession, statement: Any, keys: Sequence[Any], by: str = "id"
) -> list[Any]:
    """The row whose attribute `by` is the key, for each key; None where there is none."""
    rows = await _rows(session, statement, keys)
    get = attrgetter(by)
    found = {get(row): row for row in rows}
    return [found.get(key) for key in keys]


async def many_each(
    session: AsyncSession,
    statement: Any,
    keys: Sequence[Any],
    by: str,
    needed: Set[str] | None = None,
) -> list[list[Any]]:
    """The rows whose attribute `by` is the key, for each key, in the statement's order.

    They have no attributes but the needed ones, where it is known which are.
    """
    rows = await _rows(session, statement, keys, needed and needed | {by})
    if len(keys) == 1:
        return [rows]
    get = attrgetter(by)
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[get(row)].append(row)
    return [found[key] for key in keys]
