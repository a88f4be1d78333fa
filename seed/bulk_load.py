"""Bulk loading with COPY: stable keys, and the models' defaults for missing columns."""

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


def stable_id(*parts: object) -> UUID:
    """A key derived from these parts, the same in every run."""
    return uuid5(NAMESPACE, "/".join(map(str, parts)))


async def insert_missing(connection: asyncpg.Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows that don't exist yet; returns how many were inserted."""
    complete_rows = [{**_defaults(table), **row} for row in rows]
    if not complete_rows:
        return 0
    names = list(complete_rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    await connection.execute(
        f'create temp table incoming as select {columns} from "{table.name}" with no data'  # noqa: S608 - names of mapped tables
    )
    records = [
        tuple(_driver_value(table.c[name], row[name]) for name in names) for row in complete_rows
    ]
    await connection.copy_records_to_table("incoming", records=records, columns=names)
    status = await connection.execute(
        f'insert into "{table.name}" ({columns}) select {columns} from incoming'  # noqa: S608 - names of mapped tables
        " on conflict do nothing"
    )
    await connection.execute("drop table incoming")
    return int(status.rsplit(" ", 1)[1])


def _defaults(table: Table) -> dict[str, Any]:
    """The models' default values by column."""
    return {column.name: _default(column) for column in table.c if column.default is not None}


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


def _driver_value(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, JSONB):
        return orjson.dumps(value).decode()
    return value.value if isinstance(value, Enum) else value
