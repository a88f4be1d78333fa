"""The support agent's app: answers a ticket and resolves it with a refund."""

from typing import Any

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
    ticket { id status resolution }
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
