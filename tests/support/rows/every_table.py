"""Rows of every table of a database of any revision, as its constraints ask for.

The tables are read from the database, so that an older revision can be filled too. Names of enums
come from the models, since the database knows them as text.
"""

from collections.abc import Callable, Iterator
from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import (
    Column,
    Connection,
    Enum,
    ForeignKeyConstraint,
    MetaData,
    Table,
    insert,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from database.base import Base, uuid7
from tests.support.rows.any_row import value_of

NOT_OURS = frozenset({"alembic_version", "spatial_ref_sys"})
AREA = "SRID=4326;MULTIPOLYGON(((-8.6 41.1, -8.5 41.1, -8.5 41.2, -8.6 41.1)))"
UNIQUE = "duplicate key value"
# What check constraints ask for.
VALUES: dict[str, dict[str, Any]] = {
    "counter_sale": {
        "total_minor": 1, "tender": "CARD", "tender_type": "CARD", "cash_received_minor": None,
        "change_minor": 0,
    },
    "counter_sale_line": {"total_minor": 1},
    "one_time_code": {"address": "203.0.113.7"},
    "order_line": {"total_minor": 1},
    "product": {"weighed": False, "unit_grams": None, "average_weight_grams": None},
    "refund": {"amount_minor": 1},
    "put_back_line": dict.fromkeys(
        ("returned_quantity", "wasted_quantity", "missing_quantity", "waste_reason")
    ),
    "stock_entry": {"batch_delta": 0},
    "transfer_line": {"received": 0, "damaged": 0, "missing": 0},
}  # fmt: skip
MAKERS: dict[str, Callable[[], str]] = {
    "phone": lambda: f"+3519{uuid7().int % 10**8:08}",
    "currency": lambda: "EUR",
}


def read_tables(connection: Connection) -> MetaData:
    """The tables of a database, without partitions and those of extensions."""
    tables = MetaData()
    tables.reflect(connection, only=lambda name, _: name not in NOT_OURS and "_p2" not in name)
    return tables


class EveryTable:
    """Fills the tables of a database; what the constraints refuse is left out."""

    def __init__(self, connection: Connection, tables: MetaData) -> None:
        self.connection, self.tables = connection, tables
        self.refused: list[str] = []
        self._first: dict[str, Any] = {}
        self._accepted: dict[str, dict[str, Any]] = {}  # by table: values that were accepted

    def fill(self) -> None:
        """Rows of each table: one for each value of each enum, all columns filled in the first.

        Raises LookupError when a table stays empty.
        """
        for table in self.tables.tables.values():
            self._first_row(table)
            for values in _variants(table):
                self._try(table, values, full=False)

    def _first_row(self, table: Table) -> Any:
        if table.name not in self._first:
            for values in ({}, *_variants(table)):
                if self._try(table, values, full=True) or self._try(table, values, full=False):
                    self._accepted[table.name] = values
                    break
            else:
                reasons = [one for one in self.refused if one.startswith(f"{table.name} ")]
                raise LookupError("\n".join(reasons))
        return self._first[table.name]

    def _try(self, table: Table, values: dict[str, Any], *, full: bool) -> bool:
        """Insert a row; with parents of its own when a unique constraint refuses the first."""
        for fresh in (False, True):
            known = {**self._first}, {**self._accepted}
            try:
                with self.connection.begin_nested():
                    self.insert(table, values, full=full, fresh=fresh)
            except DBAPIError as error:
                self._first, self._accepted = known
                self.refused.append(f"{table.name} {values}: {error.orig}")
                if UNIQUE not in str(error.orig):
                    return False
            else:
                return True
        return False

    def insert(
        self, table: Table, values: dict[str, Any], *, full: bool = False, fresh: bool = False
    ) -> Any:
        """Insert a row and the rows that it refers to; new ones of these with `fresh`."""
        wanted = VALUES.get(table.name, {}).items()
        values = {name: value for name, value in wanted if name in table.c} | values
        seen: set[str] = set()
        for constraint in table.foreign_key_constraints:
            parent = constraint.referred_table.name
            # Two references to one table are to two rows: source and destination.
            self._refer(table, constraint, values, full=full, fresh=fresh or parent in seen)
            seen.add(parent)
        for column in table.columns:
            needed = full or not (column.nullable or column.server_default)
            if column.name not in values and needed and column.computed is None:
                values[column.name] = _value(column)
        row = self.connection.execute(insert(table).values(values).returning(*table.columns)).one()
        self._first.setdefault(table.name, row)
        return row

    def _refer(
        self,
        table: Table,
        constraint: ForeignKeyConstraint,
        values: dict[str, Any],
        *,
        full: bool,
        fresh: bool,
    ) -> None:
        optional = any(column.nullable for column in constraint.columns)
        parent_table = constraint.referred_table
        if (optional and not full) or values.keys() & {c.name for c in constraint.columns}:
            return
        if parent_table is table:
            values |= dict.fromkeys((c.name for c in constraint.columns), None)
            return
        parent = self._first_row(parent_table)
        if fresh:
            parent = self.insert(parent_table, self._accepted[parent_table.name], full=True)
        for column, element in zip(constraint.columns, constraint.elements, strict=True):
            values[column.name] = getattr(parent, element.column.name)


def _variants(table: Table) -> Iterator[dict[str, Any]]:
    for column in table.columns:
        for value in _enum_values(column):
            yield {column.name: value}


def _enum_values(column: Column[Any]) -> list[str]:
    known = Base.metadata.tables.get(column.table.name)
    kind = known.c[column.name].type if known is not None and column.name in known.c else None
    return list(kind.enums) if isinstance(kind, Enum) else []


def _value(column: Column[Any]) -> Any:
    if enums := _enum_values(column):
        return enums[0]
    if isinstance(column.type, Geography):
        return AREA
    if isinstance(column.type, NullType):
        return None
    make = MAKERS.get(column.name)
    return make() if make else value_of(column)
