"""The support agent's app: tickets, cases, payments that need a person, rides without a rider."""

from typing import Any

from simulators.parts.customer import CANCEL
from simulators.parts.device import RoleClient

REPLY = """
mutation Reply($input: TicketReplyInput!) {
  ticketReply(input: $input) {
    ticket { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
RESOLVE = """
mutation Resolve($input: TicketResolveInput!) {
  ticketResolve(input: $input) {
    ticket { id status resolution refunds { amount { formatted } } }
    errors { __typename ... on Problem { message } }
  }
}
"""
QUEUE = """
query SupportQueue {
  supportQueue(first: 100) { nodes { id status category internal subject order { id } } }
}
"""
STUCK = """
query StuckPayments {
  stuckPayments(first: 100) { nodes { id stuckReason attemptCount order { id } } }
}
"""
RESUME = """
mutation Resume($input: PaymentResumeInput!) {
  paymentResume(input: $input) {
    payment { id status stuckReason }
    errors { __typename ... on Problem { message } }
  }
}
"""
REFUND = """
mutation Refund($input: RefundIssueInput!) {
  refundIssue(input: $input) {
    refund { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
REASSIGN = """
mutation Reassign($input: DeliveryReassignInput!) {
  deliveryReassign(input: $input) {
    delivery { id status riderName }
    errors { __typename ... on Problem { message } }
  }
}
"""


class AgentClient(RoleClient):
    """A support agent."""

    async def reply(self, ticket_id: str, body: str) -> Any:
        """Answer the customer."""
        return (await self.do(REPLY, "ticketReply", {"ticketId": ticket_id, "body": body}))[
            "ticket"
        ]

    async def resolve(self, ticket_id: str, words: str, refund_minor: int | None = None) -> Any:
        """Resolve a ticket, with a refund if an amount is given."""
        given: dict[str, Any] = {"ticketId": ticket_id, "resolution": words}
        if refund_minor:
            given["refund"] = {"amountMinor": refund_minor, "reason": "ITEM_DAMAGED"}
        return (await self.do(RESOLVE, "ticketResolve", given))["ticket"]

    async def cases(self, order_id: str) -> list[Any]:
        """Query the open cases that the system has opened for an order."""
        nodes = (await self.graph.run(QUEUE))["supportQueue"]["nodes"]
        return [one for one in nodes if one["internal"] and one["order"]["id"] == order_id]

    async def stuck_payments(self, order_id: str) -> list[Any]:
        """Query the payments of an order that need a person."""
        nodes = (await self.graph.run(STUCK))["stuckPayments"]["nodes"]
        return [one for one in nodes if one["order"]["id"] == order_id]

    async def resume(self, payment_id: str) -> Any:
        """Have a payment tried again at once."""
        return (await self.do(RESUME, "paymentResume", {"paymentId": payment_id}))["payment"]

    async def refund(self, order_id: str, amount_minor: int) -> Any:
        """Send money back."""
        given = {"orderId": order_id, "amountMinor": amount_minor, "reason": "GOODWILL"}
        return (await self.do(REFUND, "refundIssue", given))["refund"]

    async def cancel(self, order_id: str, reason: str) -> Any:
        """Call an order off for its customer."""
        given = {"orderId": order_id, "reason": reason}
        return (await self.do(CANCEL, "orderCancel", given))["order"]

    async def reassign(self, delivery_id: str, rider_id: str, note: str) -> Any:
        """Give a ride whose rider can't be reached to another rider."""
        override = {"reason": "RIDER_UNREACHABLE", "note": note}
        given = {"deliveryId": delivery_id, "riderId": rider_id, "override": override}
        return (await self.do(REASSIGN, "deliveryReassign", given))["delivery"]
