from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key
from models.catalog import TemperatureZone
from models.delivery import DeliveryOverrideReason
from models.fulfillment.line_units import LineUnits, divide_units
from models.fulfillment.put_back_lines import PutBackReason
from models.orders import AgeCheckResult, FulfillmentMethod


class FulfillmentStatus(NamedEnum):
    """The status of a store's work on an order."""

    QUEUED = auto()
    """Waits for the store to accept it."""
    ACCEPTED = auto()
    """Accepted; picking has not started."""
    PICKING = auto()
    """Lines are being picked."""
    AWAITING_SUBSTITUTION = auto()
    """Waits for the customer's answer."""
    PACKED = auto()
    """Bags are closed and the payment capture is requested."""
    STAGED = auto()
    """Bags are ready for pickup."""
    READY_FOR_PICKUP = auto()
    """Bags wait for the customer, who collects them with a code."""
    COLLECTED = auto()
    """The customer has the bags. Final, unless support reopens the order."""
    NOT_COLLECTED = auto()
    """The customer did not come in time; the units wait until a person puts them back."""
    HANDED_OVER = auto()
    """A rider has the bags."""
    REJECTED = auto()
    """The store declined it; picked units wait until a person puts them back."""
    TIMED_OUT = auto()
    """The store did not accept in time; picked units wait until a person puts them back."""
    CANCELED = auto()
    """The order was canceled; picked units wait until a person puts them back."""
    PUT_BACK = auto()
    """A person recorded where the picked units went. Final."""


class FulfillmentLineStatus(NamedEnum):
    """The status of one line of a pick list."""

    PENDING = auto()
    """Not picked yet."""
    FOUND = auto()
    """All units were picked."""
    SHORT = auto()
    """Some or all units were not found."""
    SUBSTITUTION_PROPOSED = auto()
    """A substitution waits for the customer's answer."""
    SUBSTITUTED = auto()
    """The substitution was accepted. Final."""
    DECLINED = auto()
    """The substitution was declined; missing units are not charged."""


class FulfillmentAction(NamedEnum):
    """An action that store staff can take with a fulfillment."""

    ACCEPT = auto()
    """Accept the order and become its picker."""
    REJECT = auto()
    """Decline the order; it moves to another store."""
    PICK_LINE = auto()
    """Record the units found of a line."""
    PACK = auto()
    """Close the bags and charge what is in them."""
    STAGE = auto()
    """Put the bags at the pickup point."""
    CHECK_AGE = auto()
    """Record what the customer showed as a proof of age."""
    COLLECT = auto()
    """Hand the bags to the customer who gives the code of the order."""
    GIVE_BACK = auto()
    """Return the order to the queue; what was picked stays recorded."""
    PUT_BACK = auto()
    """Record where the picked units of an ended order went; the stock changes then."""


class FulfillmentRejectReason(NamedEnum):
    """The reason why a store declines an order."""

    OUT_OF_STOCK = auto()
    """Items are not on the shelf."""
    TOO_BUSY = auto()
    """The store has no capacity."""
    CLOSING = auto()
    """The store is closing."""
    TECHNICAL_ISSUE = auto()
    """Equipment or software failed."""


