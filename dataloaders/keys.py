"""Reads rows by an array of keys: the statement's text is the same for any number of keys."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.read_pool import read_rows

UUIDS = ARRAY(Uuid)
KEYS = bindparam("keys", type_=UUIDS)


def in_keys(column: Any, keys: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a UUID column has one of the keys.

    `IN` would be another text for each number of keys, each prepared again on each connection.
    """
    condition: ColumnElement[bool] = column == any_(literal(list(keys), UUIDS))
    return condition


def matches_keys(column: Any) -> ColumnElement[bool]:
    """As `in_keys`, for a prepared statement, whose parameter `keys` has the keys."""
    condition: ColumnElement[bool] = column == any_(KEYS)
    return condition


async def one_per_key(
    session: AsyncSession, statement: Any, keys: Sequence[Any], by: str = "id"
) -> list[Any]:
    """The row whose attribute `by` is the key, for each key; None where there is none."""
    rows = await read_rows(session, statement, {"keys": list(keys)})
    get = attrgetter(by)
    by_key = {get(row): row for row in rows}
    return [by_key.get(key) for key in keys]


async def many_per_key(
    session: AsyncSession,
    statement: Any,
    keys: Sequence[Any],
    by: str,
    attributes: Set[str] | None = None,
) -> list[list[Any]]:
    """The rows whose attribute `by` is the key, for each key, in the statement's order.

    With `attributes`, the rows have only these and their key.
    """
    needed = attributes and attributes | {by}
    rows = await read_rows(session, statement, {"keys": list(keys)}, needed)
    if len(keys) == 1:
        return [rows]
    get = attrgetter(by)
    by_key: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        by_key[get(row)].append(row)
    return [by_key[key] for key in keys]
