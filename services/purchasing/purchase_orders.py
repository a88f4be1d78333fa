"""Orders to suppliers: drafted for a store, approved for its company, closed or called off.

Locks are taken in this order: the order, then the stock rows of its store.
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
from services.core.access import MANAGER_ROLES, works_in
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import Problem, Refused, not_found
from services.core.text import line
from services.orders.orders import new_code
from services.purchasing import supplier_products
from services.purchasing.purchase_order_lines import Wanted, made
from services.purchasing.purchase_order_states import changed, enter, lines_of, tell
from services.purchasing.suppliers import SupplierArchived
from services.stock import movements

NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowSupplierMinimum(Problem):
    """The supplier delivers nothing for so little; sums are in minor units."""

    minimum_minor: int
    total_minor: int
    currency: str


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    supplier_id: UUID,
    lines: Sequence[Wanted],
    note: str = "",
) -> PurchaseOrder:
    """Draft an order of a store to a supplier; the store's managers may.

    Refused: NotFound, InvalidInput and NotSupplied for each wrong line, SupplierArchived.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    store = await session.get(Store, store_id)
    if store is None or not actor.works_at(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    supplier = await session.get(Supplier, supplier_id)
    if supplier is None or supplier.company_id != store.company_id:
        raise not_found(Supplier, "supplierId")
    _delivers(supplier, "supplierId")
    row = PurchaseOrder(
        company_id=store.company_id,
        store_id=store.id,
        supplier_id=supplier.id,
        code=new_code(),
        currency=supplier.currency,
        note=note,
        created_by_id=actor.person_id,
    )
    drafted = await made(session, row, lines)
    session.add(row)
    await session.flush()
    session.add_all(drafted)
    await session.flush()
    await session.refresh(row, ["created_at"])
    tell(session, row, "PURCHASE_ORDER_CREATED")
    return row


async def set_lines(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    lines: Sequence[Wanted],
    expected_version: int,
) -> PurchaseOrder:
    """Replace the lines of a draft.

    Refused: NotFound, IllegalStep, VersionConflict, InvalidInput, NotSupplied.
    """
    action = PurchaseOrderAction.SET_LINES
    row = await enter(session, actor, purchase_order_id, action, expected_version)
    drafted = await made(session, row, lines)
    for old in await lines_of(session, row):
        await session.delete(old)
    await session.flush()
    session.add_all(drafted)
    await changed(session, row, "PURCHASE_ORDER_CHANGED")
    return row


async def approve(
    session: AsyncSession, *, actor: Actor, purchase_order_id: UUID, expected_version: int
) -> PurchaseOrder:
    """Order what a draft says: from here on its units are on their way to the store.

    Refused: NotFound, IllegalStep, VersionConflict, SupplierArchived, BelowSupplierMinimum.
    """
    action = PurchaseOrderAction.APPROVE
    row = await enter(session, actor, purchase_order_id, action, expected_version)
    supplier = await session.get_one(Supplier, row.supplier_id)
    _delivers(supplier, "purchaseOrderId")
    if row.total_minor < supplier.minimum_order_minor:
        raise _too_little(row, supplier)
    lines = await lines_of(session, row)
    now = await moment(session)
    row.status = PurchaseOrderStatus.APPROVED
    row.approved_by_id, row.approved_at = actor.person_id, now
    row.expected_on = (now + timedelta(days=await _lead_days(session, supplier, lines))).date()
    await changed(session, row, "PURCHASE_ORDER_APPROVED")
    await _expect(session, row, actor, {one.product_id: one.open_units for one in lines})
    return row


async def _lead_days(
    session: AsyncSession, supplier: Supplier, lines: Sequence[PurchaseOrderLine]
) -> int:
    """Days until the last of the lines can be there."""
    keys = [one.product_id for one in lines]
    terms = await supplier_products.terms_of(session, supplier.id, keys)
    own = [one.lead_days for one in terms.values()]
    return max((supplier.lead_days if days is None else days for days in own), default=0)


async def cancel(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> PurchaseOrder:
    """Drop a draft, or call off an order of which nothing has come.

    Refused: NotFound, InvalidInput, IllegalStep, VersionConflict.
    """
    action, to = PurchaseOrderAction.CANCEL, PurchaseOrderStatus.CANCELED
    return await _end(session, actor, purchase_order_id, action, to, note, expected_version)


async def close(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> PurchaseOrder:
    """Wait no longer for the rest of an order that has come in part.

    Refused: NotFound, InvalidInput, IllegalStep, VersionConflict.
    """
    action, to = PurchaseOrderAction.CLOSE, PurchaseOrderStatus.CLOSED
    return await _end(session, actor, purchase_order_id, action, to, note, expected_version)


async def _end(
    session: AsyncSession,
    actor: Actor,
    purchase_order_id: UUID,
    action: PurchaseOrderAction,
    to: PurchaseOrderStatus,
    note: str,
    expected_version: int | None,
) -> PurchaseOrder:
    note = line(note, "input", "note", most=NOTE_LENGTH)
    row = await enter(session, actor, purchase_order_id, action, expected_version)
    was_ordered = row.status is not PurchaseOrderStatus.DRAFT
    row.status, row.end_note = to, note
    row.ended_at = await moment(session)
    await changed(session, row, f"PURCHASE_ORDER_{to}")
    if was_ordered:
        rest = {one.product_id: -one.open_units for one in await lines_of(session, row)}
        await _expect(session, row, actor, rest)
    return row


async def _expect(
    session: AsyncSession, row: PurchaseOrder, actor: Actor, lines: dict[UUID, int]
) -> None:
    """Change what is on its way to the order's store."""
    await movements.expect(
        session, company_id=row.company_id, store_id=row.store_id, lines=lines,
        reference=row.code, actor_id=actor.person_id,
    )  # fmt: skip


def _delivers(supplier: Supplier, field: str) -> None:
    if not supplier.active:
        message = f"Nothing more is ordered from {supplier.name}."
        raise Refused(SupplierArchived(path=["input", field], message=message))


def _too_little(row: PurchaseOrder, supplier: Supplier) -> Refused:
    return Refused(
        BelowSupplierMinimum(
            path=["input", "purchaseOrderId"],
            message=f"{supplier.name} delivers nothing for so little.",
            minimum_minor=supplier.minimum_order_minor,
            total_minor=row.total_minor,
            currency=row.currency,
        )
    )


async def of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    statuses: Sequence[PurchaseOrderStatus] | None = None,
) -> Page[PurchaseOrder]:
    """A store's orders to its suppliers, the newest first; refused: NotFound, InvalidInput."""
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(PurchaseOrder).where(PurchaseOrder.store_id == store_id)
    if statuses is not None:
        rows = rows.where(PurchaseOrder.status.in_(statuses))
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(PurchaseOrder.id < start[0])
    found = (await session.scalars(rows.order_by(PurchaseOrder.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))
