"""Bulk loading with COPY: stable keys, and the models' defaults for missing columns."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import orjson
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from database.base import DERIVED

NAMESPACE = UUID("5a6d0c1e-2f70-5b61-9d0e-d47a5704e000")
Row = Mapping[str, Any]


def stable_id(*parts: object) -> UUID:
    """A key derived from these parts, the same in every run."""
    return uuid5(NAMESPACE, "/".join(map(str, parts)))


async def insert_missing(connection: asyncpg.Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows that don't exist yet; returns how many were inserted."""
    complete_rows = [_with_defaults(table, row) for row in rows]
    if not complete_rows:
        return 0
    names = list(complete_rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    # COPY in binary form has no form of a tsvector, so such a column comes as text.
    vectors = {name for name in names if isinstance(table.c[name].type, TSVECTOR)}
    as_text = ", ".join(f'"{name}"::text' if name in vectors else f'"{name}"' for name in names)
    stored = ", ".join(f'"{name}"::tsvector' if name in vectors else f'"{name}"' for name in names)
    await connection.execute(
        f'create temp table incoming as select {as_text} from "{table.name}" with no data'  # noqa: S608 - names of mapped tables
    )
    records = [
        tuple(_driver_value(table.c[name], row[name]) for name in names) for row in complete_rows
    ]
    await connection.copy_records_to_table("incoming", records=records, columns=names)
    status = await connection.execute(
        f'insert into "{table.name}" ({columns}) select {stored} from incoming'  # noqa: S608 - names of mapped tables
        " on conflict do nothing"
    )
    await connection.execute("drop table incoming")
    return int(status.rsplit(" ", 1)[1])


def _with_defaults(table: Table, row: Row) -> dict[str, Any]:
    """The row with the models' default values for missing columns."""
    complete = {column.name: _default(column) for column in table.c if column.default is not None}
    complete |= row
    for column in table.c:
        if (derivation := column.info.get(DERIVED)) is not None:
            complete[column.name] = derivation.build(complete)
    return complete


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


def _driver_value(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, JSONB):
        return orjson.dumps(value).decode()
    return value.value if isinstance(value, Enum) else value
