"""The support agent's app: answer a ticket and resolve it with some money back."""

from typing import Any

from simulators.parts.device import Device

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
    ticket { id status resolution }
    errors { __typename ... on Problem { message } }
  }
}
"""


class Agent(Device):
    """Somebody at the support desk."""

    async def reply(self, ticket_id: str, body: str) -> Any:
        """Answer the customer."""
        return (await self.do(REPLY, "ticketReply", {"ticketId": ticket_id, "body": body}))[
            "ticket"
        ]

    async def resolve(self, ticket_id: str, words: str, refund_minor: int | None = None) -> Any:
        """Close a ticket, with a refund when there is something to make good."""
        given: dict[str, Any] = {"ticketId": ticket_id, "resolution": words}
        if refund_minor:
            given["refund"] = {"amountMinor": refund_minor, "reason": "ITEM_DAMAGED"}
        return (await self.do(RESOLVE, "ticketResolve", given))["ticket"]
