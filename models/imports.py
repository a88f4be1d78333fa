"""Imports of stock files, and the results of bulk adjustments."""

from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class ErrorPolicy(NamedEnum):
    """The effect of invalid rows or lines on the valid ones."""

    ALL_OR_NOTHING = auto()
    """One invalid row rejects the whole request."""
    SKIP_INVALID = auto()
    """Invalid rows are skipped and reported."""


class StockImportFormat(NamedEnum):
    """The format of a stock file, in UTF-8, UTF-16 or Windows-1252."""

    CSV = auto()
    """Values separated by comma, semicolon, tab or bar, with a header line."""
    JSONL = auto()
    """One JSON object on each line."""


class StockImportMode(NamedEnum):
    """The meaning of a quantity in a stock file."""

    SET = auto()
    """The total onHand at the time of the file: without sold units that are not picked yet."""
    ADD = auto()
    """Units to add, or to remove if negative."""


class StockImportStatus(NamedEnum):
    """The status of a stock import."""

    QUEUED = auto()
    """Waits for a worker."""
    READING = auto()
    """The file is being read."""
    CHECKING = auto()
    """Stores and products of the rows are being resolved."""
    APPLYING = auto()
    """Rows are being applied to stock."""
    COMPLETED = auto()
    """All valid rows are applied. Final."""
    FAILED = auto()
    """The import was stopped; see failure. Final."""


class StockImportErrorCode(NamedEnum):
    """The problem of an invalid row."""

    MALFORMED = auto()
    """The line cannot be parsed."""
    UNKNOWN_STORE = auto()
    """No such store among those of the importer."""
    UNKNOWN_PRODUCT = auto()
    """No product has this code or barcode."""
    INVALID_QUANTITY = auto()
    """The quantity is not a number in range."""
    DAMAGED = auto()
    """A spreadsheet has changed the value: a date, a shortened number, lost zeros."""
    REPEATED = auto()
    """An earlier row has the same store and product."""
    BELOW_RESERVED = auto()
    """Fewer units would be left than are reserved."""
    TOO_MANY = auto()
    """More units would result than a store may have."""


class StockImportFile(Entity):
    """An uploaded file, to be imported within a day; `head` is how it begins."""

    __tablename__ = "stock_upload"
    __table_args__ = (Index("ix_stock_upload_person", "person_id", "created_at"),)

    person_id: Mapped[UUID] = foreign_key("person.id")
    name: Mapped[str] = mapped_column(default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes | None]
    created_at: Mapped[datetime] = default_now()


class StockImport(Entity):
    """The import of one file and its progress.

    `stores` are those that its rows may name; None means every store of the company. `as_of` is
    when the quantities of a SET file were true. `place_bytes` and `place_lines` are how far the
    file is read, `place_rows` the last applied line.
    """

    __tablename__ = "stock_import"
    __table_args__ = (
        Index("ix_stock_import_company", "company_id", "id"),
        Index(
            "ix_stock_import_live",
            "id",
            postgresql_where=text("status not in ('COMPLETED','FAILED')"),
        ),
        CheckConstraint("processed_row_count >= 0 and failed_row_count >= 0", name="counts"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    upload_id: Mapped[UUID] = mapped_column(unique=True)
    started_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    stores: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    file_name: Mapped[str] = mapped_column(default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[StockImportFormat]
    mode: Mapped[StockImportMode]
    error_policy: Mapped[ErrorPolicy]
    status: Mapped[StockImportStatus] = mapped_column(default=StockImportStatus.QUEUED)
    place_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    place_lines: Mapped[int] = mapped_column(default=0)
    place_rows: Mapped[int] = mapped_column(default=0)
    row_count: Mapped[int] = mapped_column(default=0)
    processed_row_count: Mapped[int] = mapped_column(default=0)
    failed_row_count: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(default="")
    tries: Mapped[int] = mapped_column(default=0)
    as_of: Mapped[datetime] = default_now()
    started_at: Mapped[datetime] = default_now()
    finished_at: Mapped[datetime | None]


class StockImportRow(Base):
    """A row of an import: its cells, the resolved store and product, and its problem if any.

    Valid rows are deleted when the import ends; invalid ones are kept for the error report.
    """

    __tablename__ = "stock_import_row"
    __table_args__ = (
        Index(
            "ix_stock_import_row_bad",
            "import_id",
            "number",
            postgresql_where=text("code is not null"),
        ),
    )

    import_id: Mapped[UUID] = foreign_key("stock_import.id", primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    store: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[str]
    units: Mapped[int | None]
    store_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None]
    code: Mapped[StockImportErrorCode | None]
    field: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")

    @property
    def line_number(self) -> int:
        """The number of the line in the file, from 1."""
        return self.number


class StockBulkUpdate(Entity):
    """The result of a bulk adjustment: applied lines, and the problems of the others."""

    __tablename__ = "stock_set"

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    actor_id: Mapped[UUID | None]
    error_policy: Mapped[ErrorPolicy]
    applied_count: Mapped[int] = mapped_column(default=0)
    unchanged_count: Mapped[int] = mapped_column(default=0)
    refused: Mapped[dict[str, Any]] = mapped_column(default=dict)
    applied_at: Mapped[datetime] = default_now()
