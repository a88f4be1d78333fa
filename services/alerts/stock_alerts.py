"""Stock alerts: acknowledged, snoozed and listed by store staff; reorder points of products."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.alerts import StockAlert, StockAlertAction, StockAlertKind, StockAlertStatus
from models.catalog import Listing
from models.companies import Company
from models.identity import Actor, Role
from models.message_text import number_text
from models.stores import Store
from services.alerts import store_checks
from services.catalog import listings
from services.core.access import COMPANY_ROLES, MANAGER_ROLES, STORE_ROLES, may_operate_store
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    column_values,
    has_role_in_store,
    raise_version,
)
from services.events.event_log import alert_stream, record_event

MAX_SNOOZE_DAYS = 30
MAX_WATCHED_STORES = 50
MAX_REORDER_POINT_UNITS = 100_000
ACTIVE_STATUSES = frozenset(StockAlertStatus) - {StockAlertStatus.RESOLVED}


@dataclass(frozen=True, slots=True)
class ReorderPoint:
    """The available units at which stock is low: of one product, or of a store's other products."""

    store_id: UUID
    product_id: UUID | None
    units: int


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Alerts of a store, of a company's stores, or of all stores; by kind and status."""

    store_id: UUID | None = None
    company_id: UUID | None = None
    kinds: Collection[StockAlertKind] | None = None
    statuses: Collection[StockAlertStatus] | None = None


def may_see(row: StockAlert, actor: Actor) -> bool:
    """Whether the actor works in the store of the alert."""
    return may_operate_store(actor, row.company_id, row.store_id)


WATCH_JOB = "alert.watch_shelves"
MACHINE: StateMachine[StockAlert, StockAlertAction, StockAlertStatus] = StateMachine(
    name="StockAlert",
    model=StockAlert,
    status=StockAlertStatus,
    noun="alert",
    id_path="stockAlertId",
    initial={StockAlertStatus.OPEN},
    transitions=(
        Transition(
            StockAlertAction.ACKNOWLEDGE,
            {StockAlertStatus.OPEN, StockAlertStatus.SNOOZED},
            {StockAlertStatus.ACKNOWLEDGED},
            STORE_ROLES,
        ),
        Transition(
            StockAlertAction.SNOOZE, ACTIVE_STATUSES, {StockAlertStatus.SNOOZED}, STORE_ROLES
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: the snooze is over",
            {StockAlertStatus.SNOOZED},
            {StockAlertStatus.OPEN},
            job=WATCH_JOB,
        ),
        AutomaticTransition(
            "job: the cause is gone", ACTIVE_STATUSES, {StockAlertStatus.RESOLVED}, job=WATCH_JOB
        ),
    ),
    mutations={
        StockAlertAction.ACKNOWLEDGE: "stockAlertAcknowledge",
        StockAlertAction.SNOOZE: "stockAlertSnooze",
    },
    is_visible=may_see,
    permits=has_role_in_store,
)


async def acknowledge(session: AsyncSession, *, actor: Actor, alert_id: UUID) -> StockAlert:
    """Take responsibility for an alert. Raises DomainError: as `MACHINE.begin`."""
    row = await MACHINE.begin(session, actor, alert_id, StockAlertAction.ACKNOWLEDGE)
    MACHINE.move(row, StockAlertStatus.ACKNOWLEDGED)
    row.snoozed_until = None
    row.acknowledged_at, row.acknowledged_by_id = await current_time(session), actor.person_id
    return await _record_change(session, row, "STOCK_ALERT_ACKNOWLEDGED")


async def snooze(
    session: AsyncSession, *, actor: Actor, alert_id: UUID, until: datetime
) -> StockAlert:
    """Hide an alert until a time, at most MAX_SNOOZE_DAYS ahead; it reopens then.

    The same time again keeps the version. Raises DomainError: as `MACHINE.begin`, InvalidInput for
    a time that is past or too far ahead.
    """
    row = await MACHINE.begin(session, actor, alert_id, StockAlertAction.SNOOZE)
    now = await current_time(session)
    if not now < until <= now + timedelta(days=MAX_SNOOZE_DAYS):
        message = f"Put it off until a moment of the next {MAX_SNOOZE_DAYS} days."
        raise DomainError(InvalidInput(path=["input", "until"], message=message))
    before = column_values(row)
    MACHINE.set_status(row, StockAlertStatus.SNOOZED)
    row.snoozed_until = until
    if not raise_version(row, before):
        return row
    return await _record_change(session, row, "STOCK_ALERT_SNOOZED")


