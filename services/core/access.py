"""Who may act on a store's rows, and who may see for whom an order is: one place for each rule."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models.identity import Actor, Role

STORE_ROLES = frozenset(
    {Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN}
)
MANAGER_ROLES = STORE_ROLES - {Role.STORE_STAFF}
COMPANY_ROLES = MANAGER_ROLES - {Role.STORE_MANAGER}
SUPPORT_ROLES = frozenset({Role.SUPPORT_AGENT, Role.SUPER_ADMIN})
PEOPLE = {
    Role.CUSTOMER: "customers",
    Role.RIDER: "riders",
    Role.STORE_STAFF: "store staff",
    Role.STORE_MANAGER: "store managers",
    Role.COMPANY_ADMIN: "company admins",
    Role.SUPPORT_AGENT: "support agents",
    Role.SUPER_ADMIN: "super admins",
    Role.INTEGRATOR: "apps",
}
"""The people of each role, in plain words and in the order in which texts name them."""
ANYBODY = "people who are signed in"
STAFF_SIGHT = timedelta(hours=24)
"""How long after its end a store's staff sees the recipient of an order: a bag may come back."""


def roles_text(roles: Collection[Role]) -> str:
    """Return people of these roles, of any for none, as "store managers and company admins"."""
    *first, last = [PEOPLE[role] for role in PEOPLE if role in roles] or [ANYBODY]
    return f"{', '.join(first)} and {last}" if first else last


def may_operate_store(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Return whether the actor has a staff, manager or company role for the store."""
    return actor.has_store_role(company_id, store_id, STORE_ROLES)


def may_manage_store(actor: Actor, company_id: UUID, store_id: UUID) -> bool:
    """Return whether the actor manages the store or administers its company."""
    return actor.has_store_role(company_id, store_id, MANAGER_ROLES)


def is_own_order(row: Any, actor: Actor) -> bool:
    """Whether `actor` is the customer of the row (an order, or what belongs to one)."""
    return actor.signed_in and getattr(row, "customer_id", None) == actor.person_id


def may_see_recipient(row: Any, actor: Actor, is_open: bool, closed_at: datetime | None) -> bool:
    """Whether `actor` may see for whom the row's order is: name, address, note and place.

    The customer and support always may. The store's staff may while the row is open, and for
    STAFF_SIGHT after its end. Which store it belongs to is decided by row-level security.
    """
    if is_own_order(row, actor):
        return True
    if actor.has_store_role(row.company_id, row.store_id, SUPPORT_ROLES):
        return True
    if not may_operate_store(actor, row.company_id, row.store_id):
        return False
    # The clock of the process is exact enough for a day, and costs no statement.
    return is_open or (closed_at is not None and datetime.now(UTC) - closed_at < STAFF_SIGHT)


def may_see_refusals(row: Any, actor: Actor) -> bool:
    """Whether `actor` may read why a bank or the provider refused a payment or a refund."""
    return is_own_order(row, actor) or actor.has_company_role(row.company_id, SUPPORT_ROLES)
