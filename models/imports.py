from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers


class ErrorPolicy(Named):
    """What bad lines do to the good ones: stop them all, or be left out."""

    ALL_OR_NOTHING = auto()
    SKIP_BAD = auto()


class ImportFormat(Named):
    """How a file of stock is written: comma-separated with a head line, or one JSON object a line.

    Both are UTF-8.
    """

    CSV = auto()
    JSONL = auto()


class ImportMode(Named):
    """What a row's quantity means: the units on the shelf in all, or units more (below 0: less)."""

    SET = auto()
    ADD = auto()


class ImportStatus(Named):
    """How far an import is; the last two are final."""

    QUEUED = auto()
    READING = auto()
    CHECKING = auto()
    APPLYING = auto()
    COMPLETED = auto()
    FAILED = auto()


class RowFault(Named):
    """What is wrong with a row of an imported file."""

    MALFORMED = auto()
    UNKNOWN_STORE = auto()
    UNKNOWN_PRODUCT = auto()
    INVALID_QUANTITY = auto()
    REPEATED = auto()
    BELOW_HELD = auto()
    TOO_MANY = auto()


class StockUpload(Keyed):
    """A file that somebody sent, to be imported within a day; `head` is None if it is no text."""

    __tablename__ = "stock_upload"
    __table_args__ = (Index("ix_stock_upload_person", "person_id", "created_at"),)

    person_id: Mapped[UUID] = refers("person.id")
    name: Mapped[str] = mapped_column(default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[str | None]
    created_at: Mapped[datetime] = at_now()


class StockImport(Keyed):
    """One file on its way into the books: what is read, and what is applied.

    `stores` are those that its rows may speak of; None means every store of the company.
    """

    __tablename__ = "stock_import"
    __table_args__ = (
        Index("ix_stock_import_company", "company_id", "id"),
        Index(
            "ix_stock_import_live",
            "id",
            postgresql_where=text("status not in ('COMPLETED','FAILED')"),
        ),
        CheckConstraint("rows_done >= 0 and rows_failed >= 0", name="counts"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    upload_id: Mapped[UUID] = mapped_column(unique=True)
    started_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    stores: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    file_name: Mapped[str] = mapped_column(default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[ImportFormat]
    mode: Mapped[ImportMode]
    on_error: Mapped[ErrorPolicy]
    status: Mapped[ImportStatus] = mapped_column(default=ImportStatus.QUEUED)
    place_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    place_lines: Mapped[int] = mapped_column(default=0)
    place_rows: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int] = mapped_column(default=0)
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_failed: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(default="")
    tries: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = at_now()
    finished_at: Mapped[datetime | None]


class StockImportRow(Base):
    """A row of an import as it was written, what it means, and what is wrong with it.

    Good rows are forgotten once the import is over; bad ones stay to be looked at.
    """

    __tablename__ = "stock_import_row"
    __table_args__ = (
        Index(
            "ix_stock_import_row_bad",
            "import_id",
            "number",
            postgresql_where=text("fault is not null"),
        ),
    )

    import_id: Mapped[UUID] = refers("stock_import.id", primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    store: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[str]
    units: Mapped[int | None]
    store_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None]
    fault: Mapped[RowFault | None]
    field: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")

    @property
    def line(self) -> int:
        """Its line in the file, from 1 on."""
        return self.number


class StockSet(Keyed):
    """Many shelves of one store set at once: how many were, and why the others were not."""

    __tablename__ = "stock_set"

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    actor_id: Mapped[UUID | None]
    on_error: Mapped[ErrorPolicy]
    applied: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = at_now()
