from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key, minor_units
from models.carts import SubstitutionPreference
from models.geo_point import Point


class OrderStatus(NamedEnum):
    """The lifecycle status of an order."""

    PLACED = auto()
    """Waits for payment until its payment deadline."""
    CONFIRMED = auto()
    """Payment is authorized and the store was notified."""
    COMPLETED = auto()
    """Delivered to the customer. Final, unless support reopens it."""
    EXPIRED = auto()
    """Not paid in time. Final."""
    PAYMENT_FAILED = auto()
    """The payment can no longer succeed. Final."""
    CANCELED = auto()
    """Canceled by customer, store or support. Final."""


class FulfillmentMethod(NamedEnum):
    """How the customer gets an order."""

    DELIVERY = auto()
    """A rider brings it to the customer's address."""
    PICKUP = auto()
    """The customer collects it from the store."""


class OrderStage(NamedEnum):
    """The progress of an order, derived from order, payment, fulfillment and delivery."""

    AWAITING_PAYMENT = auto()
    """The customer has to pay, or to confirm the payment again after it was lost."""
    CONFIRMED = auto()
    """Paid; waits for the store."""
    PICKING = auto()
    """The store is collecting the items."""
    AWAITING_SUBSTITUTION = auto()
    """The customer must answer a substitution."""
    PACKED = auto()
    """Packed; waits for the rider."""
    READY_FOR_PICKUP = auto()
    """Packed; waits for the customer in the store."""
    OUT_FOR_DELIVERY = auto()
    """The rider is on the way to the customer."""
    ARRIVING = auto()
    """The rider is about a minute away, or at the door."""
    DELIVERED = auto()
    """Handed to the customer. Final."""
    RETURNING = auto()
    """Delivery failed; goods go back to the store."""
    CANCELED = auto()
    """Canceled. Final."""
    EXPIRED = auto()
    """Not paid in time. Final."""
    PAYMENT_FAILED = auto()
    """The payment can no longer succeed. Final."""


class OrderAction(NamedEnum):
    """An action that a customer or support can take with an order."""

    PAY = auto()
    """The customer confirms the payment."""
    CANCEL = auto()
    """Cancel the order."""
    REFUND = auto()
    """Refund a part of the captured amount."""
    CHANGE = auto()
    """Change items, address, note or tip before the order is packed."""
    OPEN_TICKET = auto()
    """Open a support ticket about the order."""
    REOPEN = auto()
    """Reopen an order that was completed by mistake."""


class OrderCancelReason(NamedEnum):
    """The reason why an order was canceled."""

    CHANGED_MIND = auto()
    """The customer no longer wants the order."""
    TOO_SLOW = auto()
    """Delivery takes too long."""
    WRONG_ADDRESS = auto()
    """The address is wrong."""
    OUT_OF_STOCK = auto()
    """The store cannot supply the items."""
    NO_STORE_AVAILABLE = auto()
    """No store accepted the order."""
    NO_RIDER_AVAILABLE = auto()
    """No rider was found in time."""
    DELIVERY_FAILED = auto()
    """Delivery failed and the goods were returned."""
    NOT_COLLECTED = auto()
    """The customer did not collect the order in time."""
    PAYMENT_LOST = auto()
    """The card's authorization ended and was not confirmed again, or the money was given back."""
    SUSPECTED_FRAUD = auto()
    """Support suspects fraud."""
    OTHER = auto()
    """Another reason; see cancelNote."""


class OrderReopenReason(NamedEnum):
    """The reason why support reopens a completed order."""

    NOT_RECEIVED = auto()
    """The customer has not received the bags."""
    WRONG_ORDER = auto()
    """Another order was meant."""
    OTHER = auto()
    """Another reason; see reopenNote."""


UNPAID_ORDER_KEYS = {
    "customer": "customer_id",
    "device": "device_hash",
    "network": "network_hash",
}
"""The columns that unpaid orders are counted by."""


