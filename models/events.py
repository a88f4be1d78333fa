from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from database.base import Base, Named, at_now


class TransactionNumber(UserDefinedType[int]):
    """The number of a transaction (xid8): it never comes again, and grows with their beginnings."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"

    @property
    def python_type(self) -> type[int]:
        return int


class Stream(Base):
    """The head of one stream: its row lock puts writers in line, so numbers have no gaps."""

    __tablename__ = "stream"
    __table_args__: Any = ({"postgresql_with": {"fillfactor": 50}},)

    stream: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[UUID | None]
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    # Of its last event, which may have left the log; never earlier than that of one before it.
    at: Mapped[datetime | None]


class Event(Base):
    """Something that happened, numbered 1, 2, 3 … within its stream. Append-only.

    A day's events are a partition, which is dropped when it is old enough. A number is given out
    once, under the row lock of its stream; the moment is in the key because partitions ask for it.
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
    at: Mapped[datetime] = at_now(primary_key=True)
    # Whoever reads up to the oldest transaction under way misses nothing that commits later.
    tx: Mapped[int] = mapped_column(
        TransactionNumber, server_default=text("pg_current_xact_id()"), deferred=True
    )


class MessageKind(Named):
    """What a message of a stream is: the state now, an event, or a passing value.

    LAGGED is a snapshot that comes because the cursor could not be continued: too old, too far
    behind, or of a log that is gone.
    """

    SNAPSHOT = auto()
    EVENT = auto()
    POSITION = auto()
    LAGGED = auto()


class EventType(Named):
    """What can happen to an order, from its placing to its end."""

    ORDER_PLACED = auto()
    PAYMENT_ACTION_REQUIRED = auto()
    PAYMENT_AUTHORIZED = auto()
    PAYMENT_FAILED = auto()
    PAYMENT_CAPTURED = auto()
    PAYMENT_VOIDED = auto()
    PAYMENT_TIME_EXTENDED = auto()
    REFUND_REQUESTED = auto()
    REFUND_SUCCEEDED = auto()
    REFUND_FAILED = auto()
    ORDER_CONFIRMED = auto()
    ORDER_EXPIRED = auto()
    ORDER_CANCELED = auto()
    ORDER_COMPLETED = auto()
    FULFILLMENT_QUEUED = auto()
    FULFILLMENT_ACCEPTED = auto()
    FULFILLMENT_REJECTED = auto()
    FULFILLMENT_TIMED_OUT = auto()
    FULFILLMENT_CANCELED = auto()
    PICKING_STARTED = auto()
    LINE_PICKED = auto()
    LINE_SHORT = auto()
    SUBSTITUTE_PROPOSED = auto()
    SUBSTITUTE_ACCEPTED = auto()
    SUBSTITUTE_DECLINED = auto()
    FULFILLMENT_STALLED = auto()
    FULFILLMENT_PACKED = auto()
    FULFILLMENT_STAGED = auto()
    FULFILLMENT_HANDED_OVER = auto()
    DELIVERY_SEARCHING = auto()
    DELIVERY_OFFERED = auto()
    DELIVERY_OFFER_DECLINED = auto()
    DELIVERY_OFFER_EXPIRED = auto()
    DELIVERY_ASSIGNED = auto()
    DELIVERY_TO_STORE = auto()
    DELIVERY_AT_STORE = auto()
    DELIVERY_PICKED_UP = auto()
    DELIVERY_TO_CUSTOMER = auto()
    DELIVERY_ARRIVING = auto()
    DELIVERY_AT_CUSTOMER = auto()
    DELIVERY_DELIVERED = auto()
    DELIVERY_ATTEMPT_FAILED = auto()
    DELIVERY_RETURNING = auto()
    DELIVERY_RETURNED = auto()
    DELIVERY_CANCELED = auto()
    TICKET_OPENED = auto()
    TICKET_RESOLVED = auto()
