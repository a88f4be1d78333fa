"""Who gives and takes which role where, as the graph lets them."""

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from models.accounts import Membership, Person
from models.companies import Company
from models.delivery import Rider
from models.identity import Grant, Role
from models.ids import encode
from models.stores import Store
from resolvers.context import House
from tests.support.actors import Standing, stand
from tests.support.city import City

GRANT = """mutation ($input: RoleGrantInput!) { roleGrant(input: $input) {
  grant { id role company { id } store { id } }
  errors { __typename ... on Problem { path } ... on RoleNotGrantable { grantable } } } }"""
REVOKE = """mutation ($id: ID!) { roleRevoke(input: { grantId: $id }) {
  grant { id role }
  errors { __typename ... on RoleNotGrantable { grantable } } } }"""
OF_COMPANY = [Role.COMPANY_ADMIN, Role.RIDER, Role.SUPPORT_AGENT]
OF_STORE = [Role.STORE_MANAGER, Role.STORE_STAFF]
OF_PLATFORM = [Role.SUPER_ADMIN, Role.CUSTOMER]


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> Standing:
    """One of the standing people, by the name of their fixture."""
    found: Standing = request.getfixturevalue(request.param)
    return found


async def give(who: Standing, role: Role, *, company: Any = None, store: Any = None) -> Any:
    """What comes of giving a new person a role in a place."""
    given = {
        "role": role.value,
        "email": new_email(),
        "companyId": company and encode(Company, company.id),
        "storeId": store and encode(Store, store.id),
    }
    return (await who.run(GRANT, {"input": given}))["roleGrant"]


async def take(who: Standing, grant_id: str) -> Any:
    return (await who.run(REVOKE, {"id": grant_id}))["roleRevoke"]


def kind(payload: Any) -> str | None:
    """The name of the one error, or None when it was done."""
    assert bool(payload["errors"]) == (payload["grant"] is None)
    return payload["errors"][0]["__typename"] if payload["errors"] else None


async def test_a_store_manager_gives_staff_of_the_own_store_and_nothing_else(
    manager: Standing, town: City
) -> None:
    given = await give(manager, Role.STORE_STAFF, company=town.company, store=town.near)
    assert given["errors"] == []
    assert given["grant"]["role"] == "STORE_STAFF"
    assert given["grant"]["store"]["id"] == encode(Store, town.near.id)
    for role in {*Role} - {Role.STORE_STAFF}:
        refused = await give(manager, role, company=town.company, store=town.near)
        assert kind(refused) == "RoleNotGrantable", role
        assert refused["errors"][0]["grantable"] == ["STORE_STAFF"]


async def test_a_store_manager_gives_nothing_elsewhere(manager: Standing, town: City) -> None:
    elsewhere: list[tuple[dict[str, Any], str]] = [
        ({"company": town.company, "store": town.next}, "NotFound"),
        ({"company": town.second.company, "store": town.second.stores[0]}, "NotFound"),
        ({"company": town.second.company, "store": town.near}, "NotFound"),
        ({"store": town.near}, "NotFound"),
        ({"company": town.second.company}, "NotFound"),
        ({"company": town.company}, "RoleNotGrantable"),
        ({}, "RoleNotGrantable"),
    ]
    for where, why in elsewhere:
        assert kind(await give(manager, Role.STORE_STAFF, **where)) == why, where


async def test_a_company_admin_gives_every_role_of_the_own_company(
    company_admin: Standing, town: City
) -> None:
    for role in OF_COMPANY:
        assert kind(await give(company_admin, role, company=town.company)) is None, role
    for role in OF_STORE:
        given = await give(company_admin, role, company=town.company, store=town.far)
        assert kind(given) is None, role
    for role in OF_PLATFORM:
        assert kind(await give(company_admin, role, company=town.company)) == "RoleNotGrantable"
        assert kind(await give(company_admin, role)) == "RoleNotGrantable"
    theirs = town.second
    for role in OF_COMPANY:
        assert kind(await give(company_admin, role, company=theirs.company)) == "NotFound"
    for role in OF_STORE:
        where = {"company": theirs.company, "store": theirs.stores[0]}
        assert kind(await give(company_admin, role, **where)) == "NotFound"


async def test_an_app_is_made_and_never_granted(super_admin: Standing, town: City) -> None:
    for where in ({}, {"company": town.company}, {"company": town.company, "store": town.near}):
        assert kind(await give(super_admin, Role.INTEGRATOR, **where)) == "RoleNotGrantable"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATOR])
