from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, Integer, Text, cast, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, default_now, minor_units
from models.stores import Store
from models.timers import DEFAULT_TIMERS, CompanyTimers, timers_with


class Company(Entity):
    """A seller: the tenant that owns stores, catalog and staff.

    For products sold by weight, `authorization_buffer_basis_points` (basis points of the estimate)
    is authorized in addition to the estimate. A customer who cancels once picking has begun pays
    `cancellation_fee_minor`. `timer_overrides` are the timers that differ from the defaults,
    `scale_label_formats` those of services/catalog/scale_labels.py.
    """

    __tablename__ = "company"
    __table_args__ = (
        CheckConstraint("tax_rate_basis_points between 0 and 10000", name="tax_rate"),
        CheckConstraint("minimum_order_minor >= 0", name="minimum_order"),
        CheckConstraint("cancellation_fee_minor >= 0", name="cancellation_fee"),
        CheckConstraint(
            "authorization_buffer_basis_points between 0 and 5000", name="authorization_buffer"
        ),
    )

    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    currency: Mapped[str]
    minimum_order_minor: Mapped[int] = minor_units(default=0)
    small_order_fee_minor: Mapped[int] = minor_units(default=0)
    small_order_threshold_minor: Mapped[int] = minor_units(default=0)
    delivery_fee_minor: Mapped[int] = minor_units(default=0)
    free_delivery_threshold_minor: Mapped[int | None] = minor_units(default=None)
    tax_rate_basis_points: Mapped[int] = mapped_column(default=0)
    authorization_buffer_basis_points: Mapped[int] = mapped_column(
        default=1500, server_default="1500"
    )
    cancellation_fee_minor: Mapped[int] = minor_units(default=0, server_default="0")
    timer_overrides: Mapped[dict[str, int]] = mapped_column(JSONB, default={}, server_default="{}")
    scale_label_formats: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default="{}"
    )
    created_at: Mapped[datetime] = default_now()

    @property
    def timers(self) -> CompanyTimers:
        """How long the steps of an order may take."""
        return timers_with(self.timer_overrides)


def timer_seconds(name: str) -> ColumnElement[int]:
    """One of the timers of a store in a statement that joins `Company` and `Store`."""
    overrides: list[Any] = [Store.timer_overrides, Company.timer_overrides]
    own = (cast(column[name].astext, Integer) for column in overrides)
    return func.coalesce(*own, getattr(DEFAULT_TIMERS, name))
