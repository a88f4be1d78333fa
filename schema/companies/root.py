import strawberry

from resolvers.companies import companies as company_resolvers
from resolvers.rules import COMPANY, MANAGER, PLATFORM
from schema.backing import mutation
from schema.companies.companies import (
    CompanyCreatePayload,
    CompanyUpdatePayload,
    RoleRevokePayload,
)


@strawberry.type
class CompanyMutation:
    company_create: CompanyCreatePayload | None = mutation(
        company_resolvers.create_company, "Creates a company.", allow=PLATFORM
    )
    company_update: CompanyUpdatePayload | None = mutation(
        company_resolvers.update_company, "Changes the terms of a company.", allow=COMPANY
    )
    role_revoke: RoleRevokePayload | None = mutation(
        company_resolvers.revoke_role,
        "Revokes a role. Its rights, streams and sockets end within five seconds;"
        " its holder stays signed in. A rider's deliveries are handed over first,"
        " and a picker's tasks return to their queue.",
        allow=MANAGER,
    )
