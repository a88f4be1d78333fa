"""The streams of tickets and of support queues: their messages and root fields."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import support as load
from models.events import StreamMessageKind
from resolvers.rules import CUSTOMER_OR_SUPPORT_OR_APP, SUPPORT_OR_APP
from schema.backing import backed_by, column, related, stream
from schema.stream_messages import CURSOR, EVENT_TYPE, KIND, OCCURRED_AT
from subscriptions import support

if TYPE_CHECKING:
    from schema.support.tickets import TicketMessageType, TicketType


@backed_by(support.TicketChanged, "A message about a ticket.")
class TicketChangedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(EVENT_TYPE)
    at: datetime | None = column(OCCURRED_AT)
    ticket: Annotated["TicketType", strawberry.lazy("schema.support.tickets")] | None = related(
        load.ticket_by_id, "The current state of the ticket.", by="ticket_id"
    )
    message: Annotated["TicketMessageType", strawberry.lazy("schema.support.tickets")] | None = (
        related(load.message_by_id, "The new message, if the event is about one.", by="message_id")
    )


@backed_by(support.SupportQueueChanged, "A message about the tickets of the support queue.")
class SupportQueueChangedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(EVENT_TYPE)
    at: datetime | None = column(OCCURRED_AT)
    ticket: Annotated["TicketType", strawberry.lazy("schema.support.tickets")] | None = related(
        load.ticket_by_id, "The current state of the ticket.", by="ticket_id"
    )
    tickets: list[Annotated["TicketType", strawberry.lazy("schema.support.tickets")]] | None = (
        column("The open tickets, oldest first, at most 100; null unless it is a snapshot.")
    )


@strawberry.type
class SupportSubscription:
    ticket_changed: AsyncIterator[TicketChangedType] = stream(
        support.watch_ticket,
        "Streams the messages and changes of a ticket.",
        allow=CUSTOMER_OR_SUPPORT_OR_APP,
    )
    support_queue_changed: AsyncIterator[SupportQueueChangedType] = stream(
        support.watch_support_queue,
        "Streams the changes of the support queue.",
        allow=SUPPORT_OR_APP,
    )
