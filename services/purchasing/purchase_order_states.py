"""State machine of a purchase order: its transitions, who may make them, its events."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.purchasing import (
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from services.core.access import COMPANY_ROLES, MANAGER_ROLES, STORE_ROLES, may_operate_store
from services.core.problems import not_found
from services.core.state_machine import StateMachine, Transition, has_role_in_store
from services.events.event_log import record_event, supply_stream

Action, Status = PurchaseOrderAction, PurchaseOrderStatus
ORDERED_STATUSES = frozenset({Status.APPROVED, Status.PARTIALLY_RECEIVED})


def may_see(row: PurchaseOrder, actor: Actor) -> bool:
    """Whether the actor works in the store of the purchase order."""
    return may_operate_store(actor, row.company_id, row.store_id)


# Only the company may spend.
MACHINE: StateMachine[PurchaseOrder, PurchaseOrderAction, PurchaseOrderStatus] = StateMachine(
    name="PurchaseOrder",
    model=PurchaseOrder,
    status=Status,
    noun="order",
    id_path="purchaseOrderId",
    initial={Status.DRAFT},
    transitions=(
        Transition(Action.SET_LINES, {Status.DRAFT}, roles=MANAGER_ROLES),
        Transition(Action.APPROVE, {Status.DRAFT}, {Status.APPROVED}, COMPANY_ROLES),
        Transition(
            Action.RECEIVE,
            ORDERED_STATUSES,
            {Status.PARTIALLY_RECEIVED, Status.RECEIVED},
            STORE_ROLES,
        ),
        Transition(Action.CLOSE, {Status.PARTIALLY_RECEIVED}, {Status.CLOSED}, MANAGER_ROLES),
        Transition(Action.CANCEL, {Status.DRAFT}, {Status.CANCELED}, MANAGER_ROLES),
        Transition(Action.CANCEL, {Status.APPROVED}, {Status.CANCELED}, COMPANY_ROLES),
    ),
    mutations={Action.SET_LINES: "purchaseOrderLinesSet"},
    is_visible=may_see,
    permits=has_role_in_store,
)


async def visible_purchase_order(
    session: AsyncSession, *, actor: Actor, purchase_order_id: UUID
) -> PurchaseOrder:
    """The purchase order, for the staff of its store. Raises DomainError: NotFound."""
    order = await session.get(PurchaseOrder, purchase_order_id)
    if order is None or not may_see(order, actor):
        raise not_found(PurchaseOrder, "id")
    return order


async def read_lines(session: AsyncSession, order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """Read the lines of a locked purchase order again, by position."""
    lines = await session.scalars(
        select(PurchaseOrderLine)
        .where(PurchaseOrderLine.purchase_order_id == order.id)
        .order_by(PurchaseOrderLine.position)
        .execution_options(populate_existing=True)
    )
    return list(lines)


async def record_change(
    session: AsyncSession, order: PurchaseOrder, type: str, **facts: object
) -> None:
    """Flush, and append an event to the store's supply stream."""
    await session.flush()
    record_purchase_order_event(session, order, type, **facts)


def record_purchase_order_event(
    session: AsyncSession, order: PurchaseOrder, type: str, **facts: object
) -> None:
    """Append an event to the store's supply stream."""
    body = {
        "purchase_order_id": order.id,
        "store_id": order.store_id,
        "supplier_id": order.supplier_id,
        "code": order.code,
        "status": order.status,
        "version": order.version,
        **facts,
    }
    record_event(session, supply_stream(order.store_id), type, body, company_id=order.company_id)