async def test_only_a_super_admin_makes_super_admins_and_each_role_has_its_place(
    role: Role, super_admin: Standing, town: City
) -> None:
    at_store = await give(super_admin, role, company=town.company, store=town.near)
    in_company = await give(super_admin, role, company=town.company)
    everywhere = await give(super_admin, role)
    fits = [kind(one) is None for one in (at_store, in_company, everywhere)]
    assert fits == [
        role in OF_STORE,
        role in OF_COMPANY,
        role in (*OF_PLATFORM, Role.SUPPORT_AGENT),
    ]
    assert {kind(one) for one in (at_store, in_company, everywhere)} == {None, "InvalidInput"}


@pytest.mark.parametrize(
    "somebody", ["nobody", "customer", "picker", "rider", "support_agent"], indirect=True
)
async def test_people_without_a_say_are_turned_away_at_the_door(somebody: Standing) -> None:
    given = {"role": "STORE_STAFF", "email": new_email(), "storeId": "x", "companyId": "x"}
    denied = {"UNAUTHENTICATED"} if not somebody.actor.signed_in else {"FORBIDDEN"}
    assert await somebody.codes(GRANT, {"input": given}) == denied
    assert await somebody.codes(REVOKE, {"id": encode(Membership, uuid7())}) == denied


async def test_giving_twice_is_one_grant_and_a_rider_gets_a_row(
    company_admin: Standing, house: House, town: City
) -> None:
    given = {
        "role": "RIDER",
        "email": new_email(),
        "companyId": encode(Company, town.company.id),
    }
    first, second = [
        (await company_admin.run(GRANT, {"input": given}))["roleGrant"] for _ in range(2)
    ]
    assert first["grant"] == second["grant"]
    async with house.database.read(PLATFORM) as session:
        riding = select(Rider.company_id).join(Person, Person.id == Rider.person_id)
        rows = await session.scalars(riding.where(Person.email == given["email"]))
        assert rows.all() == [town.company.id]


@pytest.mark.parametrize("naming", [{}, {"phone": "+351912345678", "email": "a@example.org"},
                                    {"email": "nobody"}, {"phone": "12"}])  # fmt: skip
async def test_a_person_is_named_by_one_phone_or_e_mail(
    naming: dict[str, str], company_admin: Standing, town: City
) -> None:
    given = {"role": "SUPPORT_AGENT", "companyId": encode(Company, town.company.id), **naming}
    done = (await company_admin.run(GRANT, {"input": given}))["roleGrant"]
    assert kind(done) == "InvalidInput"


async def test_a_role_is_taken_by_those_who_could_give_it_and_its_sessions_end(
    house: House, town: City, manager: Standing, other_company_admin: Standing
) -> None:
    staff = await stand(house, "Staff", Grant(Role.STORE_STAFF, town.company.id, town.near.id))
    async with house.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Membership.id).where(Membership.person_id == staff.id))
        held = encode(Membership, rows.one())
    assert kind(await take(other_company_admin, held)) == "NotFound"
    assert await house.identity.alive(staff.actor.session_id)
    assert kind(await take(manager, held)) is None
    async with house.database.read(PLATFORM) as session:
        row = (
            await session.scalars(select(Membership).where(Membership.person_id == staff.id))
        ).one()
        assert row.revoked_at is not None
    house.identity.forget(*filter(None, [staff.actor.session_id]))
    assert not await house.identity.alive(staff.actor.session_id)
    assert kind(await take(manager, held)) is None


async def test_nobody_takes_a_role_that_they_could_not_give(
    house: House, town: City, manager: Standing, company_admin: Standing, super_admin: Standing
) -> None:
    grants = [
        Grant(Role.STORE_MANAGER, town.company.id, town.near.id),
        Grant(Role.STORE_STAFF, town.company.id, town.next.id),
        Grant(Role.COMPANY_ADMIN, town.company.id),
        Grant(Role.SUPER_ADMIN),
    ]
    answers = []
    for grant in grants:
        holder = await stand(house, "Holder", grant)
        async with house.database.read(PLATFORM) as session:
            rows = select(Membership.id).where(Membership.person_id == holder.id)
            held = encode(Membership, (await session.scalars(rows)).one())
        answers.append(
            [kind(await take(who, held)) for who in (manager, company_admin, super_admin)]
        )
    assert answers == [
        ["RoleNotGrantable", None, None],
        ["NotFound", None, None],
        ["NotFound", None, None],
        ["NotFound", "NotFound", None],
    ]
