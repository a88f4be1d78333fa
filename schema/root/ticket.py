"""Root fields of the support desk."""

import strawberry

from resolvers import ticket as resolve
from resolvers.rules import CUSTOMER, CUSTOMER_OR_SUPPORT, SUPPORT
from schema.backing import field, mutation
from schema.page import Connection
from schema.ticket import (
    Ticket,
    TicketAssignPayload,
    TicketOpenPayload,
    TicketReplyPayload,
    TicketResolvePayload,
)


@strawberry.type
class Query:
    ticket: Ticket | None = field(
        resolve.one, "A ticket of yours, or one that you may see to.", allow=CUSTOMER_OR_SUPPORT
    )
    own_tickets: Connection[Ticket] | None = field(
        resolve.own, "The tickets about your own orders, newest first.", allow=CUSTOMER
    )
    support_queue: Connection[Ticket] | None = field(
        resolve.queue,
        "What waits at the support desk: urgent tickets first, then the oldest.",
        allow=SUPPORT,
    )


@strawberry.type
class Mutation:
    ticket_open: TicketOpenPayload = mutation(
        resolve.open, "Say what went wrong with an order.", allow=CUSTOMER_OR_SUPPORT
    )
    ticket_reply: TicketReplyPayload = mutation(
        resolve.reply,
        "Say something in a ticket; its customer's word reopens a resolved one.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    ticket_assign: TicketAssignPayload = mutation(
        resolve.assign, "Take a ticket, or give it to another agent.", allow=SUPPORT
    )
    ticket_resolve: TicketResolvePayload = mutation(
        resolve.resolve, "End a ticket, with money back if it is due.", allow=SUPPORT
    )
