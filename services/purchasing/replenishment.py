"""What a store should order, worked out from what it sold: once a day, and whenever asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from models.identity import Actor
from models.purchasing import PurchaseOrder, ReorderProposal, ReorderRun
from models.stores import Store
from services.core.access import MANAGER_ROLES
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Problem, RateLimited, Refused, not_found
from services.purchasing import purchase_orders, supplier_products
from services.purchasing.purchase_order_lines import LINES_AN_ORDER, Wanted
from services.purchasing.replenishment_figures import work_out

REFRESH_SECONDS = 10
REFRESH_HOUR = 3

# A store is due from three in the morning on, by its own clock.
DUE = text(
    """
    select store.id from store left join reorder_run as run on run.store_id = store.id
    where store.status <> 'CLOSED' and (cast(:store as uuid) is null or store.id = :store)
        and exists (
            select from supplier where supplier.company_id = store.company_id and supplier.active
        )
        and (run.computed_at is null or run.computed_at < timezone(
            store.timezone,
            date_trunc('day', timezone(store.timezone, now()) - make_interval(hours => :hour))
                + make_interval(hours => :hour)
        ))
    order by run.computed_at nulls first, store.id limit :limit
    """
).bindparams(bindparam("store", type_=Uuid))


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingProposed(Problem):
    """It is not proposed to order this (any more); no product means that nothing is."""

    product_id: UUID | None = None


async def due(session: AsyncSession, limit: int) -> Sequence[UUID]:
    """Stores whose proposals are of yesterday, the longest waiting first."""
    rows = await session.scalars(DUE, {"limit": limit, "hour": REFRESH_HOUR, "store": None})
    return [UUID(str(key)) for key in rows]


async def refresh_due(session: AsyncSession, store_id: UUID) -> int:
    """Work out a store's proposals unless another process has by now; answers 1 or 0."""
    store = await session.get_one(Store, store_id)
    run = await _run(session, store)
    asked = {"limit": 1, "hour": REFRESH_HOUR, "store": store_id}
    if (await session.scalars(DUE, asked)).first() is None:
        return 0
    await work_out(session, store, run)
    return 1


async def refresh(session: AsyncSession, *, actor: Actor, store_id: UUID) -> Store:
    """Work out a store's proposals from what it has sold up to yesterday; its managers may.

    Refused: NotFound, RateLimited when that was done in the last ten seconds.
    """
    store = await _managed(session, actor, store_id)
    run = await _run(session, store)
    if run.computed_at is not None:
        ready = run.computed_at + timedelta(seconds=REFRESH_SECONDS)
        wait = (ready - await moment(session)).total_seconds()
        if wait > 0:
            message = "That was worked out a moment ago."
            path = ["input", "storeId"]
            seconds = math.ceil(wait)
            raise Refused(RateLimited(path=path, message=message, retry_after_seconds=seconds))
    await work_out(session, store, run)
    return store


async def _run(session: AsyncSession, store: Store) -> ReorderRun:
    """The store's row of when it was last done, locked: one process at a time works it out."""
    begun = insert(ReorderRun).values(store_id=store.id, company_id=store.company_id)
    await session.execute(begun.on_conflict_do_nothing())
    locked = select(ReorderRun).where(ReorderRun.store_id == store.id).with_for_update()
    return (await session.scalars(locked.execution_options(populate_existing=True))).one()


async def _managed(session: AsyncSession, actor: Actor, store_id: UUID) -> Store:
    store = await session.get(Store, store_id)
    if store is None or not actor.works_at(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    return store


async def proposals(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    supplier_id: UUID | None = None,
) -> Page[ReorderProposal]:
    """What a store should order, what lasts the shortest first; for its managers.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    await _managed(session, actor, store_id)
    by = ReorderProposal.cover_days, ReorderProposal.product_id
    rows = select(ReorderProposal).where(ReorderProposal.store_id == store_id)
    if supplier_id is not None:
        rows = rows.where(ReorderProposal.supplier_id == supplier_id)
    if (start := after(cursor, float, UUID)) is not None:
        rows = rows.where(tuple_(*by) > tuple_(*start))
    found = (await session.scalars(rows.order_by(*by).limit(first + 1))).all()
    return page(found, first, lambda row: (row.cover_days, str(row.product_id)))


async def order(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    supplier_id: UUID,
    product_ids: Sequence[UUID] | None,
    note: str = "",
) -> PurchaseOrder:
    """Draft an order out of what is proposed of a supplier: of these products, or of all.

    The proposals are used up by it: nobody can order them twice.
    Refused: NotFound, InvalidInput, NothingProposed for each product, SupplierArchived.
    """
    await _managed(session, actor, store_id)
    rows = await _taken(session, store_id, supplier_id, product_ids)
    terms = await supplier_products.terms_of(session, supplier_id, list(rows))
    wanted = [
        Wanted(key, -(-row.units // terms[key].pack_units))
        for key, row in rows.items()
        if key in terms
    ]
    if not wanted:
        raise Refused(_nothing("supplierId"))
    for row in rows.values():
        await session.delete(row)
    return await purchase_orders.create(
        session, actor=actor, store_id=store_id, supplier_id=supplier_id, lines=wanted, note=note
    )


async def _taken(
    session: AsyncSession, store_id: UUID, supplier_id: UUID, product_ids: Sequence[UUID] | None
) -> dict[UUID, ReorderProposal]:
    """The proposals, locked; refused when one of those asked for is not there."""
    rows = select(ReorderProposal).where(
        ReorderProposal.store_id == store_id, ReorderProposal.supplier_id == supplier_id
    )
    if product_ids is not None:
        _bounded(product_ids)
        rows = rows.where(ReorderProposal.product_id.in_(product_ids))
    rows = rows.order_by(ReorderProposal.product_id).limit(LINES_AN_ORDER).with_for_update()
    found = {row.product_id: row for row in await session.scalars(rows)}
    wanted = list(product_ids or ())
    missing = [(n, key) for n, key in enumerate(wanted) if key not in found]
    if missing:
        raise Refused(*(_nothing("productIds", str(n), product_id=key) for n, key in missing))
    if not found:
        raise Refused(_nothing("supplierId"))
    return found


def _bounded(product_ids: Sequence[UUID]) -> None:
    if not 1 <= len(set(product_ids)) == len(product_ids) <= LINES_AN_ORDER:
        message = f"Name from 1 to {LINES_AN_ORDER} products, each once."
        raise Refused(InvalidInput(path=["input", "productIds"], message=message))


def _nothing(*path: str, product_id: UUID | None = None) -> NothingProposed:
    message = "Nothing is proposed to be ordered."
    return NothingProposed(path=["input", *path], message=message, product_id=product_id)
