"""Roles: who may grant and take away which, and where each of them can be held."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from models.accounts import Membership, Person
from models.companies import Company
from models.delivery import Rider
from models.identity import Actor, Role
from models.stores import Store
from services.accounts import people
from services.core.clock import moment
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.core.text import mail_address
from services.identity import sign_in_sessions
from services.identity.one_time_codes import phone_number

GRANTS_COUNT = 50
ROLE_REVOKED = "ROLE_REVOKED"

_COMPANY = frozenset(
    {Role.COMPANY_ADMIN, Role.STORE_MANAGER, Role.STORE_STAFF, Role.RIDER, Role.SUPPORT_AGENT}
)
GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.SUPER_ADMIN: frozenset(Role) - {Role.INTEGRATOR},
    Role.COMPANY_ADMIN: _COMPANY,
    Role.STORE_MANAGER: frozenset({Role.STORE_STAFF}),
}
# Where a role is held: the whole platform, a company, or one store of it.
IN_COMPANY = frozenset({Role.COMPANY_ADMIN, Role.RIDER})
IN_STORE = frozenset({Role.STORE_MANAGER, Role.STORE_STAFF})
ANYWHERE = frozenset({Role.SUPPORT_AGENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNotGrantable(Problem):
    """The caller can't give or take this role there; `grantable` are those that they can."""

    grantable: list[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLimit(Problem):
    """The person already rides for another company, or holds as many roles as one may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """A person by phone or by e-mail; whoever is not known yet is invited by it."""

    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in the tenant tree: the platform, a company, or one of its stores."""

    company_id: UUID | None = None
    store_id: UUID | None = None


def grantable(actor: Actor, where: Where) -> frozenset[Role]:
    """The roles that `actor` may give and take in a place."""
    found: frozenset[Role] = frozenset()
    for grant in actor.grants:
        reaches = grant.company_id in (None, where.company_id) and grant.store_id in (
            None,
            where.store_id,
        )
        if reaches:
            found |= GRANTABLE.get(grant.role, frozenset())
    return found


async def grant(
    session: AsyncSession, *, actor: Actor, whom: Whom, role: Role, where: Where
) -> Membership:
    """Give a role; giving it again answers the grant that stands. Needs the platform's scope.

    Refused with NotFound (a place that is not the caller's), RoleNotGrantable, InvalidInput (a
    role that is not held in such a place, no one named) or RoleLimit.
    """
    await _place(session, actor, where)
    _authorize(actor, role, where)
    _fits(role, where)
    person = await _person(session, whom)
    held = await sign_in_sessions.grants_of(session, person.id)
    if len(held) >= GRANTS_COUNT:
        message = f"Nobody holds more than {GRANTS_COUNT} roles."
        raise Refused(RoleLimit(path=["input"], message=message))
    if role is Role.RIDER and where.company_id is not None:
        await _ride(session, person, where.company_id)
    await session.execute(
        insert(Membership)
        .values(
            id=uuid7(),
            person_id=person.id,
            role=role,
            company_id=where.company_id,
            store_id=where.store_id,
        )
        .on_conflict_do_nothing()
    )
    given = await session.scalars(_live(person.id, role, where))
    return given.one()


async def revoke(session: AsyncSession, *, actor: Actor, membership_id: UUID) -> Membership:
    """Take a role away, and end the person's sessions, whose tokens still speak of it.

    Taking it twice changes nothing. Needs the platform's scope.
    """
    found = await session.get(Membership, membership_id, with_for_update=True)
    if found is None:
        raise not_found(Membership, "grantId")
    where = Where(company_id=found.company_id, store_id=found.store_id)
    allowed = grantable(actor, where)
    if not allowed:
        raise not_found(Membership, "grantId")
    _authorize(actor, found.role, where)
    if found.revoked_at is None:
        found.revoked_at = await moment(session)
        await sign_in_sessions.revoke_all(session, person_id=found.person_id, because=ROLE_REVOKED)
    return found


async def _place(session: AsyncSession, actor: Actor, where: Where) -> None:
    """Refuse a company or store that is missing or in which the actor has nothing to give."""
    if where.store_id is not None:
        owner = await session.scalar(select(Store.company_id).where(Store.id == where.store_id))
        if owner is None or owner != where.company_id or not grantable(actor, where):
            raise not_found(Store, "storeId")
    if where.company_id is not None:
        known = await session.scalar(select(Company.id).where(Company.id == where.company_id))
        mine = Role.SUPER_ADMIN in actor.roles or where.company_id in actor.companies
        if known is None or not mine:
            raise not_found(Company, "companyId")


def _authorize(actor: Actor, role: Role, where: Where) -> None:
    allowed = grantable(actor, where)
    if role not in allowed:
        listed = sorted(allowed)
        message = "You can give and take here: " + (", ".join(listed) or "nothing") + "."
        raise Refused(RoleNotGrantable(path=["input", "role"], message=message, grantable=listed))


def _fits(role: Role, where: Where) -> None:
    place = "a store" if where.store_id else "a company" if where.company_id else "the platform"
    if role in IN_STORE:
        fits = where.store_id is not None
    elif role in IN_COMPANY:
        fits = where.company_id is not None and where.store_id is None
    else:
        fits = where.store_id is None and (where.company_id is None or role in ANYWHERE)
    if not fits:
        message = f"{role} is not a role that is held in {place}."
        raise Refused(InvalidInput(path=["input", "role"], message=message))


async def _person(session: AsyncSession, whom: Whom) -> Person:
    """The person with this phone or e-mail, known from now on if they were not."""
    if (whom.phone is None) == (whom.email is None):
        message = "Name the person by either a phone or an e-mail."
        raise Refused(InvalidInput(path=["input"], message=message))
    if whom.phone is not None:
        by, name = "phone", phone_number(whom.phone, "phone")
    else:
        by, name = "email", mail_address(whom.email or "", "input", "email")
    await people.hold_name(session, name)
    found = await session.scalar(select(Person).where(_named(by) == name))
    if found is None:
        found = Person(**{by: name})
        session.add(found)
        await session.flush()
    return found


def _named(by: str) -> ColumnElement[str | None]:
    return Person.phone.expression if by == "phone" else func.lower(Person.email)


async def _ride(session: AsyncSession, person: Person, company_id: UUID) -> None:
    """A rider has one row, and rides for one company."""
    rider = await session.scalar(select(Rider).where(Rider.person_id == person.id))
    if rider is None:
        session.add(Rider(person_id=person.id, company_id=company_id))
        await session.flush()
    elif rider.company_id != company_id:
        message = "That person rides for another company."
        raise Refused(RoleLimit(path=["input"], message=message))


def _live(person_id: UUID, role: Role, where: Where) -> Select[Membership]:
    return select(Membership).where(
        Membership.person_id == person_id,
        Membership.role == role,
        Membership.company_id.is_not_distinct_from(where.company_id),
        Membership.store_id.is_not_distinct_from(where.store_id),
        Membership.revoked_at.is_(None),
    )
