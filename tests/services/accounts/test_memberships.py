"""Who may grant and revoke which role in which scope."""

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from models.accounts import Membership
from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client
from tests.support.city import City

GRANT = """mutation ($input: InvitationCreateInput!) { invitationCreate(input: $input) {
  roleAssignment: invitation { id role company { id } store { id } }
  errors { __typename ... on Problem { path } ... on RoleNotGrantable { grantable } } } }"""
REVOKE = """mutation ($id: ID!) { roleRevoke(input: { roleAssignmentId: $id }) {
  roleAssignment { id role }
  errors { __typename ... on RoleNotGrantable { grantable } } } }"""
OF_COMPANY = [Role.COMPANY_ADMIN, Role.RIDER, Role.SUPPORT_AGENT]
OF_STORE = [Role.STORE_MANAGER, Role.STORE_STAFF]
OF_PLATFORM = [Role.SUPER_ADMIN, Role.CUSTOMER]


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


@pytest.fixture
def somebody(request: pytest.FixtureRequest, container: Container) -> ActorClient:
    """A shared client, by the name of its fixture, which needs the container."""
    result: ActorClient = request.getfixturevalue(request.param)
    return result


async def grant_role(
    who: ActorClient, role: Role, *, company: Any = None, store: Any = None
) -> Any:
    """Invite a new person to a role; return the payload."""
    variables = {
        "role": role.value,
        "contact": {"email": new_email()},
        "companyId": company and encode_id(Company, company.id),
        "storeId": store and encode_id(Store, store.id),
    }
    return (await who.run(GRANT, {"input": variables}))["invitationCreate"]


async def revoke_role(who: ActorClient, grant_id: str) -> Any:
    return (await who.run(REVOKE, {"id": grant_id}))["roleRevoke"]


def error_type(payload: Any) -> str | None:
    """Return the type of the only error, None without an error."""
    assert bool(payload["errors"]) == (payload["roleAssignment"] is None)
    return payload["errors"][0]["__typename"] if payload["errors"] else None


async def test_a_store_manager_grants_only_staff_roles_of_their_store(
    manager: ActorClient, shared_city: City
) -> None:
    """A store's manager who could grant more would make themselves an admin of the company."""
    payload = await grant_role(
        manager, Role.STORE_STAFF, company=shared_city.company, store=shared_city.near
    )
    assert payload["errors"] == []
    assert payload["roleAssignment"]["role"] == "STORE_STAFF"
    assert payload["roleAssignment"]["store"]["id"] == encode_id(Store, shared_city.near.id)
    for role in {*Role} - {Role.STORE_STAFF}:
        refused = await grant_role(
            manager, role, company=shared_city.company, store=shared_city.near
        )
        assert error_type(refused) == "RoleNotGrantable", role
        assert refused["errors"][0]["grantable"] == ["STORE_STAFF"]


async def test_a_store_manager_grants_nothing_outside_their_store(
    manager: ActorClient, shared_city: City
) -> None:
    """Staff of the next store would be chosen by a manager who has no say there."""
    elsewhere: list[tuple[dict[str, Any], str]] = [
        ({"company": shared_city.company, "store": shared_city.next}, "NotFound"),
        (
            {"company": shared_city.second.company, "store": shared_city.second.stores[0]},
            "NotFound",
        ),
        ({"company": shared_city.second.company, "store": shared_city.near}, "NotFound"),
        ({"store": shared_city.near}, "NotFound"),
        ({"company": shared_city.second.company}, "NotFound"),
        ({"company": shared_city.company}, "RoleNotGrantable"),
        ({}, "RoleNotGrantable"),
    ]
    for scope, expected in elsewhere:
        assert error_type(await grant_role(manager, Role.STORE_STAFF, **scope)) == expected, scope


async def test_a_company_admin_grants_every_role_of_their_company(
    company_admin: ActorClient, shared_city: City
) -> None:
    """Without it a new company could not employ anybody but by the platform."""
    for role in OF_COMPANY:
        assert (
            error_type(await grant_role(company_admin, role, company=shared_city.company)) is None
        ), role
    for role in OF_STORE:
        payload = await grant_role(
            company_admin, role, company=shared_city.company, store=shared_city.far
        )
        assert error_type(payload) is None, role
    for role in OF_PLATFORM:
        assert (
            error_type(await grant_role(company_admin, role, company=shared_city.company))
            == "RoleNotGrantable"
        )
        assert error_type(await grant_role(company_admin, role)) == "RoleNotGrantable"
    other = shared_city.second
    for role in OF_COMPANY:
        assert (
            error_type(await grant_role(company_admin, role, company=other.company)) == "NotFound"
        )
    for role in OF_STORE:
        where = {"company": other.company, "store": other.stores[0]}
        assert error_type(await grant_role(company_admin, role, **where)) == "NotFound"


