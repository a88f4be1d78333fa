from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key, minor_units


class OrderChangeStatus(NamedEnum):
    """The status of a requested change of a paid order."""

    AWAITING_PAYMENT = auto()
    """Waits for the authorization of the new total."""
    APPLIED = auto()
    """The order is as requested. Final."""
    WITHDRAWN = auto()
    """Withdrawn by the customer, or by packing, cancellation or rerouting. Final."""
    EXPIRED = auto()
    """The new total was not authorized in time. Final."""


class OrderChangeAction(NamedEnum):
    """An action that the customer can take with a requested change."""

    WITHDRAW = auto()
    """Withdraw the change."""


class OrderChange(Entity):
    """A change of a paid order: its new lines, totals and address, and those before.

    `wanted` and `previous` are snapshots in the form of `services.orders.order_snapshots`. Added
    units are reserved under the id of the change until it is applied. `payment_id` is the attempt
    that pays the new total, where more is to be authorized.
    """

    __tablename__ = "order_change"
    __table_args__ = (
        Index("ix_order_change_order", "order_id"),
        Index(
            "ix_order_change_due",
            "payment_due_at",
            postgresql_where=text("payment_due_at is not null"),
        ),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    payment_id: Mapped[UUID | None]
    status: Mapped[OrderChangeStatus] = mapped_column(default=OrderChangeStatus.AWAITING_PAYMENT)
    currency: Mapped[str]
    previous_total_minor: Mapped[int] = minor_units()
    total_minor: Mapped[int] = minor_units()
    wanted: Mapped[dict[str, Any]]
    previous: Mapped[dict[str, Any]]
    requested_by_id: Mapped[UUID | None]
    requested_at: Mapped[datetime] = default_now()
    applied_at: Mapped[datetime | None]
    payment_due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
