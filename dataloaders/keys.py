"""Asks for many keys by one array: the statement's text stays the same however many there are."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

UUIDS = ARRAY(Uuid)


def among(column: Any, keys: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a UUID column holds one of the keys.

    `IN` would be another text for each count of keys, each prepared anew on each connection.
    """
    held: ColumnElement[bool] = column == any_(literal(list(keys), UUIDS))
    return held
