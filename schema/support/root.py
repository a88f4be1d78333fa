"""Root fields of support tickets."""

import strawberry

from resolvers.rules import (
    CUSTOMER,
    CUSTOMER_OR_SUPPORT,
    CUSTOMER_OR_SUPPORT_OR_APP,
    SUPPORT,
    SUPPORT_OR_APP,
)
from resolvers.support import tickets as ticket_resolvers
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.support.tickets import (
    TicketAssignPayload,
    TicketOpenPayload,
    TicketReplyPayload,
    TicketResolvePayload,
    TicketType,
)


@strawberry.type
class TicketQuery:
    ticket: TicketType | None = field(
        ticket_resolvers.get_ticket,
        "A ticket by its id, for its customer, support and apps.",
        allow=CUSTOMER_OR_SUPPORT_OR_APP,
    )
    own_tickets: ConnectionType[TicketType] | None = field(
        ticket_resolvers.list_own,
        "The caller's own tickets, newest first.",
        allow=CUSTOMER,
    )
    support_queue: ConnectionType[TicketType] | None = field(
        ticket_resolvers.list_queue,
        "The unresolved tickets of support: urgent ones first, then the oldest.",
        allow=SUPPORT_OR_APP,
    )


@strawberry.type
class TicketMutation:
    ticket_open: TicketOpenPayload | None = mutation(
        ticket_resolvers.open_ticket,
        "Opens a support ticket about an order.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    ticket_reply: TicketReplyPayload | None = mutation(
        ticket_resolvers.reply,
        "Adds a message to a ticket; a customer's message reopens a resolved ticket.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    ticket_assign: TicketAssignPayload | None = mutation(
        ticket_resolvers.assign,
        "Assigns a ticket to the caller or to another agent.",
        allow=SUPPORT,
    )
    ticket_resolve: TicketResolvePayload | None = mutation(
        ticket_resolvers.resolve, "Resolves a ticket, optionally with a refund.", allow=SUPPORT
    )
