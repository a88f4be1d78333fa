from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import orders as load_orders
from dataloaders import support as load
from models.identity import Role
from models.orders import Order
from models.support import (
    Ticket,
    TicketAction,
    TicketKind,
    TicketMessage,
    TicketPriority,
    TicketStatus,
)
from resolvers.rules import SUPPORT
from resolvers.support import tickets as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.payments.payments import ExceedsCapturedType, RefundType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.support import tickets

if TYPE_CHECKING:
    from schema.accounts.people import PersonType
    from schema.orders.orders import OrderType


@backed_by(TicketMessage, "One thing said in a ticket.")
class TicketMessageType(NodeType):
    id: strawberry.ID = id_field(TicketMessage)
    author_role: Role = column("CUSTOMER or SUPPORT_AGENT: as whom it was said.")
    body: str = column("What was said: plain text, to be escaped like any other.")
    at: datetime = column("When.")


@backed_by(
    Ticket,
    "A conversation about one order between its customer and support, or a case that the system "
    "opened for support.",
)
class TicketType(NodeType):
    id: strawberry.ID = id_field(Ticket)
    status: TicketStatus = column("Whose turn it is.")
    available_actions: list[TicketAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")
    kind: TicketKind = column("What went wrong.")
    internal: bool = column(
        "Whether it is a case that the system opened: only support sees it, and nobody replies."
    )
    priority: TicketPriority = column("How soon an agent should look.")
    subject: str = column("What it is about, in a line.")
    details: str = column("What the system knows about its case; empty for other tickets.")
    order_id: strawberry.ID = id_field(Order, "The order it is about.", by="order_id")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order it is about.", by="order_id"
    )
    messages: list[TicketMessageType] = related(
        load.messages_by_ticket, "What was said, the first thing first; at most 200.", cost=5
    )
    refunds: list[RefundType] = related(
        load.refunds_by_ticket, "Money given back by resolving it.", by="order_and_ticket_id"
    )
    assignee: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "The agent who sees to it; null for nobody, or one who is not of your company.",
        by="assignee_id",
        allow=SUPPORT,
    )
    resolution: str = column("How it ended, in words for the customer; empty before that.")
    opened_at: datetime = column("When it was opened.")
    first_answered_at: datetime | None = column("When an agent first answered.")
    resolved_at: datetime | None = column("When it was resolved, while it is.")


@backed_by(tickets.TooMany, "There are as many already as there may be.")
class TooManyType(ProblemType):
    most: int = column("How many there may be.")


TicketOpenError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | TooManyType,
    strawberry.union("TicketOpenError", description="Why no ticket was opened."),
]
TicketReplyError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | TooManyType,
    strawberry.union("TicketReplyError", description="Why nothing was said."),
]
TicketAssignError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType,
    strawberry.union("TicketAssignError", description="Why the ticket stays with whom it was."),
]
TicketResolveError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType | ExceedsCapturedType,
    strawberry.union("TicketResolveError", description="Why the ticket is not at its end."),
]
NOW = "The ticket as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.TicketOutcome, "What ticketOpen did.")
class TicketOpenPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketOpenError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "What ticketReply did.")
class TicketReplyPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketReplyError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "What ticketAssign did.")
class TicketAssignPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketAssignError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "What ticketResolve did.")
class TicketResolvePayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketResolveError] = column(ERRORS)
