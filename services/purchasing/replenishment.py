"""Replenishment proposals of a store, computed from its sales: daily, and on request."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import column, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from models.identity import Actor
from models.purchasing import PurchaseOrder, ReplenishmentProposal, ReplenishmentRun
from models.stores import Store
from services.core.access import MANAGER_ROLES
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, RateLimited, not_found
from services.purchasing import purchase_orders, supplier_products
from services.purchasing.purchase_order_lines import MAX_LINES_PER_ORDER, PurchaseOrderItem
from services.purchasing.replenishment_figures import recompute_proposals

REFRESH_SECONDS = 10

# A store is due once a business day, from 03:00 in its own time zone on.
_DUE_STORES = text(
    """
    select store.id, run.computed_at
    from store left join reorder_run as run on run.store_id = store.id
    where store.status <> 'CLOSED'
        and exists (
            select from supplier where supplier.company_id = store.company_id and supplier.active
        )
        and (run.computed_at is null
            or business_day(
                store.timezone, greatest(store.business_day_start, time '03:00'), run.computed_at
            ) < business_day(
                store.timezone, greatest(store.business_day_start, time '03:00'), now()
            ))
    """
)
_due = _DUE_STORES.columns(column("id", Uuid), column("computed_at")).subquery("due")
DUE_STORES = select(_due.c.id).order_by(_due.c.computed_at.nulls_first(), _due.c.id)
"""Stores whose proposals are outdated, the oldest computation first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReplenishmentProposal(Problem):
    """There is no proposal for this product (any more); for no product at all if it is None."""

    product_id: UUID | None = None


async def refresh_due(session: AsyncSession, store_id: UUID) -> int:
    """Recompute a store's proposals unless another process just did; returns 1 or 0."""
    store = await session.get_one(Store, store_id)
    run = await _lock_run(session, store)
    if await session.scalar(DUE_STORES.where(_due.c.id == store_id)) is None:
        return 0
    await recompute_proposals(session, store, run)
    return 1


async def refresh(session: AsyncSession, *, actor: Actor, store_id: UUID) -> Store:
    """Recompute a store's proposals from its sales up to yesterday; its managers may.

    Raises DomainError: NotFound, RateLimited within 10 seconds of the last computation.
    """
    store = await _managed_store(session, actor, store_id)
    run = await _lock_run(session, store)
    if run.computed_at is not None:
        allowed_from = run.computed_at + timedelta(seconds=REFRESH_SECONDS)
        wait_seconds = (allowed_from - await current_time(session)).total_seconds()
        if wait_seconds > 0:
            message = "That was worked out a moment ago."
            path = ["input", "storeId"]
            seconds = math.ceil(wait_seconds)
            raise DomainError(RateLimited(path=path, message=message, retry_after_seconds=seconds))
    await recompute_proposals(session, store, run)
    return store


async def _lock_run(session: AsyncSession, store: Store) -> ReplenishmentRun:
    """The store's run row, created if missing and locked: one process computes at a time."""
    new_row = insert(ReplenishmentRun).values(store_id=store.id, company_id=store.company_id)
    await session.execute(new_row.on_conflict_do_nothing())
    query = select(ReplenishmentRun).where(ReplenishmentRun.store_id == store.id).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def _managed_store(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    store = await session.get(Store, store_id)
    if store is None or not actor.has_store_role(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    return store


async def list_proposals(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    supplier_id: UUID | None = None,
) -> Page[ReplenishmentProposal]:
    """A page of a store's proposals for its managers, fewest days of cover first.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    await _managed_store(session, actor, store_id)
    order = ReplenishmentProposal.days_of_cover, ReplenishmentProposal.product_id
    query = select(ReplenishmentProposal).where(ReplenishmentProposal.store_id == store_id)
    if supplier_id is not None:
        query = query.where(ReplenishmentProposal.supplier_id == supplier_id)
    if (start := decode_cursor(cursor, *order)) is not None:
        query = query.where(tuple_(*order) > tuple_(*start))
    proposals = (await session.scalars(query.order_by(*order).limit(first + 1))).all()
    return build_page(
        proposals, first, cursor, lambda row: (row.days_of_cover, str(row.product_id))
    )


async def create_purchase_order(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    supplier_id: UUID,
    product_ids: Sequence[UUID] | None,
    note: str = "",
) -> PurchaseOrder:
    """Draft a purchase order from a supplier's proposals: for these products, or for all.

    The proposals are deleted, so that none can be ordered twice. Raises DomainError: NotFound,
    InvalidInput, NoReplenishmentProposal for each product, SupplierArchived.
    """
    await _managed_store(session, actor, store_id)
    proposals = await _lock_proposals(session, store_id, supplier_id, product_ids)
    terms = await supplier_products.terms_by_product(session, supplier_id, list(proposals))
    items = [
        PurchaseOrderItem(product_id, -(-proposal.units // terms[product_id].units_per_pack))
        for product_id, proposal in proposals.items()
        if product_id in terms
    ]
    if not items:
        raise DomainError(_nothing_proposed("supplierId"))
    for proposal in proposals.values():
        await session.delete(proposal)
    return await purchase_orders.create(
        session, actor=actor, store_id=store_id, supplier_id=supplier_id, lines=items, note=note
    )


async def _lock_proposals(
    session: AsyncSession, store_id: UUID, supplier_id: UUID, product_ids: Sequence[UUID] | None
) -> dict[UUID, ReplenishmentProposal]:
    """The locked proposals by product.

    Raises DomainError: NoReplenishmentProposal, InvalidInput.
    """
    query = select(ReplenishmentProposal).where(
        ReplenishmentProposal.store_id == store_id, ReplenishmentProposal.supplier_id == supplier_id
    )
    if product_ids is not None:
        _check_product_ids(product_ids)
        query = query.where(ReplenishmentProposal.product_id.in_(product_ids))
    query = (
        query.order_by(ReplenishmentProposal.product_id)
        .limit(MAX_LINES_PER_ORDER)
        .with_for_update()
    )
    proposals = {row.product_id: row for row in await session.scalars(query)}
    requested = list(product_ids or ())
    missing = [(n, key) for n, key in enumerate(requested) if key not in proposals]
    if missing:
        raise DomainError(
            *(_nothing_proposed("productIds", str(n), product_id=key) for n, key in missing)
        )
    if not proposals:
        raise DomainError(_nothing_proposed("supplierId"))
    return proposals


def _check_product_ids(product_ids: Sequence[UUID]) -> None:
    if not 1 <= len(set(product_ids)) == len(product_ids) <= MAX_LINES_PER_ORDER:
        message = f"Name from 1 to {MAX_LINES_PER_ORDER} products, each once."
        raise DomainError(InvalidInput(path=["input", "productIds"], message=message))


def _nothing_proposed(*path: str, product_id: UUID | None = None) -> NoReplenishmentProposal:
    message = "Nothing is proposed to be ordered."
    return NoReplenishmentProposal(path=["input", *path], message=message, product_id=product_id)
