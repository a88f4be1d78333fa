"""The app of managers and company admins: invitations, roles, counts of products."""

from typing import Any

from simulators.parts.picker import PickerClient

COMPANY = "query Company { viewer { roleAssignments { company { id } } } }"
INVITE = """
mutation Invite($input: InvitationCreateInput!) {
  invitationCreate(input: $input) {
    invitation { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
INVITATIONS = """
query Invitations($storeId: ID, $companyId: ID) {
  invitations(storeId: $storeId, companyId: $companyId, first: 50) {
    nodes { id status roleAssignment { id } }
  }
}
"""
ACCEPT_INVITATION = """
mutation AcceptInvitation($input: InvitationAcceptInput!) {
  invitationAccept(input: $input) {
    invitation { id role status }
    errors { __typename ... on Problem { message } }
  }
}
"""
REVOKE = """
mutation Revoke($input: RoleRevokeInput!) {
  roleRevoke(input: $input) {
    roleAssignment { id role }
    errors { __typename ... on Problem { message } }
  }
}
"""
COUNTS = """
query Counts($storeId: ID!) {
  stockCounts(storeId: $storeId, first: 50, status: IN_PROGRESS) { nodes { id note } }
}
"""
COUNT_LINES = """
query CountLines($stockCountId: ID!) {
  stockCountLines(stockCountId: $stockCountId, first: 100) { nodes { product { id sku } } }
}
"""
COUNT = """
mutation Count($input: StockCountLineSetInput!) {
  stockCountLineSet(input: $input) {
    stockCount { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
SUBMIT = """
mutation SubmitCount($input: StockCountSubmitInput!) {
  stockCountSubmit(input: $input) {
    stockCount { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
APPROVE = """
mutation ApproveCount($input: StockCountApproveInput!) {
  stockCountApprove(input: $input) {
    stockCount { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""


class AdministratorClient(PickerClient):
    """A manager of one store, or an admin of its company."""

    async def company_id(self) -> str:
        """Query the company of the manager."""
        grants = (await self.graph.run(COMPANY))["viewer"]["roleAssignments"]
        return str(next(one["company"]["id"] for one in grants if one["company"]))

    async def invite(self, role: str, email: str, **where: str) -> str:
        """Offer somebody a role; answers the invitation's id."""
        given = {"role": role, "contact": {"email": email}, **where}
        return str((await self.do(INVITE, "invitationCreate", given))["invitation"]["id"])

    async def grant(self, invitation_id: str, **where: str) -> str:
        """Query the id of the role that an accepted invitation has become."""
        nodes = (await self.graph.run(INVITATIONS, **where))["invitations"]["nodes"]
        return str(next(one["roleAssignment"]["id"] for one in nodes if one["id"] == invitation_id))

    async def revoke(self, grant_id: str) -> Any:
        """Take a role away."""
        return (await self.do(REVOKE, "roleRevoke", {"roleAssignmentId": grant_id}))[
            "roleAssignment"
        ]

    async def counts(self) -> list[Any]:
        """Query the counts that are under way in the store."""
        data = await self.graph.run(COUNTS, storeId=self.store_id)
        return list(data["stockCounts"]["nodes"])

    async def count(self, count_id: str, units: dict[str, int]) -> Any:
        """Say what is on the shelf, by product code, and approve it."""
        data = await self.graph.run(COUNT_LINES, stockCountId=count_id)
        for line in data["stockCountLines"]["nodes"]:
            product = line["product"]
            counted = {"product": {"productId": product["id"]}, "counted": units[product["sku"]]}
            await self.do(COUNT, "stockCountLineSet", {"stockCountId": count_id, **counted})
        await self.do(SUBMIT, "stockCountSubmit", {"stockCountId": count_id})
        return (await self.do(APPROVE, "stockCountApprove", {"stockCountId": count_id}))[
            "stockCount"
        ]
