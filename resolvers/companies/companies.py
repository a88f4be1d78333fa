from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership
from models.companies import Company
from models.stores import Store
from resolvers.companies.inputs import CompanyCreateInput, RoleGrantInput, RoleRevokeInput
from resolvers.context import Info
from resolvers.mutations import attempt
from services import companies
from services.accounts import memberships
from services.accounts.memberships import Where, Whom
from services.core.problems import key_if_given, key_of


@dataclass
class CompanyOutcome:
    """What `companyCreate` answers."""

    company: Company | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class RoleOutcome:
    """What `roleGrant` and `roleRevoke` answer."""

    grant: Membership | None = None
    errors: list[Any] = field(default_factory=list)


async def create(info: Info, input: CompanyCreateInput) -> CompanyOutcome:
    called = {"name": input.name, "slug": input.slug, "currency": input.currency}

    async def verb(session: AsyncSession) -> Company:
        actor = info.context.actor
        return await companies.create(session, actor=actor, terms=input.terms(), **called)

    return await attempt(info, CompanyOutcome, verb, input=input)


async def grant(info: Info, input: RoleGrantInput) -> RoleOutcome:
    whom = Whom(phone=input.phone, email=input.email)

    async def verb(session: AsyncSession) -> Membership:
        return await memberships.grant(
            session, actor=info.context.actor, whom=whom, role=input.role, where=_where(input)
        )

    return await attempt(info, RoleOutcome, verb, input=input, anywhere=True)


async def revoke(info: Info, input: RoleRevokeInput) -> RoleOutcome:
    async def verb(session: AsyncSession) -> Membership:
        key = key_of(Membership, input.grant_id, "grantId")
        return await memberships.revoke(session, actor=info.context.actor, membership_id=key)

    return await attempt(info, RoleOutcome, verb, input=input, anywhere=True)


def _where(input: RoleGrantInput) -> Where:
    company, store = input.company_id, input.store_id
    return Where(
        company_id=key_if_given(Company, company, "companyId"),
        store_id=key_if_given(Store, store, "storeId"),
    )
