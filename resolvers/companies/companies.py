from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership
from models.companies import Company
from models.stores import Store
from resolvers.companies.inputs import CompanyCreateInput, RoleGrantInput, RoleRevokeInput
from resolvers.context import Info
from resolvers.mutations import run_mutation
from services import companies
from services.accounts import memberships
from services.accounts.memberships import PersonContact, RoleScope
from services.core.problems import parse_id, parse_optional_id


@dataclass
class CompanyOutcome:
    """The outcome of `companyCreate`."""

    company: Company | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class RoleOutcome:
    """The outcome of `roleGrant` and `roleRevoke`."""

    grant: Membership | None = None
    errors: list[Any] = field(default_factory=list)


async def create_company(info: Info, input: CompanyCreateInput) -> CompanyOutcome:
    names = {"name": input.name, "slug": input.slug, "currency": input.currency}

    async def operation(session: AsyncSession) -> Company:
        actor = info.context.actor
        return await companies.create_company(session, actor=actor, terms=input.to_terms(), **names)

    return await run_mutation(info, CompanyOutcome, operation, input=input)


async def grant_role(info: Info, input: RoleGrantInput) -> RoleOutcome:
    contact, actor = PersonContact(phone=input.phone, email=input.email), info.context.actor

    async def operation(session: AsyncSession) -> Membership:
        scope = _role_scope(input)
        return await memberships.grant_role(
            session, actor=actor, contact=contact, role=input.role, role_scope=scope
        )

    return await run_mutation(info, RoleOutcome, operation, input=input, as_platform=True)


async def revoke_role(info: Info, input: RoleRevokeInput) -> RoleOutcome:
    async def operation(session: AsyncSession) -> Membership:
        key = parse_id(Membership, input.grant_id, "grantId")
        return await memberships.revoke_role(session, actor=info.context.actor, membership_id=key)

    return await run_mutation(info, RoleOutcome, operation, input=input, as_platform=True)


def _role_scope(input: RoleGrantInput) -> RoleScope:
    company, store = input.company_id, input.store_id
    return RoleScope(
        company_id=parse_optional_id(Company, company, "companyId"),
        store_id=parse_optional_id(Store, store, "storeId"),
    )
