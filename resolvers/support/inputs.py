import strawberry

from models.payments import RefundReason
from models.support import TicketCategory, TicketPriority
from resolvers.shared_inputs import SafeInt
from services.support.tickets import TicketRefund

TICKET = "The ticket."
VERSION = "The version that the caller has read; VersionConflict if it has changed since."


@strawberry.input(description="Input of `ticketOpen`.")
class TicketOpenInput:
    order_id: strawberry.ID = strawberry.field(
        description="The order: of the caller, or for support of a customer."
    )
    category: TicketCategory = strawberry.field(description="The kind of problem.")
    subject: str = strawberry.field(description="One line, from 1 to 120 characters.")
    body: str = strawberry.field(description="What happened, from 1 to 4,000 characters of text.")


@strawberry.input(description="Input of `ticketReply`.")
class TicketReplyInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    body: str = strawberry.field(description="From 1 to 4,000 characters of plain text.")


@strawberry.input(description="Input of `ticketAssign`.")
class TicketAssignInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="The person id of an agent; the caller if left out."
    )
    priority: TicketPriority | None = strawberry.field(
        default=None, description="The priority; unchanged if left out."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A refund to the customer.")
class TicketRefundInput:
    amount_minor: SafeInt = strawberry.field(
        description="Amount in minor units of the order's currency, at most what is left to refund."
    )
    reason: RefundReason = strawberry.field(description="Reason of the refund.")


@strawberry.input(description="Input of `ticketResolve`.")
class TicketResolveInput:
    ticket_id: strawberry.ID = strawberry.field(description=TICKET)
    resolution: str = strawberry.field(
        description="The resolution, in words for the customer: from 1 to 1,000 characters."
    )
    refund: TicketRefundInput | None = strawberry.field(
        default=None, description="A refund to issue with the resolution, if any."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_refund(self) -> TicketRefund | None:
        if self.refund is None:
            return None
        return TicketRefund(int(self.refund.amount_minor), self.refund.reason)
