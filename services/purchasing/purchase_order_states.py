"""One order to a supplier: the table of its steps, the way into one, and what is told of it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor, Role
from models.purchasing import (
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from services.core.access import COMPANY_ROLES, MANAGER_ROLES, STORE_ROLES, works_in
from services.core.problems import IllegalStep, Refused, VersionConflict, not_found
from services.events.event_log import happened, supply_stream

Action, Status = PurchaseOrderAction, PurchaseOrderStatus
UNDER_WAY = frozenset({Status.APPROVED, Status.PARTLY_RECEIVED})


@dataclass(frozen=True, slots=True)
class Step:
    """Who may take a step, and from which states."""

    action: PurchaseOrderAction
    roles: frozenset[Role]
    states: frozenset[PurchaseOrderStatus]


# What is offered and what is refused are both read off here. Spending is the company's to decide.
STEPS = (
    Step(Action.SET_LINES, MANAGER_ROLES, frozenset({Status.DRAFT})),
    Step(Action.APPROVE, COMPANY_ROLES, frozenset({Status.DRAFT})),
    Step(Action.RECEIVE, STORE_ROLES, UNDER_WAY),
    Step(Action.CLOSE, MANAGER_ROLES, frozenset({Status.PARTLY_RECEIVED})),
    Step(Action.CANCEL, MANAGER_ROLES, frozenset({Status.DRAFT})),
    Step(Action.CANCEL, COMPANY_ROLES, frozenset({Status.APPROVED})),
)


def available_actions(row: PurchaseOrder, actor: Actor) -> list[PurchaseOrderAction]:
    """The steps that this person can take now."""
    return [
        step.action
        for step in STEPS
        if row.status in step.states and actor.works_at(row.company_id, row.store_id, step.roles)
    ]


async def visible(session: AsyncSession, *, actor: Actor, purchase_order_id: UUID) -> PurchaseOrder:
    """One order, for those who work in its store; refused as not found for all others."""
    row = await session.get(PurchaseOrder, purchase_order_id)
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(PurchaseOrder, "id")
    return row


async def enter(
    session: AsyncSession,
    actor: Actor,
    purchase_order_id: UUID,
    action: PurchaseOrderAction,
    expected_version: int | None,
) -> PurchaseOrder:
    """The order, locked, when the actor may take this step from where it is now.

    Refused: NotFound, IllegalStep, VersionConflict when it has changed since it was seen.
    """
    locked = select(PurchaseOrder).where(PurchaseOrder.id == purchase_order_id).with_for_update()
    row = await session.scalar(locked.execution_options(populate_existing=True))
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(PurchaseOrder, "purchaseOrderId")
    legal = available_actions(row, actor)
    if action not in legal:
        message = f"{action} is not for you to do while the order is {row.status}."
        path = ["input", "purchaseOrderId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*legal]))
    if expected_version not in (None, row.version):
        message = f"Somebody else was faster: the order is {row.status} now."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    return row


async def lines_of(session: AsyncSession, row: PurchaseOrder) -> list[PurchaseOrderLine]:
    """The lines of an order that is locked, as they are now, in their order."""
    found = await session.scalars(
        select(PurchaseOrderLine)
        .where(PurchaseOrderLine.purchase_order_id == row.id)
        .order_by(PurchaseOrderLine.position)
        .execution_options(populate_existing=True)
    )
    return list(found)


async def changed(session: AsyncSession, row: PurchaseOrder, type: str, **facts: object) -> None:
    """Count the change, and tell the store's supply desk of it."""
    row.version += 1
    await session.flush()
    tell(session, row, type, **facts)


def tell(session: AsyncSession, row: PurchaseOrder, type: str, **facts: object) -> None:
    """Record an event for those who look after the store's supply."""
    body = {
        "purchase_order_id": row.id,
        "store_id": row.store_id,
        "supplier_id": row.supplier_id,
        "code": row.code,
        "status": row.status,
        "version": row.version,
        **facts,
    }
    happened(session, supply_stream(row.store_id), type, body, company_id=row.company_id)
