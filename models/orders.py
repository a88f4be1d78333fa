from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, minor, refers
from models.carts import Substitution


class OrderStatus(Named):
    """The customer's intent; the store and the road have machines of their own."""

    PLACED = auto()
    CONFIRMED = auto()
    COMPLETED = auto()
    EXPIRED = auto()
    PAYMENT_FAILED = auto()
    CANCELED = auto()


class OrderStage(Named):
    """Where an order is on its way, derived from its four machines and never stored."""

    AWAITING_PAYMENT = auto()
    CONFIRMED = auto()
    PICKING = auto()
    AWAITING_YOUR_CHOICE = auto()
    PACKED = auto()
    OUT_FOR_DELIVERY = auto()
    ARRIVING = auto()
    DELIVERED = auto()
    RETURNING = auto()
    CANCELED = auto()
    EXPIRED = auto()
    PAYMENT_FAILED = auto()


class OrderAction(Named):
    """What a person may do with an order next."""

    PAY = auto()
    CANCEL = auto()
    REFUND = auto()
    OPEN_TICKET = auto()


class CancelReason(Named):
    """Why an order was called off."""

    CHANGED_MIND = auto()
    TOO_SLOW = auto()
    WRONG_ADDRESS = auto()
    OUT_OF_STOCK = auto()
    NO_STORE = auto()
    NOT_DELIVERED = auto()
    SUSPECTED_FRAUD = auto()
    OTHER = auto()


class Order(Keyed):
    """One basket, from one dark store, to one door. Sums are tax-inclusive minor units.

    `headroom_minor` is held beyond the total for what may turn out heavier than estimated;
    `charged_minor` is what is in the bags and around them, once they are packed.
    """

    __tablename__ = "order"
    __table_args__ = (
        CheckConstraint(
            "total_minor = items_minor + delivery_fee_minor + small_order_fee_minor"
            " + tip_minor - discount_minor",
            name="total",
        ),
        CheckConstraint("headroom_minor >= 0", name="headroom"),
        CheckConstraint("charged_minor between 0 and total_minor + headroom_minor", name="charged"),
        Index("ix_order_customer", "customer_id", "id"),
        Index("ix_order_company", "company_id", "id"),
        Index("ix_order_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    store_id: Mapped[UUID] = refers("store.id")
    code: Mapped[str] = mapped_column(unique=True)
    customer_name: Mapped[str] = mapped_column(default="")
    status: Mapped[OrderStatus] = mapped_column(default=OrderStatus.PLACED)
    currency: Mapped[str]
    items_minor: Mapped[int] = minor()
    delivery_fee_minor: Mapped[int] = minor(default=0)
    small_order_fee_minor: Mapped[int] = minor(default=0)
    discount_minor: Mapped[int] = minor(default=0)
    tip_minor: Mapped[int] = minor(default=0)
    tax_minor: Mapped[int] = minor(default=0)
    total_minor: Mapped[int] = minor()
    headroom_minor: Mapped[int] = minor(default=0, server_default="0")
    charged_minor: Mapped[int | None] = minor()
    charged_tax_minor: Mapped[int | None] = minor()
    latitude: Mapped[float]
    longitude: Mapped[float]
    address_line: Mapped[str] = mapped_column(default="")
    drop_note: Mapped[str] = mapped_column(default="")
    distance_m: Mapped[int] = mapped_column(default=0)
    promise_p50_seconds: Mapped[int] = mapped_column(default=0)
    promise_p90_seconds: Mapped[int] = mapped_column(default=0)
    delivery_pin: Mapped[str] = mapped_column(info={"secret": True})
    cancel_reason: Mapped[CancelReason | None]
    cancel_note: Mapped[str] = mapped_column(default="")
    placed_at: Mapped[datetime] = at_now()
    confirmed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class OrderLine(Keyed):
    """A product as it was priced when the order was placed, and how many were packed.

    What is sold by weight has its estimated total here, and its price of a kilogram.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("quantity between 1 and 99", name="quantity"),
        CheckConstraint("packed_quantity between 0 and quantity", name="packed_quantity"),
        CheckConstraint("total_minor = quantity * unit_price_minor", name="total"),
        CheckConstraint("(kilo_price_minor is null) = (unit_grams is null)", name="weighed"),
        CheckConstraint("headroom_minor >= 0", name="headroom"),
        CheckConstraint("charged_minor between 0 and total_minor + headroom_minor", name="charged"),
        Index("ix_order_line_order", "order_id"),
    )

    order_id: Mapped[UUID] = refers("order.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    product_id: Mapped[UUID] = refers("product.id")
    position: Mapped[int]
    name: Mapped[str]
    currency: Mapped[str]
    unit_price_minor: Mapped[int] = minor()
    quantity: Mapped[int]
    total_minor: Mapped[int] = minor()
    unit_grams: Mapped[int | None]
    kilo_price_minor: Mapped[int | None] = minor()
    headroom_minor: Mapped[int] = minor(default=0, server_default="0")
    packed_quantity: Mapped[int | None]
    packed_grams: Mapped[int | None]
    charged_minor: Mapped[int | None] = minor()
    substitution: Mapped[Substitution] = mapped_column(default=Substitution.REFUND)
