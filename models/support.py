from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, refers
from models.identity import Role


class TicketStatus(Named):
    """Whose turn it is: the agent's (OPEN), the customer's (WAITING), nobody's (RESOLVED)."""

    OPEN = auto()
    WAITING = auto()
    RESOLVED = auto()


class TicketAction(Named):
    """What a person may do with a ticket next."""

    REPLY = auto()
    ASSIGN = auto()
    RESOLVE = auto()


class TicketKind(Named):
    """What went wrong with the order."""

    ITEM_MISSING = auto()
    ITEM_WRONG = auto()
    ITEM_DAMAGED = auto()
    LATE = auto()
    PAYMENT = auto()
    OTHER = auto()


class TicketPriority(Named):
    """How soon an agent should look."""

    URGENT = auto()
    HIGH = auto()
    NORMAL = auto()


class Ticket(Keyed):
    """A conversation about one order between its customer and support."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ix_ticket_order", "order_id"),
        Index("ix_ticket_customer", "customer_id", "id"),
        Index("ix_ticket_open", "company_id", "id", postgresql_where=text("status <> 'RESOLVED'")),
    )

    order_id: Mapped[UUID] = refers("order.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    opened_by_id: Mapped[UUID] = refers("person.id")
    assignee_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    kind: Mapped[TicketKind]
    priority: Mapped[TicketPriority] = mapped_column(default=TicketPriority.NORMAL)
    subject: Mapped[str]
    status: Mapped[TicketStatus] = mapped_column(default=TicketStatus.OPEN)
    resolution: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime] = at_now()
    first_answered_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def in_order(self) -> tuple[UUID, UUID]:
        """The order it is about, and its own key."""
        return self.order_id, self.id


class TicketMessage(Keyed):
    """One thing said in a ticket."""

    __tablename__ = "ticket_message"
    __table_args__ = (Index("ix_ticket_message_ticket", "ticket_id", "id"),)

    ticket_id: Mapped[UUID] = refers("ticket.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    author_id: Mapped[UUID] = refers("person.id")
    author_role: Mapped[Role]
    body: Mapped[str]
    at: Mapped[datetime] = at_now()
