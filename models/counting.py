"""Stock counts (cycle counts): their lines, and every entry of a line."""

from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key


class StockCountStatus(NamedEnum):
    """The status of a stock count."""

    IN_PROGRESS = auto()
    """Staff count; expected quantities are hidden."""
    SUBMITTED = auto()
    """Counted; waits for a manager."""
    APPROVED = auto()
    """Stock was corrected by the variance. Final."""
    CANCELED = auto()
    """Canceled without a change of stock. Final."""


class StockCountAction(NamedEnum):
    """A step that a person can take with a stock count."""

    COUNT = auto()
    """Enter the counted units of a product."""
    SUBMIT = auto()
    """Submit the count for approval."""
    APPROVE = auto()
    """Correct stock by the variance."""
    REJECT = auto()
    """Have the lines with a variance counted again."""
    CANCEL = auto()
    """End the count without a change of stock."""


class StockCount(Entity):
    """A stock count: some products of a store, counted without knowing the expected quantities."""

    __tablename__ = "stock_count"
    __table_args__ = (Index("ix_stock_count_store", "store_id", "id"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    status: Mapped[StockCountStatus] = mapped_column(default=StockCountStatus.IN_PROGRESS)
    note: Mapped[str] = mapped_column(default="")
    count_round: Mapped[int] = mapped_column(default=1)
    currency: Mapped[str]
    started_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    submitted_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    decided_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    started_at: Mapped[datetime] = default_now()
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class StockCountLine(Entity):
    """One product of a count: its counted and its expected units.

    `expected` is on_hand, read under lock when the line is counted, plus the sold units that are
    still to be picked. Later sales do not change it; what is corrected by others does (`settle`).
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

    count_id: Mapped[UUID] = foreign_key("stock_count.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    position: Mapped[int]
    live: Mapped[bool] = mapped_column(default=True)
    counted: Mapped[int | None]
    expected: Mapped[int | None]
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    counted_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    counted_at: Mapped[datetime | None]

    @property
    def variance(self) -> int | None:
        """counted - expected; None if not counted."""
        if self.counted is None or self.expected is None:
            return None
        return self.counted - self.expected

    def settle(self, units: int) -> None:
        """Take units by which the books were corrected since the count off the variance.

        Those that go beyond the variance, or against it, are of something else and change nothing.
        """
        variance = self.variance
        if variance is None or self.expected is None or variance * units <= 0:
            return
        self.expected += max(units, variance) if variance < 0 else min(units, variance)


class StockCountEntry(Entity):
    """One entry of a line by one person; kept when the line is counted again."""

    __tablename__ = "stock_count_entry"
    __table_args__ = (Index("ix_stock_count_entry_line", "line_id", "id"),)

    line_id: Mapped[UUID] = foreign_key("stock_count_line.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    count_round: Mapped[int]
    counted: Mapped[int]
    expected: Mapped[int]
    person_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    counted_at: Mapped[datetime] = default_now()


class StockCountFilter(NamedEnum):
    """Which lines of a count to show."""

    UNCOUNTED = auto()
    """Lines that are not counted yet."""
    WITH_VARIANCE = auto()
    """Lines with a variance."""
