from dataclasses import dataclass, field
from typing import Any

from models import Company, Membership, Store
from resolvers.context import Info
from resolvers.inputs.company import CompanyCreateInput, RoleGrantInput, RoleRevokeInput
from resolvers.work import attempt
from services import company as companies
from services import membership as memberships
from services.membership import Where, Whom
from services.refusal import key_of


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
    return await attempt(
        info,
        CompanyOutcome,
        lambda session: companies.create(
            session,
            actor=info.context.actor,
            name=input.name,
            slug=input.slug,
            currency=input.currency,
            terms=input.terms(),
        ),
        input=input,
    )


async def grant(info: Info, input: RoleGrantInput) -> RoleOutcome:
    return await attempt(
        info,
        RoleOutcome,
        lambda session: memberships.grant(
            session,
            actor=info.context.actor,
            whom=Whom(phone=input.phone, email=input.email),
            role=input.role,
            where=_where(input),
        ),
        input=input,
        anywhere=True,
    )


async def revoke(info: Info, input: RoleRevokeInput) -> RoleOutcome:
    return await attempt(
        info,
        RoleOutcome,
        lambda session: memberships.revoke(
            session,
            actor=info.context.actor,
            membership_id=key_of(Membership, input.grant_id, "grantId"),
        ),
        input=input,
        anywhere=True,
    )


def _where(input: RoleGrantInput) -> Where:
    company, store = input.company_id, input.store_id
    return Where(
        company_id=key_of(Company, company, "companyId") if company else None,
        store_id=key_of(Store, store, "storeId") if store else None,
    )
