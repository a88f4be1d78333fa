from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key
from models.identity import Role


class TicketStatus(NamedEnum):
    """Status of a ticket: who has to act next."""

    OPEN = auto()
    """Waits for a support agent."""
    AWAITING_CUSTOMER = auto()
    """Waits for the customer."""
    RESOLVED = auto()
    """Resolved; a customer reply reopens it."""


class TicketAction(NamedEnum):
    """An action on a ticket."""

    REPLY = auto()
    """Add a message; a customer reply reopens a resolved ticket."""
    ASSIGN = auto()
    """Assign the ticket to an agent, or change its priority."""
    RESOLVE = auto()
    """Resolve the ticket, optionally with a refund."""


class TicketCategory(NamedEnum):
    """The kind of problem with the order."""

    ITEM_MISSING = auto()
    """An item was not delivered."""
    ITEM_WRONG = auto()
    """A different item was delivered."""
    ITEM_DAMAGED = auto()
    """An item arrived damaged."""
    LATE = auto()
    """The order is late or arrived late."""
    PAYMENT = auto()
    """There is a problem with the payment."""
    OTHER = auto()
    """Another problem; see the messages."""
    NO_RIDER = auto()
    """No rider accepts the delivery. Opened by the system."""
    RIDER_SILENT = auto()
    """The rider has the bags and sends no positions. Opened by the system."""
    RIDER_RELEASED = auto()
    """The delivery needs another rider: its rider was dismissed. Opened by the system."""
    BAGS_WAITING = auto()
    """Packed bags are not staged, or staged bags wait for a rider. Opened by the system."""
    DELIVERY_OVERDUE = auto()
    """The delivery has been in one state for too long. Opened by the system."""
    PUT_BACK_OVERDUE = auto()
    """Picked units of an ended order wait to be put back. Opened by the system."""
    DISPUTE = auto()
    """The cardholder's bank disputes the payment. Opened by the system."""
    NOT_PAID = auto()
    """The bags have left the store, and the payment was lost. Opened by the system."""


SYSTEM_KINDS = frozenset(
    {
        TicketCategory.NO_RIDER,
        TicketCategory.RIDER_SILENT,
        TicketCategory.RIDER_RELEASED,
        TicketCategory.BAGS_WAITING,
        TicketCategory.DELIVERY_OVERDUE,
        TicketCategory.PUT_BACK_OVERDUE,
        TicketCategory.DISPUTE,
        TicketCategory.NOT_PAID,
    }
)
"""The kinds of cases that the system opens; people can't choose them."""


class TicketPriority(NamedEnum):
    """How urgently an agent should handle the ticket."""

    URGENT = auto()
    """Handled first: the order is in progress, or nobody has answered."""
    HIGH = auto()
    """Handled after urgent tickets."""
    NORMAL = auto()
    """Handled after all others, oldest first."""


class Ticket(Entity):
    """A conversation about one order between its customer and support, or a case for support alone.

    Cases (`internal`) are opened by the system: nobody opened them, and customers do not see them.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ix_ticket_order", "order_id"),
        Index("ix_ticket_customer", "customer_id", "id"),
        Index("ix_ticket_open", "company_id", "id", postgresql_where=text("status <> 'RESOLVED'")),
        Index(
            "uq_ticket_case",
            "order_id",
            "category",
            "cause_id",
            unique=True,
            postgresql_where=text("internal and status <> 'RESOLVED'"),
        ),
        CheckConstraint("internal or opened_by_id is not null", name="opener"),
        CheckConstraint("internal = (cause_id is not null)", name="cause"),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID] = foreign_key("person.id")
    opened_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    internal: Mapped[bool] = mapped_column(default=False, server_default="false")
    cause_id: Mapped[UUID | None]
    """The row that a case is about: a payment, a refund or a dispute; otherwise the order."""
    assignee_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    category: Mapped[TicketCategory]
    priority: Mapped[TicketPriority] = mapped_column(default=TicketPriority.NORMAL)
    subject: Mapped[str]
    details: Mapped[str] = mapped_column(default="", server_default="")
    """What the system knows about its case."""
    status: Mapped[TicketStatus] = mapped_column(default=TicketStatus.OPEN)
    resolution: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime] = default_now()
    first_responded_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def order_and_ticket_id(self) -> tuple[UUID, UUID]:
        """The key of the refunds loader: the order's and the ticket's key."""
        return self.order_id, self.id


class TicketMessage(Entity):
    """A message in a ticket."""

    __tablename__ = "ticket_message"
    __table_args__ = (Index("ix_ticket_message_ticket", "ticket_id", "id"),)

    ticket_id: Mapped[UUID] = foreign_key("ticket.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    author_id: Mapped[UUID] = foreign_key("person.id", index=True)
    author_role: Mapped[Role]
    body: Mapped[str]
    sent_at: Mapped[datetime] = default_now()
