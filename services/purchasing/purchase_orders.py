"""Purchase orders: drafted for a store, approved by its company, then closed or canceled.

Lock order: the purchase order first, then the stock rows of its store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.purchasing import (
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
    Supplier,
)
from models.stores import Store
from services.core.access import MANAGER_ROLES, may_operate_store
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, Problem, not_found
from services.core.state_machine import column_values
from services.core.text import parse_line
from services.orders.orders import generate_code
from services.purchasing import supplier_products
from services.purchasing.purchase_order_lines import PurchaseOrderItem, build_lines
from services.purchasing.purchase_order_states import (
    MACHINE,
    read_lines,
    record_change,
    record_purchase_order_event,
)
from services.purchasing.suppliers import SupplierArchived
from services.stock import movements
from services.stores.store_time import read_calendar_date

MAX_NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowSupplierMinimum(Problem):
    """The total is below the supplier's minimum order; sums in minor units."""

    minimum_minor: int
    total_minor: int
    currency: str


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    supplier_id: UUID,
    lines: Sequence[PurchaseOrderItem],
    note: str = "",
) -> PurchaseOrder:
    """Draft a purchase order of a store; its managers may.

    Raises DomainError: NotFound, InvalidInput and ProductNotSupplied for each wrong line,
    SupplierArchived.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    store = await session.get(Store, store_id)
    if store is None or not actor.has_store_role(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    supplier = await session.get(Supplier, supplier_id)
    if supplier is None or supplier.company_id != store.company_id:
        raise not_found(Supplier, "supplierId")
    _require_active(supplier, "supplierId")
    order = PurchaseOrder(
        company_id=store.company_id,
        store_id=store.id,
        supplier_id=supplier.id,
        code=generate_code(),
        currency=supplier.currency,
        note=note,
        created_by_id=actor.person_id,
    )
    order_lines = await build_lines(session, order, lines)
    session.add(order)
    await session.flush()
    session.add_all(order_lines)
    await session.flush()
    await session.refresh(order, ["created_at"])
    record_purchase_order_event(session, order, "PURCHASE_ORDER_CREATED")
    return order


async def set_lines(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    lines: Sequence[PurchaseOrderItem],
    expected_version: int,
) -> PurchaseOrder:
    """Replace the lines of a draft; the same lines again keep the version.

    Raises DomainError: NotFound, InvalidTransition, VersionConflict, InvalidInput,
    ProductNotSupplied.
    """
    action = PurchaseOrderAction.SET_LINES
    order = await MACHINE.begin(session, actor, purchase_order_id, action, expected_version)
    order_lines = await build_lines(session, order, lines)
    stored = await read_lines(session, order)
    if [*map(column_values, stored)] == [*map(column_values, order_lines)]:
        return order
    for line in stored:
        await session.delete(line)
    await session.flush()
    session.add_all(order_lines)
    order.version += 1
    await record_change(session, order, "PURCHASE_ORDER_CHANGED")
    return order


async def approve(
    session: AsyncSession, *, actor: Actor, purchase_order_id: UUID, expected_version: int
) -> PurchaseOrder:
    """Approve a draft: its units count as incoming stock of the store from now on.

    Raises DomainError: NotFound, InvalidTransition, VersionConflict, SupplierArchived,
    BelowSupplierMinimum.
    """
    action = PurchaseOrderAction.APPROVE
    order = await MACHINE.begin(session, actor, purchase_order_id, action, expected_version)
    supplier = await session.get_one(Supplier, order.supplier_id)
    _require_active(supplier, "purchaseOrderId")
    if order.total_minor < supplier.minimum_order_minor:
        raise _below_minimum(order, supplier)
    lines = await read_lines(session, order)
    now = await current_time(session)
    MACHINE.move(order, PurchaseOrderStatus.APPROVED)
    order.approved_by_id, order.approved_at = actor.person_id, now
    lead_time_days = await _longest_lead_days(session, supplier, lines)
    order.expected_date = await read_calendar_date(session, order.store_id) + timedelta(
        days=lead_time_days
    )
    await record_change(session, order, "PURCHASE_ORDER_APPROVED")
    outstanding_units = {line.product_id: line.outstanding_units for line in lines}
    await _change_incoming(session, order, actor, outstanding_units)
    return order


async def _longest_lead_days(
    session: AsyncSession, supplier: Supplier, lines: Sequence[PurchaseOrderLine]
) -> int:
    """Days until the last of the lines is expected."""
    product_ids = [line.product_id for line in lines]
    terms = await supplier_products.terms_by_product(session, supplier.id, product_ids)
    own = [product.lead_time_days for product in terms.values()]
    return max((supplier.lead_time_days if days is None else days for days in own), default=0)


async def cancel(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> PurchaseOrder:
    """Cancel a draft, or an approved order of which nothing was received.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition, VersionConflict.
    """
    action, status = PurchaseOrderAction.CANCEL, PurchaseOrderStatus.CANCELED
    return await _end(session, actor, purchase_order_id, action, status, note, expected_version)


async def close(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> PurchaseOrder:
    """Close a partly received order without its outstanding units.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition, VersionConflict.
    """
    action, status = PurchaseOrderAction.CLOSE, PurchaseOrderStatus.CLOSED
    return await _end(session, actor, purchase_order_id, action, status, note, expected_version)


async def _end(
    session: AsyncSession,
    actor: Actor,
    purchase_order_id: UUID,
    action: PurchaseOrderAction,
    status: PurchaseOrderStatus,
    note: str,
    expected_version: int | None,
) -> PurchaseOrder:
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    order = await MACHINE.begin(session, actor, purchase_order_id, action, expected_version)
    was_ordered = order.status is not PurchaseOrderStatus.DRAFT
    MACHINE.move(order, status)
    order.closing_note, order.closed_at = note, await current_time(session)
    await record_change(session, order, f"PURCHASE_ORDER_{status}")
    if was_ordered:
        lines = await read_lines(session, order)
        outstanding = {line.product_id: -line.outstanding_units for line in lines}
        await _change_incoming(session, order, actor, outstanding)
    return order


async def _change_incoming(
    session: AsyncSession, order: PurchaseOrder, actor: Actor, units: dict[UUID, int]
) -> None:
    """Add units by product to the incoming stock of the order's store; may be negative."""
    await movements.change_incoming(
        session, company_id=order.company_id, store_id=order.store_id, lines=units,
        reference=order.code, actor_id=actor.person_id,
    )  # fmt: skip


