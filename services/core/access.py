"""Checks whether an actor may operate or manage a store; commands on a store call these first."""

from uuid import UUID

from models.identity import Actor, Role

STORE_ROLES = frozenset(
    {Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN}
)
MANAGER_ROLES = STORE_ROLES - {Role.STORE_STAFF}
COMPANY_ROLES = MANAGER_ROLES - {Role.STORE_MANAGER}


def may_operate_store(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Return whether the actor has a staff, manager or company role for the store."""
    return actor.has_store_role(company_id, store_id, STORE_ROLES)


def may_manage_store(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Return whether the actor manages the store or administers its company."""
    return actor.has_store_role(company_id, store_id, MANAGER_ROLES)
