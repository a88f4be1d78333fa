"""A store's fulfillments: its queue, and the steps accept, stage and cancel."""

from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentStatus,
    PutBackReason,
)
from models.identity import Actor, Role
from models.orders import FulfillmentMethod, Order
from models.stores import Store
from services.core import access
from services.core.access import STORE_ROLES, may_operate_store
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.delivery import deliveries
from services.fulfillment import pickups, put_back
from services.fulfillment.fulfillment_states import (
    ACCEPT,
    MACHINE,
    QUEUE_STATUSES,
    STAGE,
    begin,
    load_task,
)
from services.fulfillment.line_states import is_started
from services.fulfillment.missing_units import count_missing
from services.fulfillment.task_timers import idle_deadline
from services.fulfillment.waiting_bags import bags_deadline, end_waiting
from services.payments import pending_changes

VIEWER_ROLES = STORE_ROLES | {Role.SUPPORT_AGENT}
_IN_QUEUE = Fulfillment.status.in_(enum_literals(QUEUE_STATUSES))
PageStatements = tuple[Select[Fulfillment], Select[Fulfillment]]
OPEN_FULFILLMENT = prepared(
    select(Fulfillment.id).where(Fulfillment.order_id == bindparam("order"), _IN_QUEUE)
)


def _page_statements(
    *conditions: ColumnElement[bool],
) -> PageStatements:
    """The statements of one of a store's lists: its first page, and the page after a row."""
    rows = (
        select(Fulfillment)
        .where(Fulfillment.store_id == bindparam("store"), *conditions)
        .order_by(Fulfillment.id)
        .limit(bindparam("row_limit", type_=Integer))
    )
    return prepared(rows), prepared(rows.where(Fulfillment.id > bindparam("after_id")))


QUEUE_PAGE = _page_statements(_IN_QUEUE)
PUT_BACK_PAGE = _page_statements(*put_back.IS_OPEN)


async def accept(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    expected_version: int | None = None,
) -> Fulfillment:
    """Accept an order: the actor becomes its picker, and the search for a rider begins.

    A task that was given back continues where its last picker stopped, with the rider it has.
    Raises DomainError: NotFound, InvalidTransition (also for the slower of two pickers),
    VersionConflict.
    """
    task = await begin(session, actor, fulfillment_id, ACCEPT, expected_version)
    fulfillment = task.fulfillment
    is_new = fulfillment.accepted_at is None
    started = any(is_started(line) for line in task.lines)
    status = FulfillmentStatus.PICKING if started else FulfillmentStatus.ACCEPTED
    MACHINE.move(fulfillment, status)
    fulfillment.picker_id, fulfillment.accepted_at = actor.person_id, task.now
    fulfillment.next_step_due_at = await idle_deadline(session, task)
    task.record_change(session, OrderEventKind.FULFILLMENT_ACCEPTED)
    await session.flush()
    if await _needs_delivery(session, task.order, is_new=is_new):
        await deliveries.create_delivery(session, task.order, fulfillment)
    return fulfillment


async def _needs_delivery(session: AsyncSession, order: Order, *, is_new: bool) -> bool:
    """Whether a rider has to be found: not for pickup, nor when a task was taken over with one."""
    if order.method is FulfillmentMethod.PICKUP:
        return False
    return is_new or await deliveries.open_delivery(session, order.id) is None


async def stage(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    expected_version: int | None = None,
) -> Fulfillment:
    """Record that the bags are at the pickup point; who collects an order can come from now on.

    Raises DomainError: NotFound, InvalidTransition, VersionConflict.
    """
    task = await begin(session, actor, fulfillment_id, STAGE, expected_version)
    fulfillment = task.fulfillment
    await end_waiting(session, task.order, fulfillment, "The bags are at the pickup point.")
    MACHINE.move(fulfillment, FulfillmentStatus.STAGED)
    task.record_change(session, OrderEventKind.FULFILLMENT_STAGED)
    if fulfillment.method is FulfillmentMethod.PICKUP:
        await pickups.mark_ready(session, task)
    else:
        fulfillment.next_step_due_at = await bags_deadline(session, task)
    await session.flush()
    return fulfillment


async def cancel_for_order(
    session: AsyncSession, order: Order, actor_id: UUID | None = None
) -> Fulfillment | None:
    """Cancel the fulfillment of a locked order and release its units.

    Picked units wait until a person puts them back, missing ones are counted, and a pending change
    of the order ends. None when no store works on the order or when the bags have left the store.
    """
    fulfillment_id = await session.scalar(OPEN_FULFILLMENT, {"order": order.id})
    if fulfillment_id is None:
        return None
    task = await load_task(session, order, fulfillment_id)
    fulfillment = task.fulfillment
    await count_missing(session, task)
    await pending_changes.end_pending_change(session, order)
    await end_waiting(session, order, fulfillment, "The order was canceled.")
    MACHINE.move(fulfillment, FulfillmentStatus.CANCELED)
    fulfillment.next_step_due_at = None
    task.record_change(session, OrderEventKind.FULFILLMENT_CANCELED)
    await session.flush()
    await put_back.release_units(session, task, PutBackReason.ORDER_CANCELED, actor_id)
    return fulfillment


async def store_queue(
    session: AsyncSession, *, actor: Actor, store_id: UUID, first: int, cursor: str | None
) -> Page[Fulfillment]:
    """A page of a store's queue, oldest first, for its staff.

    Raises DomainError: NotFound, InvalidInput.
    """
    return await _page_of_store(session, actor, store_id, first, cursor, QUEUE_PAGE)


async def open_put_backs(
    session: AsyncSession, *, actor: Actor, store_id: UUID, first: int, cursor: str | None
) -> Page[Fulfillment]:
    """A page of a store's tasks with units to put back, the oldest first, for its staff.

    Raises DomainError: NotFound, InvalidInput.
    """
    return await _page_of_store(session, actor, store_id, first, cursor, PUT_BACK_PAGE)


async def _page_of_store(
    session: AsyncSession,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    statements: PageStatements,
) -> Page[Fulfillment]:
    """A page of one of a store's lists; `statements` select its first page, and one after a row."""
    check_page_size(first)
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    first_page, page_after = statements
    parameters = {"store": store_id, "row_limit": first + 1}
    if (start := decode_cursor(cursor, Fulfillment.id)) is None:
        rows = await session.scalars(first_page, parameters)
    else:
        rows = await session.scalars(page_after, parameters | {"after_id": start[0]})
    return build_page(rows.all(), first, cursor, lambda fulfillment: (str(fulfillment.id),))


async def visible_fulfillment(
    session: AsyncSession, *, actor: Actor, fulfillment_id: UUID
) -> Fulfillment:
    """A fulfillment, for the staff of its store and the support of its company.

    Raises DomainError: NotFound.
    """
    fulfillment = await session.get(Fulfillment, fulfillment_id)
    if fulfillment is None or not actor.has_store_role(
        fulfillment.company_id, fulfillment.store_id, VIEWER_ROLES
    ):
        raise not_found(Fulfillment, "id")
    return fulfillment


def may_see_recipient(fulfillment: Fulfillment, actor: Actor) -> bool:
    """Whether `actor` may see for whom it is: a store that lost the order may not."""
    is_open = fulfillment.status in QUEUE_STATUSES
    return access.may_see_recipient(fulfillment, actor, is_open, fulfillment.handed_over_at)