async def test_the_integrator_role_cannot_be_granted(
    super_admin: ActorClient, shared_city: City
) -> None:
    """It is for apps; a person with it would act with the rights of all their scopes."""
    for where in (
        {},
        {"company": shared_city.company},
        {"company": shared_city.company, "store": shared_city.near},
    ):
        assert (
            error_type(await grant_role(super_admin, Role.INTEGRATOR, **where))
            == "RoleNotGrantable"
        )


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATOR])
async def test_only_super_admins_grant_super_admin_and_each_role_has_its_scope(
    role: Role, super_admin: ActorClient, shared_city: City
) -> None:
    """An admin of one company would reach all others, or a role would be tied to no store."""
    at_store = await grant_role(
        super_admin, role, company=shared_city.company, store=shared_city.near
    )
    in_company = await grant_role(super_admin, role, company=shared_city.company)
    everywhere = await grant_role(super_admin, role)
    fits = [error_type(payload) is None for payload in (at_store, in_company, everywhere)]
    assert fits == [
        role in OF_STORE,
        role in OF_COMPANY,
        role in (*OF_PLATFORM, Role.SUPPORT_AGENT),
    ]
    assert {error_type(payload) for payload in (at_store, in_company, everywhere)} == {
        None,
        "InvalidInput",
    }


@pytest.mark.parametrize(
    "somebody", ["nobody", "customer", "picker", "rider", "support_agent"], indirect=True
)
async def test_people_without_a_granting_role_are_refused(somebody: ActorClient) -> None:
    """A picker or a customer invites a friend as staff."""
    variables = {
        "role": "STORE_STAFF",
        "contact": {"email": new_email()},
        "storeId": "x",
        "companyId": "x",
    }
    denied = {"UNAUTHENTICATED"} if not somebody.actor.signed_in else {"FORBIDDEN"}
    assert await somebody.codes(GRANT, {"input": variables}) == denied
    assert await somebody.codes(REVOKE, {"id": encode_id(Membership, uuid7())}) == denied


@pytest.mark.parametrize("contact", [{"email": "nobody"}, {"phone": "12"}])
async def test_an_invalid_contact_is_refused(
    contact: dict[str, str], company_admin: ActorClient, shared_city: City
) -> None:
    variables = {
        "role": "SUPPORT_AGENT",
        "companyId": encode_id(Company, shared_city.company.id),
        "contact": contact,
    }
    payload = (await company_admin.run(GRANT, {"input": variables}))["invitationCreate"]
    assert error_type(payload) == "InvalidInput"


async def test_a_revoked_role_ends_at_once_and_the_session_goes_on(
    container: Container, shared_city: City, manager: ActorClient, other_company_admin: ActorClient
) -> None:
    """roleRevoke signed the holder out everywhere: any manager could sign anybody out."""
    staff = await create_client(
        container,
        "Staff",
        Grant(Role.CUSTOMER),
        Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id),
    )
    async with container.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(Membership.id).where(
                Membership.person_id == staff.id, Membership.role == Role.STORE_STAFF
            )
        )
        grant_id = encode_id(Membership, rows.one())
    authenticator = container.authenticator
    assert error_type(await revoke_role(other_company_admin, grant_id)) == "NotFound"
    assert await authenticator.current_actor(staff.actor) == staff.actor
    assert error_type(await revoke_role(manager, grant_id)) is None
    current = await authenticator.current_actor(staff.actor)
    assert current is not None
    assert current.roles == {Role.CUSTOMER}
    assert current.session_id == staff.actor.session_id
    assert error_type(await revoke_role(manager, grant_id)) is None


async def test_nobody_revokes_a_role_that_they_could_not_grant(
    container: Container,
    shared_city: City,
    manager: ActorClient,
    company_admin: ActorClient,
    super_admin: ActorClient,
) -> None:
    """A store's manager could end the session of anybody, the super admin included."""
    grants = [
        Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id),
        Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.next.id),
        Grant(Role.COMPANY_ADMIN, shared_city.company.id),
        Grant(Role.SUPER_ADMIN),
    ]
    answers = []
    for grant in grants:
        holder = await create_client(container, "Holder", grant)
        async with container.database.read(PLATFORM) as session:
            rows = select(Membership.id).where(Membership.person_id == holder.id)
            grant_id = encode_id(Membership, (await session.scalars(rows)).one())
        answers.append(
            [
                error_type(await revoke_role(who, grant_id))
                for who in (manager, company_admin, super_admin)
            ]
        )
    assert answers == [
        ["RoleNotGrantable", None, None],
        ["NotFound", None, None],
        ["NotFound", None, None],
        ["NotFound", "NotFound", None],
    ]