def _require_active(supplier: Supplier, field: str) -> None:
    if not supplier.active:
        message = f"Nothing more is ordered from {supplier.name}."
        raise DomainError(SupplierArchived(path=["input", field], message=message))


def _below_minimum(order: PurchaseOrder, supplier: Supplier) -> DomainError:
    return DomainError(
        BelowSupplierMinimum(
            path=["input", "purchaseOrderId"],
            message=f"{supplier.name} delivers nothing for so little.",
            minimum_minor=supplier.minimum_order_minor,
            total_minor=order.total_minor,
            currency=order.currency,
        )
    )


async def list_of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    statuses: Sequence[PurchaseOrderStatus] | None = None,
) -> Page[PurchaseOrder]:
    """A page of a store's purchase orders, newest first.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    query = select(PurchaseOrder).where(PurchaseOrder.store_id == store_id)
    if statuses is not None:
        query = query.where(PurchaseOrder.status.in_(statuses))
    if (start := decode_cursor(cursor, PurchaseOrder.id)) is not None:
        query = query.where(PurchaseOrder.id < start[0])
    newest_first = query.order_by(PurchaseOrder.id.desc()).limit(first + 1)
    orders = (await session.scalars(newest_first)).all()
    return build_page(orders, first, cursor, lambda order: (str(order.id),))
