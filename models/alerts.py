from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, refers


class AlertKind(Named):
    """What is wrong with a product in a store.

    NEGATIVE_TREND means that it sells half as well as on the same weekdays before, or worse.
    """

    OUT_OF_STOCK = auto()
    LOW = auto()
    EXPIRING = auto()
    NEGATIVE_TREND = auto()


class AlertPriority(Named):
    """How soon somebody should look; the order is that of the list."""

    URGENT = auto()
    HIGH = auto()
    NORMAL = auto()
    MINOR = auto()


class AlertStatus(Named):
    """OPEN waits for somebody, SNOOZED opens again by itself, RESOLVED has lost its cause."""

    OPEN = auto()
    ACKNOWLEDGED = auto()
    SNOOZED = auto()
    RESOLVED = auto()


class AlertAction(Named):
    """What store staff can do with an alert."""

    ACKNOWLEDGE = auto()
    SNOOZE = auto()


PRIORITIES = tuple(AlertPriority)


class StockAlert(Keyed):
    """Something about a product in a store that its staff should see to; at most one of a kind.

    `units` and `threshold` are the figures behind it: units available and the reorder point,
    units expiring and days left, or units sold in a week and in a usual one.
    """

    __tablename__ = "stock_alert"
    __table_args__ = (
        CheckConstraint("urgency between 0 and 3", name="urgency"),
        Index(
            "uq_stock_alert_live",
            "store_id",
            "product_id",
            "kind",
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

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    kind: Mapped[AlertKind]
    urgency: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[AlertStatus] = mapped_column(default=AlertStatus.OPEN)
    units: Mapped[int]
    threshold: Mapped[int]
    raised_at: Mapped[datetime] = at_now()
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_id: Mapped[UUID | None]
    snoozed_until: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id

    @property
    def priority(self) -> AlertPriority:
        """The urgency by its name."""
        return PRIORITIES[self.urgency]
