"""Rows for bulk loading: stable keys, columns filled with the models' own defaults, COPY."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import orjson
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB

NAMESPACE = UUID("5a6d0c1e-2f70-5b61-9d0e-d47a5704e000")
Row = Mapping[str, Any]


def key(*parts: object) -> UUID:
    """The same key for the same thing, however often it is loaded."""
    return uuid5(NAMESPACE, "/".join(map(str, parts)))


async def load(connection: asyncpg.Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows that are not there yet and answer how many those were."""
    complete = [{**_defaults(table), **row} for row in rows]
    if not complete:
        return 0
    names = list(complete[0])
    columns = ", ".join(f'"{name}"' for name in names)
    await connection.execute(
        f'create temp table incoming as select {columns} from "{table.name}" with no data'  # noqa: S608 - names of our own tables
    )
    records = [tuple(_plain(table.c[name], row[name]) for name in names) for row in complete]
    await connection.copy_records_to_table("incoming", records=records, columns=names)
    written = await connection.execute(
        f'insert into "{table.name}" ({columns}) select {columns} from incoming'  # noqa: S608 - names of our own tables
        " on conflict do nothing"
    )
    await connection.execute("drop table incoming")
    return int(written.rsplit(" ", 1)[1])


def _defaults(table: Table) -> dict[str, Any]:
    """What the models would fill in by themselves."""
    return {column.name: _default(column) for column in table.c if column.default is not None}


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


def _plain(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, JSONB):
        return orjson.dumps(value).decode()
    return value.value if isinstance(value, Enum) else value
