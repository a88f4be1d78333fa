"""What every table shares: a time-ordered key, names of constraints, enums as checked text."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    MetaData,
    Text,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def first_uuid7_at(unix_seconds: float) -> UUID:
    """The lowest key of a time: rows inserted before it have a lower one."""
    return UUID(int=int(unix_seconds * 1_000) << 80)


UUID7_SQL = """encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(
        int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
    ) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid"""
"""The same as an SQL expression, for statements that insert many rows."""


class NamedEnum(StrEnum):
    """An enum whose stored value is its own name: graph, event log and row show the same."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        return name


def enum_literals(values: Iterable[NamedEnum]) -> list[ColumnElement[str]]:
    """The values for an `in_` of a prepared statement, whose text parameters would make vary."""
    return [literal_column(f"'{one}'") for one in sorted(values)]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        NamedEnum: Enum(NamedEnum, native_enum=False, length=40, create_constraint=False),
    }


class Entity(Base):
    """A table whose primary key is one time-ordered UUID."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)

    def __init__(self, **columns: Any) -> None:
        """Set the key at once, so that rows can refer to each other before a flush."""
        columns.setdefault("id", uuid7())
        super().__init__(**columns)


DERIVED = "derived"
"""The key of a column's `info` that holds its Derivation."""


class Derivation(NamedTuple):
    """How a column is computed from the `sources`, columns of the same row."""

    build: Callable[[Mapping[str, Any]], Any]
    sources: tuple[str, ...]


def minor_units(**options: Any) -> MappedColumn[int]:
    """A column for an amount of money in minor units of the row's currency."""
    return mapped_column(BigInteger, **options)


def default_now(**options: Any) -> MappedColumn[datetime]:
    """A column for the moment of the insert, by the database's clock."""
    return mapped_column(server_default=func.now(), **options)


def foreign_key(target: str, *, index: bool = False, **options: Any) -> MappedColumn[UUID]:
    """A foreign key without cascades: no row of the business is deleted along with another."""
    return mapped_column(ForeignKey(target), index=index, **options)
