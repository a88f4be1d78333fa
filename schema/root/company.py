import strawberry

from resolvers import company as resolve
from resolvers.rules import MANAGER, PLATFORM
from schema.backing import mutation
from schema.company import CompanyCreatePayload, RoleGrantPayload, RoleRevokePayload


@strawberry.type
class Mutation:
    company_create: CompanyCreatePayload = mutation(
        resolve.create, "Open a company on the platform.", allow=PLATFORM
    )
    role_grant: RoleGrantPayload = mutation(
        resolve.grant,
        "Give a person a role: company admins within their company, store managers staff of"
        " their store, super admins everywhere.",
        allow=MANAGER,
    )
    role_revoke: RoleRevokePayload = mutation(
        resolve.revoke,
        "Take a role away, and sign its holder out everywhere.",
        allow=MANAGER,
    )
