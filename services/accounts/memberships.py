"""Role assignments: who may grant and revoke which role, and the scopes of each role."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from models.accounts import Invitation, Membership
from models.companies import Company
from models.identity import Actor, Role
from models.message_text import words_text
from models.riders import Rider
from models.stores import Store
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.identity import sign_in_sessions

MAX_ROLES = 50

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
class RoleConflict(Problem):
    """The person has the maximum number of roles."""


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


async def check_grantable(
    session: AsyncSession, actor: Actor, role: Role, role_scope: RoleScope
) -> None:
    """Raise DomainError unless the actor may give this role there. Needs the platform scope.

    NotFound (company or store), RoleNotGrantable, InvalidInput (role and scope do not match).
    """
    await _check_scope_exists(session, actor, role_scope)
    authorize(actor, role, role_scope)
    _check_scope_of_role(role, role_scope)


async def add_role(
    session: AsyncSession, *, person_id: UUID, role: Role, role_scope: RoleScope
) -> Membership:
    """Give a person a role and return the assignment, which may exist already.

    Authorization is the caller's. Raises DomainError: RoleConflict.
    """
    current = await sign_in_sessions.load_grants(session, person_id)
    if len(current) >= MAX_ROLES:
        message = f"Nobody holds more than {MAX_ROLES} roles."
        raise DomainError(RoleConflict(path=["input"], message=message))
    if role is Role.RIDER and role_scope.company_id is not None:
        await session.execute(
            insert(Rider)
            .values(id=uuid7(), person_id=person_id, company_id=role_scope.company_id)
            .on_conflict_do_nothing()
        )
    await session.execute(
        insert(Membership)
        .values(
            id=uuid7(),
            person_id=person_id,
            role=role,
            company_id=role_scope.company_id,
            store_id=role_scope.store_id,
        )
        .on_conflict_do_nothing()
    )
    assignment = await session.scalars(_assignment_of(person_id, role, role_scope))
    return assignment.one()


async def find_revocable(session: AsyncSession, *, actor: Actor, membership_id: UUID) -> Membership:
    """Return a role assignment that the actor may revoke, not locked. Needs the platform scope.

    Raises DomainError: NotFound, RoleNotGrantable.
    """
    membership = await session.get(Membership, membership_id)
    if membership is None:
        raise not_found(Membership, "roleAssignmentId")
    role_scope = scope_of(membership)
    if not grantable_roles(actor, role_scope):
        raise not_found(Membership, "roleAssignmentId")
    authorize(actor, membership.role, role_scope)
    return membership


async def revoke_role(session: AsyncSession, membership: Membership) -> bool:
    """End a role assignment; False if it had ended before.

    The person's sessions go on without the role: requests, sockets and streams lose it within five
    seconds, whatever their access tokens say.
    """
    await session.refresh(membership, with_for_update=True)
    if membership.revoked_at is not None:
        return False
    membership.revoked_at = await current_time(session)
    await session.flush()
    return True


def scope_of(row: Membership | Invitation) -> RoleScope:
    """Return the scope of an assigned or offered role."""
    return RoleScope(company_id=row.company_id, store_id=row.store_id)


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


def authorize(actor: Actor, role: Role, role_scope: RoleScope) -> None:
    """Raise DomainError: RoleNotGrantable unless the actor may give and take this role there."""
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
        message = f'"{words_text(role)}" is not a role that is held in {place}.'
        raise DomainError(InvalidInput(path=["input", "role"], message=message))


def _assignment_of(person_id: UUID, role: Role, role_scope: RoleScope) -> Select[Membership]:
    return select(Membership).where(
        Membership.person_id == person_id,
        Membership.role == role,
        Membership.company_id.is_not_distinct_from(role_scope.company_id),
        Membership.store_id.is_not_distinct_from(role_scope.store_id),
        Membership.revoked_at.is_(None),
    )
