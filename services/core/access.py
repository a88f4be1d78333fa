"""Who works where: the question that every verb on a store's rows asks first."""

from uuid import UUID

from models.identity import Actor, Role

STORE_ROLES = frozenset(
    {Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN}
)
MANAGER_ROLES = STORE_ROLES - {Role.STORE_STAFF}
COMPANY_ROLES = MANAGER_ROLES - {Role.STORE_MANAGER}


def works_in(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Whether this person picks, counts or manages in the store, or runs its company."""
    return actor.works_at(company_id, store_id, STORE_ROLES)


def manages(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Whether this person decides in the store: its manager, or one who runs its company."""
    return actor.works_at(company_id, store_id, MANAGER_ROLES)
