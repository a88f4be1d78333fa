"""Stock alerts."""

from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class StockAlertKind(NamedEnum):
    """The problem of a product in a store."""

    OUT_OF_STOCK = auto()
    """No unit is available."""
    LOW_STOCK = auto()
    """Available units are at or below the reorder point."""
    EXPIRING = auto()
    """Units reach their last day of sale within three days."""
    SALES_DECLINE = auto()
    """Sales are half of the usual sales or less."""


class StockAlertPriority(NamedEnum):
    """The urgency of an alert, the most urgent first."""

    URGENT = auto()
    """Out of stock."""
    HIGH = auto()
    """At half the reorder point, or expiring by tomorrow."""
    NORMAL = auto()
    """At the reorder point, or expiring in two or three days."""
    LOW = auto()
    """A decline of sales."""


class StockAlertStatus(NamedEnum):
    """The status of a stock alert."""

    OPEN = auto()
    """Waits for the store staff."""
    ACKNOWLEDGED = auto()
    """A member of the store staff has acknowledged it."""
    SNOOZED = auto()
    """Hidden until snoozedUntil; reopens then."""
    RESOLVED = auto()
    """The problem no longer exists. Final."""


class StockAlertAction(NamedEnum):
    """A step that store staff can take with an alert."""

    ACKNOWLEDGE = auto()
    """Take responsibility for the alert."""
    SNOOZE = auto()
    """Hide the alert until a later time."""


PRIORITIES = tuple(StockAlertPriority)


class StockAlertCheck(Base):
    """When a store was looked at for alerts, and up to which change of its stock.

    `seq` is the last event of the store's inventory that was considered; `checked_at` is when all
    of its products were.
    """

    __tablename__ = "stock_alert_check"

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    checked_at: Mapped[datetime | None]


class StockAlert(Entity):
    """A problem of a product in a store; at most one active alert of each kind.

    `units` and `threshold` are its figures: available units and the reorder point, expiring units
    and days left, or units sold in a week and in a usual week.
    """

    __tablename__ = "stock_alert"
    __table_args__ = (
        CheckConstraint("urgency between 0 and 3", name="urgency"),
        Index(
            "uq_stock_alert_live",
            "store_id",
            "product_id",
            "type",
            unique=True,
            postgresql_where=text("resolved_at is null"),
        ),
        Index("ix_stock_alert_store", "store_id", "urgency", "id"),
        Index("ix_stock_alert_company", "company_id", "urgency", "id"),
        Index(
            "ix_stock_alert_snoozed",
            "snoozed_until",
            postgresql_where=text("status = 'SNOOZED'"),
        ),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    type: Mapped[StockAlertKind]
    urgency: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[StockAlertStatus] = mapped_column(default=StockAlertStatus.OPEN)
    units: Mapped[int]
    threshold: Mapped[int]
    raised_at: Mapped[datetime] = default_now()
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_id: Mapped[UUID | None]
    snoozed_until: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product, the key of the stock row."""
        return self.store_id, self.product_id

    @property
    def priority(self) -> StockAlertPriority:
        """The priority that `urgency` stands for."""
        return PRIORITIES[self.urgency]