async def _record_change(session: AsyncSession, row: StockAlert, event_type: str) -> StockAlert:
    """Write a changed alert and record the event."""
    await session.flush()
    body = {
        "alert_id": row.id,
        "product_id": row.product_id,
        "kind": row.type,
        "priority": row.priority,
        "units": row.units,
    }
    record_event(session, alert_stream(row.store_id), event_type, body, company_id=row.company_id)
    return row


async def set_reorder_point(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    units: int | None,
) -> ReorderPoint:
    """Set the reorder point of a product in a store, or of all products without one (None).

    With `units` None a product loses its own point and has the store's. Raises DomainError:
    NotFound for anyone but the store's managers, InvalidInput.
    """
    store = await session.get(Store, store_id, with_for_update={"key_share": True})
    if store is None or not actor.has_store_role(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    if units is not None and not 0 <= units <= MAX_REORDER_POINT_UNITS:
        message = f"A reorder point is from 0 to {number_text(MAX_REORDER_POINT_UNITS)} units."
        raise DomainError(InvalidInput(path=["input", "units"], message=message))
    if product_id is not None:
        listing: Listing = await listings.lock_listing(session, actor, store_id, product_id)
        listing.reorder_point = units
    elif units is None:
        message = "Name the units: only a product can be without a point of its own."
        raise DomainError(InvalidInput(path=["input", "units"], message=message))
    else:
        store.reorder_point = units
    await session.flush()
    await store_checks.request_full_check(session, store_id)
    return ReorderPoint(store_id, product_id, store.reorder_point if units is None else units)


async def list_alerts(
    session: AsyncSession, *, actor: Actor, filters: AlertFilter, first: int, cursor: str | None
) -> Page[StockAlert]:
    """A page of alerts, the most urgent first; without statuses only active ones.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    statement = await _visible_alerts(session, actor, filters)
    if filters.kinds is not None:
        statement = statement.where(StockAlert.type.in_(filters.kinds))
    statuses = ACTIVE_STATUSES if filters.statuses is None else filters.statuses
    statement = statement.where(StockAlert.status.in_(statuses))
    if (start := decode_cursor(cursor, StockAlert.urgency, StockAlert.id)) is not None:
        key = tuple_(StockAlert.urgency, StockAlert.id)
        statement = statement.where(key > tuple_(literal(start[0]), literal(start[1])))
    statement = statement.order_by(StockAlert.urgency, StockAlert.id).limit(first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, first, cursor, lambda row: (row.urgency, str(row.id)))


async def stores_to_watch(
    session: AsyncSession, *, actor: Actor, filters: AlertFilter
) -> list[UUID]:
    """The stores of an alert stream: the named store, or all stores of the named company.

    Raises DomainError: NotFound, InvalidInput for neither, and for more than MAX_WATCHED_STORES
    stores.
    """
    if filters.store_id is None and filters.company_id is None:
        raise DomainError(InvalidInput(path=["storeId"], message="Name a store or a company."))
    await _visible_alerts(session, actor, filters)
    if filters.store_id is not None:
        return [filters.store_id]
    of_company = select(Store.id).where(Store.company_id == filters.company_id).order_by(Store.id)
    store_ids = list(await session.scalars(of_company.limit(MAX_WATCHED_STORES + 1)))
    if len(store_ids) > MAX_WATCHED_STORES:
        message = f"At most {MAX_WATCHED_STORES} stores can be watched together: name one."
        raise DomainError(InvalidInput(path=["storeId"], message=message))
    return store_ids


async def _visible_alerts(
    session: AsyncSession, actor: Actor, filters: AlertFilter
) -> Select[StockAlert]:
    """Select the alerts of the named store or company, if the actor works for all of it."""
    statement = select(StockAlert)
    if filters.store_id is not None:
        store = await session.get(Store, filters.store_id)
        if store is None or not may_operate_store(actor, store.company_id, store.id):
            raise not_found(Store, "storeId")
        return statement.where(StockAlert.store_id == store.id)
    if filters.company_id is not None:
        if not actor.has_company_role(filters.company_id, COMPANY_ROLES):
            raise not_found(Company, "companyId")
        return statement.where(StockAlert.company_id == filters.company_id)
    if Role.SUPER_ADMIN not in actor.roles:
        raise DomainError(InvalidInput(path=["storeId"], message="Name a store or a company."))
    return statement
