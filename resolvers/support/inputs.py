import strawberry

from models.payments import RefundReason
from models.support import TicketKind, TicketPriority
from resolvers.shared_inputs import BigInt
from services.support.tickets import TicketRefund

TICKET = "The ticket."
VERSION = "The version you saw: refused with VersionConflict when somebody changed it since."


@strawberry.input(description="What went wrong with an order.")
class TicketOpenInput:
    order_id: strawberry.ID = strawberry.field(description="The order: yours, or a customer's.")
    kind: TicketKind = strawberry.field(description="What went wrong.")
    subject: str = strawberry.field(description="One line, from 1 to 120 characters.")
    body: str = strawberry.field(description="What happened, from 1 to 4,000 characters of text.")


@strawberry.input(description="What you have to say in a ticket.")
class TicketReplyInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    body: str = strawberry.field(description="From 1 to 4,000 characters of plain text.")


@strawberry.input(description="Who sees to a ticket, and how soon.")
class TicketAssignInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="The person of an agent; you yourself when left out."
    )
    priority: TicketPriority | None = strawberry.field(
        default=None, description="How soon it should be seen to; unchanged when left out."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Money that goes back to the customer.")
class TicketRefundInput:
    amount_minor: BigInt = strawberry.field(
        description="Minor units of the order's currency, at most what is left to refund."
    )
    reason: RefundReason = strawberry.field(description="Why it goes back.")


@strawberry.input(description="How a ticket ends.")
class TicketResolveInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    resolution: str = strawberry.field(
        description="What was done, for the customer to read: from 1 to 1,000 characters."
    )
    refund: TicketRefundInput | None = strawberry.field(
        default=None, description="Money to give back in the same stroke, if any."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_refund(self) -> TicketRefund | None:
        if self.refund is None:
            return None
        return TicketRefund(int(self.refund.amount_minor), self.refund.reason)
