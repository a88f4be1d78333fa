"""A row of any table: what the table asks for, and nothing else."""

from datetime import UTC, date, datetime, time
from secrets import token_bytes, token_hex
from typing import Any

from sqlalchemy import ARRAY, Column, Enum, LargeBinary, Row, Table, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7

BY_TYPE: dict[type, Any] = {int: 1, float: 0.0, bool: False, time: time(8)}


async def insert_row(session: AsyncSession, table: Table, **values: Any) -> Row[Any]:
    """Insert a row with these values; rows that it refers to are taken, or inserted as well."""
    for constraint in table.foreign_key_constraints:
        parents = {column.name: one.column for column, one in _pairs(constraint)}
        is_optional = any(column.nullable for column in constraint.columns)
        if is_optional or values.keys() & parents.keys():
            continue
        parent = await any_row(session, next(iter(parents.values())).table)
        values |= {name: getattr(parent, column.name) for name, column in parents.items()}
    for column in table.columns:
        is_filled = column.nullable or column.computed is not None or column.server_default
        if column.name not in values and not is_filled:
            values[column.name] = value_of(column)
    keys: Any = list(table.primary_key)
    return (await session.execute(insert(table).values(values).returning(*keys))).one()


async def any_row(session: AsyncSession, table: Table) -> Row[Any]:
    """The row of a table that comes first; a new one if there is none."""
    first = select(table).limit(1)
    row = (await session.execute(first)).first()
    if row is None:
        await insert_row(session, table)
        row = (await session.execute(first)).one()
    return row


def _pairs(constraint: Any) -> Any:
    return zip(constraint.columns, constraint.elements, strict=True)


def value_of(column: Column[Any]) -> Any:
    """A value of the column's type, a new one where uniqueness may ask for it."""
    kind = column.type
    if isinstance(kind, Enum):
        return kind.enums[0]
    if isinstance(kind, ARRAY):
        return []
    if isinstance(kind, JSONB):
        return {}
    if column.name.endswith("_minor"):
        return int(column.name.endswith("price_minor"))
    if isinstance(kind, LargeBinary):
        return token_bytes(8)
    python_type = kind.python_type
    if python_type is datetime:
        return datetime.now(UTC)
    if python_type is date:
        return datetime.now(UTC).date()
    if python_type is str:
        return token_hex(4)
    return uuid7() if python_type.__name__ == "UUID" else BY_TYPE[python_type]
