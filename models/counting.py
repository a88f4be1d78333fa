from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, refers


class StockCountStatus(Named):
    """COUNTING is blind; a SUBMITTED count waits for a manager; the other two are final."""

    COUNTING = auto()
    SUBMITTED = auto()
    APPROVED = auto()
    CANCELED = auto()


class StockCountAction(Named):
    """What a person may do with a cycle count next."""

    COUNT = auto()
    SUBMIT = auto()
    APPROVE = auto()
    REJECT = auto()
    CANCEL = auto()


class StockCount(Keyed):
    """A cycle count: some products of a store, counted without knowing what the books say."""

    __tablename__ = "stock_count"
    __table_args__ = (Index("ix_stock_count_store", "store_id", "id"),)

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    status: Mapped[StockCountStatus] = mapped_column(default=StockCountStatus.COUNTING)
    note: Mapped[str] = mapped_column(default="")
    round: Mapped[int] = mapped_column(default=1)
    currency: Mapped[str]
    started_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    submitted_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    decided_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    started_at: Mapped[datetime] = at_now()
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class StockCountLine(Keyed):
    """One product of a count: what was counted, and what was to be expected at that moment.

    `expected` is on_hand under lock at the moment of counting, plus the units that are sold but
    still lie on the shelf because nobody has picked them; sales after it change nothing here.
    """

    __tablename__ = "stock_count_line"
    __table_args__ = (
        UniqueConstraint("count_id", "product_id"),
        Index(
            "uq_stock_count_line_live",
            "store_id",
            "product_id",
            unique=True,
            postgresql_where=text("live"),
        ),
        CheckConstraint("counted >= 0", name="counted"),
        CheckConstraint("(counted is null) = (expected is null)", name="expected"),
    )

    count_id: Mapped[UUID] = refers("stock_count.id")
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    position: Mapped[int]
    live: Mapped[bool] = mapped_column(default=True)
    counted: Mapped[int | None]
    expected: Mapped[int | None]
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    counted_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    counted_at: Mapped[datetime | None]

    @property
    def variance(self) -> int | None:
        """Units found beyond what was expected; below 0 for missing ones, None if not counted."""
        if self.counted is None or self.expected is None:
            return None
        return self.counted - self.expected


class StockCountEntry(Keyed):
    """What one person counted of one line: kept, also when somebody counts it again."""

    __tablename__ = "stock_count_entry"
    __table_args__ = (Index("ix_stock_count_entry_line", "line_id", "id"),)

    line_id: Mapped[UUID] = refers("stock_count_line.id")
    company_id: Mapped[UUID] = refers("company.id")
    round: Mapped[int]
    counted: Mapped[int]
    expected: Mapped[int]
    person_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    at: Mapped[datetime] = at_now()


class StockCountFilter(Named):
    """Which lines of a count to show: those nobody has counted, or those that differ."""

    UNCOUNTED = auto()
    OFF = auto()
