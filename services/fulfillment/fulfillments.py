"""The store's side of an order, from the queue to the shelf where a rider fetches the bags."""

from collections import Counter
from uuid import UUID

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import words
from database.statements import kept
from models.events import EventType
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor, Role
from models.orders import Order
from models.stock import StockReason
from models.stores import Store
from services.core.access import STORE_ROLES, works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import not_found
from services.delivery import deliveries
from services.fulfillment import substitution_totals
from services.fulfillment.picking_states import (
    ACCEPT,
    IN_QUEUE,
    MADE_UP_FOR,
    STAGE,
    enter,
    under_lock,
    write,
)
from services.fulfillment.stalled_tasks import stalls_at
from services.stock import movements

SEEN_BY = STORE_ROLES | {Role.SUPPORT_AGENT}
_TO_DO = Fulfillment.status.in_(words(IN_QUEUE))
AT_WORK = kept(select(Fulfillment.id).where(Fulfillment.order_id == bindparam("order"), _TO_DO))
_QUEUE = (
    select(Fulfillment)
    .where(Fulfillment.store_id == bindparam("store"), _TO_DO)
    .order_by(Fulfillment.id)
    .limit(bindparam("most", type_=Integer))
)
OLDEST = kept(_QUEUE)
OLDEST_BEYOND = kept(_QUEUE.where(Fulfillment.id > bindparam("beyond")))


async def open(  # noqa: A001 - the trade's word; nothing in this room opens files
    session: AsyncSession, order: Order, store_id: UUID, attempt: int = 1
) -> Fulfillment:
    """Put an order into a store's queue, to be accepted within ACCEPT_SECONDS."""
    return await write(session, order, store_id, attempt)


async def accept(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    expected_version: int | None = None,
) -> Fulfillment:
    """Take an order on: the actor picks it, and the search for a rider begins.

    Refused: NotFound, IllegalStep (also for the slower of two pickers), VersionConflict.
    """
    task = await enter(session, actor, fulfillment_id, ACCEPT, expected_version)
    row = task.fulfillment
    row.status, row.due_at = FulfillmentStatus.ACCEPTED, stalls_at(task)
    row.picker_id, row.accepted_at = actor.person_id, task.now
    row.version += 1
    task.tell(session, EventType.FULFILLMENT_ACCEPTED)
    await session.flush()
    await deliveries.open(session, task.order, row)
    return row


async def stage(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    expected_version: int | None = None,
) -> Fulfillment:
    """Say that the bags stand where riders fetch them. Refused as in `accept`."""
    task = await enter(session, actor, fulfillment_id, STAGE, expected_version)
    row = task.fulfillment
    row.status = FulfillmentStatus.STAGED
    row.version += 1
    task.tell(session, EventType.FULFILLMENT_STAGED)
    await session.flush()
    return row


async def cancel_for(
    session: AsyncSession, order: Order, actor_id: UUID | None = None
) -> Fulfillment | None:
    """End the store's work on an order under lock and put its units back on the shelf.

    What a picker had found missing is written off instead. None when no store works on it any
    more, or when the bags have left the store already.
    """
    found = await session.scalar(AT_WORK, {"order": order.id})
    if found is None:
        return None
    task = await under_lock(session, order, found)
    packed = task.fulfillment.status in (FulfillmentStatus.PACKED, FulfillmentStatus.STAGED)
    row = task.fulfillment
    row.status, row.due_at = FulfillmentStatus.CANCELED, None
    row.version += 1
    task.tell(session, EventType.FULFILLMENT_CANCELED)
    await session.flush()
    there: Counter[UUID] = Counter()
    missing: Counter[UUID] = Counter()
    for line in task.lines:
        there[line.product_id] += line.quantity - line.missing_quantity
        missing[line.product_id] += 0 if packed else line.lost_quantity
    if any(line.status in MADE_UP_FOR for line in task.lines):
        there += await substitution_totals.take_out(session, order)
    await movements.return_goods(session, order, there, missing, StockReason.RESTOCK, actor_id)
    return row


async def queue(
    session: AsyncSession, *, actor: Actor, store_id: UUID, first: int, cursor: str | None
) -> Page[Fulfillment]:
    """A page of what a store has to do, oldest first, for its staff. Refused: NotFound."""
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    asked = {"store": store_id, "most": first + 1}
    if (start := after(cursor, UUID)) is None:
        found = await session.scalars(OLDEST, asked)
    else:
        found = await session.scalars(OLDEST_BEYOND, asked | {"beyond": start[0]})
    return page(found.all(), first, lambda row: (str(row.id),))


async def visible(session: AsyncSession, *, actor: Actor, fulfillment_id: UUID) -> Fulfillment:
    """One task, for the staff of its store and the support of its company; else NotFound."""
    row = await session.get(Fulfillment, fulfillment_id)
    if row is None or not actor.works_at(row.company_id, row.store_id, SEEN_BY):
        raise not_found(Fulfillment, "id")
    return row
