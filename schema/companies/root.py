import strawberry

from resolvers.companies import companies as company_resolvers
from resolvers.rules import MANAGER, PLATFORM
from schema.backing import mutation
from schema.companies.companies import CompanyCreatePayload, RoleGrantPayload, RoleRevokePayload


@strawberry.type
class CompanyMutation:
    company_create: CompanyCreatePayload | None = mutation(
        company_resolvers.create_company, "Open a company on the platform.", allow=PLATFORM
    )
    role_grant: RoleGrantPayload | None = mutation(
        company_resolvers.grant_role,
        "Give a person a role: company admins within their company, store managers staff of"
        " their store, super admins everywhere.",
        allow=MANAGER,
    )
    role_revoke: RoleRevokePayload | None = mutation(
        company_resolvers.revoke_role,
        "Take a role away, and sign its holder out everywhere.",
        allow=MANAGER,
    )
