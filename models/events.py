from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from database.base import Base, NamedEnum, default_now


class TransactionNumber(UserDefinedType[int]):
    """A transaction number (xid8): unique, and increasing in the order in which they start."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"

    @property
    def python_type(self) -> type[int]:
        return int


class Stream(Base):
    """The head of one stream; its row lock serializes writers, so that numbers have no gaps."""

    __tablename__ = "stream"
    __table_args__: Any = ({"postgresql_with": {"fillfactor": 50}},)

    stream: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[UUID | None]
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    # Time of the last event, which may have been dropped from the log; never decreases.
    at: Mapped[datetime | None]


class Event(Base):
    """An event, numbered 1, 2, 3 … within its stream. Append-only.

    The events of a day are a partition, which is dropped after its retention. A number is assigned
    once, under the row lock of its stream; partitioning requires `at` in the primary key.
    """

    __tablename__ = "event"
    __table_args__: Any = (
        Index("ix_event_tx", "tx", "stream", "seq"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    company_id: Mapped[UUID | None]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime] = default_now(primary_key=True)
    # A reader that stops at the oldest running transaction misses no later commit.
    tx: Mapped[int] = mapped_column(
        TransactionNumber, server_default=text("pg_current_xact_id()"), deferred=True
    )


class StreamMessageKind(NamedEnum):
    """Type of a stream message: a snapshot, an event or a rider position."""

    SNAPSHOT = auto()
    "Current state, sent first after subscribing."
    EVENT = auto()
    "One change, delivered once and in order."
    POSITION = auto()
    "A rider location update; not replayed."
    LAGGED = auto()
    "Snapshot sent because the given cursor could not be resumed."


class OrderEventKind(NamedEnum):
    """Type of an order event."""

    ORDER_PLACED = auto()
    "The customer placed the order."
    PAYMENT_ACTION_REQUIRED = auto()
    "The bank asks the customer to confirm the payment."
    PAYMENT_AUTHORIZED = auto()
    "The bank reserved the amount on the customer's card."
    PAYMENT_FAILED = auto()
    "The payment attempt failed; the customer may try again."
    PAYMENT_CAPTURED = auto()
    "The final amount was charged."
    PAYMENT_VOIDED = auto()
    "The authorization was released; nothing was charged."
    PAYMENT_DEADLINE_EXTENDED = auto()
    "The customer got more time to pay."
    PAYMENT_STUCK = auto()
    """The payment provider does not execute a request: a person has to act."""
    PAYMENT_RESUMED = auto()
    """A request that the payment provider had not executed is sent again."""
    PAYMENT_REOPENED = auto()
    "The authorization was lost before the charge; the customer has to confirm the payment again."
    PAYMENT_RENEWED = auto()
    "The payment that was lost is authorized again; the order continues."
    PAYMENT_LOST = auto()
    "The authorization was lost after the bags had left the store; support collects the amount."
    REFUND_REQUESTED = auto()
    "A refund was requested from the payment provider."
    REFUND_PENDING = auto()
    "The payment provider accepted the refund; the money is on its way."
    REFUND_SUCCEEDED = auto()
    "The payment provider refunded the amount."
    REFUND_FAILED = auto()
    "The payment provider rejected the refund."
    REFUND_RECORDED = auto()
    "A refund that was made at the payment provider was recorded."
    REFUND_STUCK = auto()
    """The payment provider does not send the refund: a person has to act."""
    REFUND_RESUMED = auto()
    """A refund request that the payment provider had not answered is sent again."""
    REFUND_RETRIED = auto()
    """A failed refund was requested again."""
    REFUND_PAID_OTHERWISE = auto()
    "A failed refund was paid in another way."
    REFUND_CLOSED = auto()
    "A failed refund ended without another payment, such as by another refund."
    DISPUTE_OPENED = auto()
    "The cardholder's bank demands the money back."
    DISPUTE_CHANGED = auto()
    "The bank decides on the evidence, or asks for more."
    DISPUTE_WON = auto()
    "The dispute was decided for the seller."
    DISPUTE_LOST = auto()
    "The dispute was decided for the cardholder."
    ORDER_CONFIRMED = auto()
    "The payment is secured; the store can fulfill the order."
    ORDER_REROUTED = auto()
    "Another store fulfills the order, with a new delivery estimate."
    ORDER_EXPIRED = auto()
    "The order was not paid in time."
    ORDER_CANCELED = auto()
    "The order was canceled."
    AGE_CHECKED = auto()
    "The customer's age was checked at the handover."
    ORDER_COMPLETED = auto()
    "The order was delivered and closed."
    ORDER_REOPENED = auto()
    "Support reopened the order, which was completed by mistake."
    ORDER_CHANGE_REQUESTED = auto()
    "A change of the order waits for the authorization of the new total."
    ORDER_CHANGED = auto()
    "Items, address, note or tip of the order changed."
    ORDER_CHANGE_WITHDRAWN = auto()
    """A requested change was withdrawn, or came too late."""
    ORDER_CHANGE_EXPIRED = auto()
    "A requested change was not paid in time; the order is unchanged."
    FULFILLMENT_QUEUED = auto()
    "The order entered a store's queue."
    FULFILLMENT_ACCEPTED = auto()
    "The store accepted the order."
    FULFILLMENT_REJECTED = auto()
    "The store rejected the order."
    FULFILLMENT_TIMED_OUT = auto()
    "The store did not accept the order in time."
    FULFILLMENT_CANCELED = auto()
    "The store's task was canceled."
    PICKING_STARTED = auto()
    "The store started picking."
    LINE_PICKED = auto()
    "All ordered units of a line were picked."
    LINE_SHORT = auto()
    "Fewer units of a line were found than ordered."
    SUBSTITUTION_PROPOSED = auto()
    "The store proposed a substitute."
    SUBSTITUTION_ACCEPTED = auto()
    "The substitute was accepted."
    SUBSTITUTION_DECLINED = auto()
    "The substitute was declined."
    FULFILLMENT_STALLED = auto()
    "The accepted task has been idle, or the bags have waited, for longer than the store allows."
    FULFILLMENT_PACKED = auto()
    "All lines are picked and packed into bags."
    FULFILLMENT_STAGED = auto()
    "The bags wait at the handover point."
    FULFILLMENT_READY_FOR_PICKUP = auto()
    "The bags wait for the customer in the store."
    FULFILLMENT_COLLECTED = auto()
    "The customer collected the bags."
    FULFILLMENT_NOT_COLLECTED = auto()
    "The customer did not collect the bags in time."
    FULFILLMENT_GIVEN_BACK = auto()
    "The task went back to the store's queue."
    FULFILLMENT_PUT_BACK_OPENED = auto()
    "Picked units of an ended task wait in the store to be put back."
    FULFILLMENT_PUT_BACK_OVERDUE = auto()
    "Picked units of an ended task still wait to be put back."
    FULFILLMENT_PUT_BACK = auto()
    "The store recorded where the picked units went."
    FULFILLMENT_HANDED_OVER = auto()
    "The store handed the bags to the rider."
    DELIVERY_SEARCHING = auto()
    """The search for a rider has started or continues."""
    DELIVERY_OFFERED = auto()
    "A rider was offered the delivery."
    DELIVERY_OFFER_DECLINED = auto()
    "The rider declined the offer."
    DELIVERY_OFFER_EXPIRED = auto()
    "The rider did not answer the offer in time."
    DELIVERY_ASSIGNED = auto()
    "A rider accepted the delivery."
    DELIVERY_EN_ROUTE_TO_STORE = auto()
    "The rider is on the way to the store."
    DELIVERY_AT_STORE = auto()
    "The rider arrived at the store."
    DELIVERY_PICKED_UP = auto()
    "The rider picked up the order."
    DELIVERY_EN_ROUTE_TO_CUSTOMER = auto()
    "The rider is on the way to the customer."
    DELIVERY_ARRIVING = auto()
    "The rider is close to the customer."
    DELIVERY_AT_CUSTOMER = auto()
    "The rider arrived at the customer."
    DELIVERY_DELIVERED = auto()
    "The rider handed the order to the customer."
    DELIVERY_ATTEMPT_FAILED = auto()
    "The rider could not hand over the order."
    DELIVERY_RETURNING = auto()
    "The rider brings the order back to the store."
    DELIVERY_RETURNED = auto()
    "The order is back at the store."
    DELIVERY_CANCELED = auto()
    "The delivery was canceled."
    DELIVERY_NO_RIDER = auto()
    """No rider was found in time; store and support were notified."""
    DELIVERY_CANCEL_OFFERED = auto()
    """No rider was found for so long that the customer may cancel with a full refund."""
    DELIVERY_RIDER_SILENT = auto()
    """The rider has the order and has sent no position for too long; support has a case."""
    DELIVERY_RIDER_RELEASED = auto()
    "The rider can't go on; support looks for another one."
    DELIVERY_REASSIGNED = auto()
    "Another rider took over the order."
    DELIVERY_OVERDUE = auto()
    """The delivery has been in one state for too long; store and support were notified."""
    TICKET_OPENED = auto()
    "A support ticket about the order was opened."
    TICKET_RESOLVED = auto()
    "A support ticket about the order was resolved."
