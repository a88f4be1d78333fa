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
    TicketCategory,
    TicketMessage,
    TicketPriority,
    TicketStatus,
)
from resolvers.rules import SUPPORT
from resolvers.support import tickets as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.payments.payments import RefundExceedsCapturedType, RefundType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.support import tickets

if TYPE_CHECKING:
    from schema.accounts.people import UserType
    from schema.orders.orders import OrderType


@backed_by(TicketMessage, "A message of a ticket.")
class TicketMessageType(NodeType):
    id: strawberry.ID = id_field(TicketMessage)
    author_role: Role = column("Role of the author: CUSTOMER or SUPPORT_AGENT.")
    body: str = column("The text: plain text, which clients have to escape.")
    sent_at: datetime = column("When.")


@backed_by(
    Ticket,
    "A conversation about one order between its customer and support, or a case that the system "
    "opened for support.",
)
class TicketType(NodeType):
    id: strawberry.ID = id_field(Ticket)
    status: TicketStatus = column("Its status.")
    available_actions: list[TicketAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")
    category: TicketCategory = column("The kind of problem.")
    internal: bool = column(
        "Whether it is a case that the system opened, which only support sees and"
        " to which nobody replies."
    )
    priority: TicketPriority = column("Its priority.")
    subject: str = column("Its subject.")
    details: str = column("Details that the system recorded for a case; empty for other tickets.")
    order_id: strawberry.ID = id_field(Order, "The order it is about.", by="order_id")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order it is about.", by="order_id"
    )
    messages: list[TicketMessageType] = related(
        load.messages_by_ticket, "Its messages, oldest first, at most 200.", cost=5
    )
    refunds: list[RefundType] = related(
        load.refunds_by_ticket,
        "Refunds that were issued with its resolution.",
        by="order_and_ticket_id",
    )
    assignee: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = related(
        load_accounts.person_by_id,
        "The assigned agent; null without one, and for agents of other companies.",
        by="assignee_id",
        allow=SUPPORT,
    )
    resolution: str = column("Its resolution, in words for the customer; empty before that.")
    opened_at: datetime = column("Time when it was opened.")
    first_responded_at: datetime | None = column("Time of the first answer of an agent.")
    resolved_at: datetime | None = column("Time when it was resolved; null unless it is RESOLVED.")


@backed_by(tickets.TooMany, "The maximum number is reached.")
class TooManyType(ProblemType):
    limit: int = column("The maximum number.")


TicketOpenError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | TooManyType,
    strawberry.union("TicketOpenError", description="Problems that `ticketOpen` can return."),
]
TicketReplyError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | TooManyType,
    strawberry.union("TicketReplyError", description="Problems that `ticketReply` can return."),
]
TicketAssignError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union("TicketAssignError", description="Problems that `ticketAssign` can return."),
]
TicketResolveError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | VersionConflictType
    | RefundExceedsCapturedType,
    strawberry.union("TicketResolveError", description="Problems that `ticketResolve` can return."),
]
NOW = "The ticket as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.TicketOutcome, "Result of `ticketOpen`.")
class TicketOpenPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketOpenError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "Result of `ticketReply`.")
class TicketReplyPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketReplyError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "Result of `ticketAssign`.")
class TicketAssignPayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketAssignError] = column(ERRORS)


@backed_by(resolve.TicketOutcome, "Result of `ticketResolve`.")
class TicketResolvePayload:
    ticket: TicketType | None = column(NOW)
    errors: list[TicketResolveError] = column(ERRORS)