class Order(Entity):
    """An order from one store, to one address or to be collected; sums are minor units with tax.

    `authorization_buffer_minor` is authorized beyond the total for weighed products that may turn
    out heavier than estimated; `final_total_minor` is the final total, once the order is packed;
    `cancellation_fee_minor` is charged in its place when the customer cancels during picking.
    `minimum_age` is set when something in it is not sold to minors: the customer confirmed it.
    """

    __tablename__ = "order"
    __table_args__ = (
        CheckConstraint(
            "total_minor = subtotal_minor + delivery_fee_minor + small_order_fee_minor"
            " + tip_minor - discount_minor",
            name="total",
        ),
        CheckConstraint("cancellation_fee_minor >= 0", name="cancellation_fee"),
        CheckConstraint("tax_rate_basis_points between 0 and 10000", name="tax_rate"),
        CheckConstraint("authorization_buffer_minor >= 0", name="authorization_buffer"),
        CheckConstraint(
            "final_total_minor between 0 and total_minor + authorization_buffer_minor",
            name="charged",
        ),
        Index("ix_order_customer", "customer_id", "id"),
        Index("ix_order_company", "company_id", "id"),
        Index(
            "ix_order_due", "payment_due_at", postgresql_where=text("payment_due_at is not null")
        ),
        *(
            Index(f"ix_order_unpaid_{payer}", column, postgresql_where=text("status = 'PLACED'"))
            for payer, column in UNPAID_ORDER_KEYS.items()
        ),
        Index(
            "ix_order_pending_change",
            "customer_id",
            postgresql_where=text("pending_change_id is not null"),
        ),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID] = foreign_key("person.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    code: Mapped[str] = mapped_column(unique=True)
    customer_name: Mapped[str] = mapped_column(default="")
    status: Mapped[OrderStatus] = mapped_column(default=OrderStatus.PLACED)
    method: Mapped[FulfillmentMethod] = mapped_column(
        default=FulfillmentMethod.DELIVERY, server_default=FulfillmentMethod.DELIVERY
    )
    currency: Mapped[str]
    subtotal_minor: Mapped[int] = minor_units()
    delivery_fee_minor: Mapped[int] = minor_units(default=0)
    small_order_fee_minor: Mapped[int] = minor_units(default=0)
    discount_minor: Mapped[int] = minor_units(default=0)
    tip_minor: Mapped[int] = minor_units(default=0)
    tax_minor: Mapped[int] = minor_units(default=0)
    tax_rate_basis_points: Mapped[int]
    """The company's rate when the order was placed, for every amount of the order."""
    total_minor: Mapped[int] = minor_units()
    authorization_buffer_minor: Mapped[int] = minor_units(default=0, server_default="0")
    final_total_minor: Mapped[int | None] = minor_units()
    final_tax_minor: Mapped[int | None] = minor_units()
    cancellation_fee_minor: Mapped[int] = minor_units(default=0, server_default="0")
    latitude: Mapped[float]
    longitude: Mapped[float]
    address_line: Mapped[str] = mapped_column(default="")
    delivery_instructions: Mapped[str] = mapped_column(default="")
    dropoff_distance_meters: Mapped[int] = mapped_column(default=0)
    promise_p50_seconds: Mapped[int] = mapped_column(default=0)
    promise_p90_seconds: Mapped[int] = mapped_column(default=0)
    promised_at: Mapped[datetime] = default_now()
    minimum_age: Mapped[int | None]
    pickup_due_at: Mapped[datetime | None]
    delivery_pin: Mapped[str] = mapped_column(info={"secret": True})
    cancel_reason: Mapped[OrderCancelReason | None]
    cancel_note: Mapped[str] = mapped_column(default="")
    network_hash: Mapped[bytes | None] = mapped_column(info={"secret": True})
    device_hash: Mapped[bytes | None] = mapped_column(info={"secret": True})
    placed_at: Mapped[datetime] = default_now()
    confirmed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    reopen_reason: Mapped[OrderReopenReason | None]
    reopen_note: Mapped[str] = mapped_column(default="", server_default="")
    pending_change_id: Mapped[UUID | None]
    payment_due_at: Mapped[datetime | None]
    cancel_offered_at: Mapped[datetime | None]
    """Since when the customer may cancel with a full refund, because no rider was found."""
    version: Mapped[int] = mapped_column(default=1)

    @property
    def location(self) -> Point:
        """Where the order goes."""
        return Point(self.latitude, self.longitude)


class OrderLine(Entity):
    """A product as it was priced when the order was placed, and how many units were packed.

    Products sold by weight have an estimated total here, and a price per kilogram.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("quantity between 1 and 99", name="quantity"),
        CheckConstraint("packed_quantity between 0 and quantity", name="packed_quantity"),
        CheckConstraint("total_minor = quantity * unit_price_minor", name="total"),
        CheckConstraint(
            "(price_per_kilogram_minor is null) = (average_weight_grams is null)", name="weighed"
        ),
        CheckConstraint("authorization_buffer_minor >= 0", name="authorization_buffer"),
        CheckConstraint(
            "final_total_minor between 0 and total_minor + authorization_buffer_minor",
            name="charged",
        ),
        Index("ix_order_line_order", "order_id"),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    product_id: Mapped[UUID] = foreign_key("product.id")
    position: Mapped[int]
    name: Mapped[str]
    currency: Mapped[str]
    unit_price_minor: Mapped[int] = minor_units()
    quantity: Mapped[int]
    total_minor: Mapped[int] = minor_units()
    average_weight_grams: Mapped[int | None]
    price_per_kilogram_minor: Mapped[int | None] = minor_units()
    authorization_buffer_minor: Mapped[int] = minor_units(default=0, server_default="0")
    packed_quantity: Mapped[int | None]
    packed_weight_grams: Mapped[int | None]
    final_total_minor: Mapped[int | None] = minor_units()
    substitution_preference: Mapped[SubstitutionPreference] = mapped_column(
        default=SubstitutionPreference.REFUND
    )
    age_restricted: Mapped[bool] = mapped_column(default=False, server_default="false")
