from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership
from models.companies import Company
from resolvers.companies.inputs import CompanyCreateInput, CompanyUpdateInput, RoleRevokeInput
from resolvers.context import Info
from resolvers.mutations import run_mutation
from services import companies
from services.core.problems import parse_id
from workflows.identity import role_revocation


@dataclass
class CompanyOutcome:
    """The outcome of `companyCreate` and `companyUpdate`."""

    company: Company | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class RoleOutcome:
    """The outcome of `roleRevoke`."""

    role_assignment: Membership | None = None
    errors: list[Any] = field(default_factory=list)


async def create_company(info: Info, input: CompanyCreateInput) -> CompanyOutcome:
    names = {"name": input.name, "slug": input.slug, "currency": input.currency}

    async def operation(session: AsyncSession) -> Company:
        actor = info.context.actor
        return await companies.create_company(session, actor=actor, terms=input.to_terms(), **names)

    return await run_mutation(info, CompanyOutcome, operation, input=input)


async def update_company(info: Info, input: CompanyUpdateInput) -> CompanyOutcome:
    async def operation(session: AsyncSession) -> Company:
        key = parse_id(Company, input.company_id, "companyId")
        return await companies.update_company(
            session, actor=info.context.actor, company_id=key, change=input.to_change()
        )

    return await run_mutation(info, CompanyOutcome, operation, input=input)


async def revoke_role(info: Info, input: RoleRevokeInput) -> RoleOutcome:
    async def operation(session: AsyncSession) -> Membership:
        key = parse_id(Membership, input.role_assignment_id, "roleAssignmentId")
        return await role_revocation.revoke_role(
            session, actor=info.context.actor, membership_id=key
        )

    outcome = await run_mutation(info, RoleOutcome, operation, input=input, as_platform=True)
    if outcome.role_assignment is not None:
        await info.context.container.authenticator.forget_person(outcome.role_assignment.person_id)
    return outcome