class Fulfillment(Entity):
    """One store's task to pick and pack an order; a rejected one is followed by another store's."""

    __tablename__ = "fulfillment"
    __table_args__ = (
        Index("ix_fulfillment_order", "order_id"),
        Index(
            "ix_fulfillment_queue",
            "store_id",
            "id",
            postgresql_where=text(
                "status in ('QUEUED','ACCEPTED','PICKING','AWAITING_SUBSTITUTION',"
                "'PACKED','STAGED','READY_FOR_PICKUP')"
            ),
        ),
        Index(
            "uq_fulfillment_live",
            "order_id",
            unique=True,
            postgresql_where=text(
                "status not in ('REJECTED','TIMED_OUT','CANCELED','PUT_BACK','NOT_COLLECTED')"
            ),
        ),
        Index(
            "ix_fulfillment_due",
            "next_step_due_at",
            postgresql_where=text("next_step_due_at is not null"),
        ),
        Index(
            "ix_fulfillment_put_back",
            "store_id",
            "id",
            postgresql_where=text("put_back_opened_at is not null and put_back_at is null"),
        ),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    attempt_number: Mapped[int] = mapped_column(default=1)
    status: Mapped[FulfillmentStatus] = mapped_column(default=FulfillmentStatus.QUEUED)
    method: Mapped[FulfillmentMethod] = mapped_column(
        default=FulfillmentMethod.DELIVERY, server_default=FulfillmentMethod.DELIVERY
    )
    order_code: Mapped[str]
    customer_name: Mapped[str] = mapped_column(default="")
    minimum_age: Mapped[int | None]
    age_check_result: Mapped[AgeCheckResult | None]
    age_failed_by: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    """The ids of the persons whose check of the customer's age failed: they make no other one."""
    handover_code: Mapped[str] = mapped_column(info={"secret": True})
    picker_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    reject_reason: Mapped[FulfillmentRejectReason | None]
    override_reason: Mapped[DeliveryOverrideReason | None]
    override_note: Mapped[str] = mapped_column(default="", server_default="")
    bag_count: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime] = default_now()
    accepted_at: Mapped[datetime | None]
    packed_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    pickup_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_step_due_at: Mapped[datetime | None]
    put_back_reason: Mapped[PutBackReason | None]
    put_back_opened_at: Mapped[datetime | None]
    put_back_at: Mapped[datetime | None]
    put_back_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    put_back_reminders: Mapped[int] = mapped_column(default=0, server_default="0")
    version: Mapped[int] = mapped_column(default=1)

    @property
    def put_back_is_open(self) -> bool:
        """Whether picked units of the ended task wait until a person puts them back."""
        return self.put_back_opened_at is not None and self.put_back_at is None


class FulfillmentLine(Entity):
    """One line of a pick list.

    `damaged_quantity` counts the units found damaged, also those that replaced damaged ones.
    Products sold by weight have `average_weight_grams`, and all units together may weigh at most
    `most_grams`.
    """

    __tablename__ = "fulfillment_line"
    __table_args__ = (
        CheckConstraint("picked_quantity between 0 and quantity", name="picked_quantity"),
        CheckConstraint("damaged_quantity >= 0", name="damaged_quantity"),
        CheckConstraint(
            "picked_weight_grams between 1 and max_weight_grams", name="picked_weight_grams"
        ),
        Index("ix_fulfillment_line_fulfillment", "fulfillment_id"),
    )

    fulfillment_id: Mapped[UUID] = foreign_key("fulfillment.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    order_line_id: Mapped[UUID | None] = foreign_key("order_line.id")
    """None once the customer has removed the product from an order that moved to another store."""
    product_id: Mapped[UUID] = foreign_key("product.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[str]
    aisle: Mapped[str] = mapped_column(default="")
    age_restricted: Mapped[bool] = mapped_column(default=False, server_default="false")
    temperature_zone: Mapped[TemperatureZone] = mapped_column(
        default=TemperatureZone.AMBIENT, server_default="AMBIENT"
    )
    quantity: Mapped[int]
    picked_quantity: Mapped[int] = mapped_column(default=0)
    average_weight_grams: Mapped[int | None]
    max_weight_grams: Mapped[int | None]
    picked_weight_grams: Mapped[int | None]
    damaged_quantity: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[FulfillmentLineStatus] = mapped_column(default=FulfillmentLineStatus.PENDING)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id

    @property
    def units(self) -> LineUnits:
        """How the ordered units are divided now."""
        return self.units_after(self.picked_quantity, 0, is_pending=self.status is _PENDING)

    def units_after(self, picked: int, damaged: int, *, is_pending: bool = False) -> LineUnits:
        """How they are divided once `picked` are in the bag and `damaged` more are unfit."""
        damaged += self.damaged_quantity
        return divide_units(self.quantity, picked, damaged, is_pending=is_pending)

    @property
    def missing_quantity(self) -> int:
        """Units that were looked for and not picked."""
        return self.units.missing


_PENDING = FulfillmentLineStatus.PENDING
