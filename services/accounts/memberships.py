"""Role assignments: who may grant and revoke which role, and the scopes of each role."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from models.accounts import Membership, Person
from models.companies import Company
from models.identity import Actor, Role
from models.riders import Rider
from models.stores import Store
from services.accounts import people
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.text import parse_email
from services.identity import sign_in_sessions
from services.identity.one_time_codes import parse_phone_number

MAX_ROLES = 50
ROLE_REVOKED = "ROLE_REVOKED"

_COMPANY_ROLES = frozenset(
    {Role.COMPANY_ADMIN, Role.STORE_MANAGER, Role.STORE_STAFF, Role.RIDER, Role.SUPPORT_AGENT}
)
GRANTABLE_BY_ROLE: dict[Role, frozenset[Role]] = {
    Role.SUPER_ADMIN: frozenset(Role) - {Role.INTEGRATOR},
    Role.COMPANY_ADMIN: _COMPANY_ROLES,
    Role.STORE_MANAGER: frozenset({Role.STORE_STAFF}),
}
# The scope of each role: the whole platform, a company, or one of its stores.
COMPANY_WIDE_ROLES = frozenset({Role.COMPANY_ADMIN, Role.RIDER})
STORE_LEVEL_ROLES = frozenset({Role.STORE_MANAGER, Role.STORE_STAFF})
PLATFORM_OR_COMPANY_ROLES = frozenset({Role.SUPPORT_AGENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNotGrantable(Problem):
    """The caller can't grant or revoke this role in the scope; `grantable` lists those they can."""

    grantable: list[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLimit(Problem):
    """The person is a rider of another company, or has the maximum number of roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonContact:
    """A person's phone or e-mail; an unknown person is created with it."""

    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleScope:
    """The scope of a role: the platform, a company, or one of its stores."""

    company_id: UUID | None = None
    store_id: UUID | None = None


def grantable_roles(actor: Actor, role_scope: RoleScope) -> frozenset[Role]:
    """Return the roles that the actor may grant and revoke in a scope."""
    roles: frozenset[Role] = frozenset()
    for grant in actor.grants:
        in_company = grant.company_id in (None, role_scope.company_id)
        if in_company and grant.store_id in (None, role_scope.store_id):
            roles |= GRANTABLE_BY_ROLE.get(grant.role, frozenset())
    return roles


async def grant_role(
    session: AsyncSession,
    *,
    actor: Actor,
    contact: PersonContact,
    role: Role,
    role_scope: RoleScope,
) -> Membership:
    """Grant a role and return the assignment, which may exist already. Needs the platform scope.

    Raises DomainError: NotFound (company or store), RoleNotGrantable, InvalidInput (role and scope
    do not match, not exactly one contact), RoleLimit.
    """
    await _check_scope_exists(session, actor, role_scope)
    _authorize(actor, role, role_scope)
    _check_scope_of_role(role, role_scope)
    person = await _find_or_create_person(session, contact)
    current = await sign_in_sessions.load_grants(session, person.id)
    if len(current) >= MAX_ROLES:
        message = f"Nobody holds more than {MAX_ROLES} roles."
        raise DomainError(RoleLimit(path=["input"], message=message))
    if role is Role.RIDER and role_scope.company_id is not None:
        await _ensure_rider(session, person, role_scope.company_id)
    await session.execute(
        insert(Membership)
        .values(
            id=uuid7(),
            person_id=person.id,
            role=role,
            company_id=role_scope.company_id,
            store_id=role_scope.store_id,
        )
        .on_conflict_do_nothing()
    )
    assignment = await session.scalars(_assignment_of(person.id, role, role_scope))
    return assignment.one()


async def revoke_role(session: AsyncSession, *, actor: Actor, membership_id: UUID) -> Membership:
    """Revoke a role and all sessions of the person, because their tokens contain the role.

    A second call changes nothing. Needs the platform scope. Raises DomainError: NotFound,
    RoleNotGrantable.
    """
    membership = await session.get(Membership, membership_id, with_for_update=True)
    if membership is None:
        raise not_found(Membership, "grantId")
    role_scope = RoleScope(company_id=membership.company_id, store_id=membership.store_id)
    allowed = grantable_roles(actor, role_scope)
    if not allowed:
        raise not_found(Membership, "grantId")
    _authorize(actor, membership.role, role_scope)
    if membership.revoked_at is None:
        membership.revoked_at = await current_time(session)
        await sign_in_sessions.revoke_all_sessions(
            session, person_id=membership.person_id, reason=ROLE_REVOKED
        )
    return membership


async def _check_scope_exists(session: AsyncSession, actor: Actor, role_scope: RoleScope) -> None:
    """Raise DomainError: NotFound for a company or store in which the actor can grant no role."""
    if role_scope.store_id is not None:
        company_id = await session.scalar(
            select(Store.company_id).where(Store.id == role_scope.store_id)
        )
        if company_id is None or company_id != role_scope.company_id:
            raise not_found(Store, "storeId")
        if not grantable_roles(actor, role_scope):
            raise not_found(Store, "storeId")
    if role_scope.company_id is not None:
        company_id = await session.scalar(
            select(Company.id).where(Company.id == role_scope.company_id)
        )
        has_access = Role.SUPER_ADMIN in actor.roles or role_scope.company_id in actor.company_ids
        if company_id is None or not has_access:
            raise not_found(Company, "companyId")


def _authorize(actor: Actor, role: Role, role_scope: RoleScope) -> None:
    allowed = sorted(grantable_roles(actor, role_scope))
    if role not in allowed:
        message = "You can give and take here: " + (", ".join(allowed) or "nothing") + "."
        raise DomainError(
            RoleNotGrantable(path=["input", "role"], message=message, grantable=allowed)
        )


def _check_scope_of_role(role: Role, role_scope: RoleScope) -> None:
    place = (
        "a store"
        if role_scope.store_id
        else "a company"
        if role_scope.company_id
        else "the platform"
    )
    if role in STORE_LEVEL_ROLES:
        fits = role_scope.store_id is not None
    elif role in COMPANY_WIDE_ROLES:
        fits = role_scope.company_id is not None and role_scope.store_id is None
    else:
        fits = role_scope.store_id is None and (
            role_scope.company_id is None or role in PLATFORM_OR_COMPANY_ROLES
        )
    if not fits:
        message = f"{role} is not a role that is held in {place}."
        raise DomainError(InvalidInput(path=["input", "role"], message=message))


async def _find_or_create_person(session: AsyncSession, contact: PersonContact) -> Person:
    """Return the person with this phone or e-mail; create them if missing."""
    if (contact.phone is None) == (contact.email is None):
        message = "Name the person by either a phone or an e-mail."
        raise DomainError(InvalidInput(path=["input"], message=message))
    if contact.phone is not None:
        column, value = "phone", parse_phone_number(contact.phone, "phone")
    else:
        column, value = "email", parse_email(contact.email or "", "input", "email")
    await people.lock_contact(session, value)
    person = await session.scalar(select(Person).where(_contact_column(column) == value))
    if person is None:
        person = Person(**{column: value})
        session.add(person)
        await session.flush()
    return person


def _contact_column(column: str) -> ColumnElement[str | None]:
    return Person.phone.expression if column == "phone" else func.lower(Person.email)


async def _ensure_rider(session: AsyncSession, person: Person, company_id: UUID) -> None:
    """Create the person's rider row. Raises DomainError: RoleLimit for another company's rider."""
    rider = await session.scalar(select(Rider).where(Rider.person_id == person.id))
    if rider is None:
        session.add(Rider(person_id=person.id, company_id=company_id))
        await session.flush()
    elif rider.company_id != company_id:
        message = "That person rides for another company."
        raise DomainError(RoleLimit(path=["input"], message=message))


def _assignment_of(person_id: UUID, role: Role, role_scope: RoleScope) -> Select[Membership]:
    return select(Membership).where(
        Membership.person_id == person_id,
        Membership.role == role,
        Membership.company_id.is_not_distinct_from(role_scope.company_id),
        Membership.store_id.is_not_distinct_from(role_scope.store_id),
        Membership.revoked_at.is_(None),
    )
