"""A rider whom a second company invites rides for both, and chooses by each shift."""

from typing import Any

from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation

INVITE = """mutation ($input: InvitationCreateInput!) {
  invitationCreate(input: $input) { invitation { id } errors { __typename } } }"""
ACCEPT = """mutation ($id: ID!) { invitationAccept(input: { invitationId: $id }) {
  invitation { id } errors { __typename } } }"""
OWN = "{ viewer { invitations { id } } }"
SHIFT = "{ rider { id status company { id } availableActions } errors { __typename } }"
GO_ONLINE = f"mutation ($input: RiderGoOnlineInput!) {{ riderGoOnline(input: $input) {SHIFT} }}"
GO_OFFLINE = f"mutation {{ riderGoOffline(input: {{}}) {SHIFT} }}"
NODE = "query ($id: ID!) { node(id: $id) { ... on Rider { id status } } }"


async def run(who: ActorClient, document: str, **variables: Any) -> Any:
    [payload] = (await who.run(document, variables)).values()
    return payload


async def desk_of(who: ActorClient) -> Any:
    return (await who.run(operation("rider_desk")))["viewer"]["rider"]


async def invited_by_both(
    container: Container, shared_city: City, admins: list[ActorClient]
) -> ActorClient:
    """Somebody who has accepted the invitation of each admin's company, signed in again."""
    person = await create_client(container, "Invited twice", Grant(Role.CUSTOMER))
    assert person.person is not None
    companies = [one.company.id for one in (shared_city.first, shared_city.second)]
    for admin, company in zip(admins, companies, strict=True):
        values = {
            "role": "RIDER",
            "companyId": encode_id(Company, company),
            "contact": {"email": person.person.email},
        }
        assert (await run(admin, INVITE, input=values))["errors"] == []
        [invitation] = (await person.run(OWN))["viewer"]["invitations"][:1]
        assert (await run(person, ACCEPT, id=invitation["id"]))["errors"] == []
    grants = [Grant(Role.RIDER, company) for company in companies]
    return await create_client(container, "", *grants, person_id=person.id)


async def test_a_second_company_makes_a_rider_of_its_own(
    container: Container,
    shared_city: City,
    company_admin: ActorClient,
    other_company_admin: ActorClient,
) -> None:
    """The second company's invitation was accepted, and gave a role without a rider."""
    both = await invited_by_both(container, shared_city, [company_admin, other_company_admin])
    first, second = (encode_id(Company, one.id) for one in (shared_city.first, shared_city.second))
    own = {row["company"]["id"]: row for row in (await desk_of(both))["riders"]}
    assert own.keys() == {first, second}
    assert all(row["availableActions"] == ["GO_ONLINE"] for row in own.values())
    online = await run(both, GO_ONLINE, input={"companyId": second})
    assert online["rider"]["company"]["id"] == second
    own = {row["company"]["id"]: row for row in (await desk_of(both))["riders"]}
    assert own[first]["availableActions"] == [], "no shift beside another one"
    refused = await run(both, GO_ONLINE, input={"companyId": first})
    assert [error["__typename"] for error in refused["errors"]] == ["InvalidTransition"]
    assert (await desk_of(both))["rider"]["id"] == online["rider"]["id"]
    assert await company_admin.codes(NODE, {"id": own[second]["id"]}) == {"NOT_FOUND"}
    assert (await run(company_admin, NODE, id=own[first]["id"]))["status"] == "OFFLINE"
    ended = await run(both, GO_OFFLINE)
    assert ended["rider"]["id"] == online["rider"]["id"]
    assert (await run(both, GO_ONLINE, input={"companyId": first}))["rider"]["id"] != (
        online["rider"]["id"]
    )
    assert (await run(both, GO_OFFLINE))["errors"] == []
