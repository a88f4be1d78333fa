"""Root fields of support tickets."""

import strawberry

from resolvers.rules import CUSTOMER, CUSTOMER_OR_SUPPORT, SUPPORT
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
        "A ticket of yours, or one that you may see to.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    own_tickets: ConnectionType[TicketType] | None = field(
        ticket_resolvers.list_own,
        "The tickets about your own orders, newest first.",
        allow=CUSTOMER,
    )
    support_queue: ConnectionType[TicketType] | None = field(
        ticket_resolvers.list_queue,
        "What waits at the support desk: urgent tickets first, then the oldest.",
        allow=SUPPORT,
    )


@strawberry.type
class TicketMutation:
    ticket_open: TicketOpenPayload | None = mutation(
        ticket_resolvers.open_ticket,
        "Say what went wrong with an order.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    ticket_reply: TicketReplyPayload | None = mutation(
        ticket_resolvers.reply,
        "Say something in a ticket; its customer's word reopens a resolved one.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    ticket_assign: TicketAssignPayload | None = mutation(
        ticket_resolvers.assign, "Take a ticket, or give it to another agent.", allow=SUPPORT
    )
    ticket_resolve: TicketResolvePayload | None = mutation(
        ticket_resolvers.resolve, "End a ticket, with money back if it is due.", allow=SUPPORT
    )
