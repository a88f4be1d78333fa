"""Stock alerts as the people of a store and its company see to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.alerts import AlertAction, AlertKind, AlertStatus, StockAlert
from models.catalog import Listing
from models.companies import Company
from models.identity import Actor, Role
from models.stores import Store
from services.catalog import listings
from services.core.access import works_in
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import IllegalStep, InvalidInput, Refused, not_found
from services.events.event_log import alert_stream, happened

SNOOZE_DAYS = 30
WATCHED_STORES = 50
REORDER_POINT_UNITS = 100_000
COMPANY_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
MANAGER_ROLES = COMPANY_ROLES | {Role.STORE_MANAGER}
LIVE = frozenset(AlertStatus) - {AlertStatus.RESOLVED}
# From which states each step may be taken.
STEPS: dict[AlertAction, frozenset[AlertStatus]] = {
    AlertAction.ACKNOWLEDGE: frozenset({AlertStatus.OPEN, AlertStatus.SNOOZED}),
    AlertAction.SNOOZE: LIVE,
}


@dataclass(frozen=True, slots=True)
class ReorderPoint:
    """From how few units on a product is low: in general in a store, or one product there."""

    store_id: UUID
    product_id: UUID | None
    units: int


@dataclass(frozen=True, slots=True)
class Sight:
    """Which alerts are asked for: of a store, of a company's stores, or of all the platform's."""

    store_id: UUID | None = None
    company_id: UUID | None = None
    kinds: Collection[AlertKind] | None = None
    statuses: Collection[AlertStatus] | None = None


def legal(status: AlertStatus) -> list[AlertAction]:
    """The steps that can be taken from here."""
    return [action for action, states in STEPS.items() if status in states]


def available_actions(row: StockAlert, actor: Actor) -> list[AlertAction]:
    """The steps that `actor` can take: none for people of other stores."""
    return legal(row.status) if works_in(actor, row.company_id, row.store_id) else []


async def acknowledge(session: AsyncSession, *, actor: Actor, alert_id: UUID) -> StockAlert:
    """Say that one sees to it. Refused: NotFound, IllegalStep (also for the slower of two)."""
    row = await _enter(session, actor, alert_id, AlertAction.ACKNOWLEDGE)
    row.status, row.snoozed_until = AlertStatus.ACKNOWLEDGED, None
    row.acknowledged_at, row.acknowledged_by_id = await moment(session), actor.person_id
    return await _told(session, row, "STOCK_ALERT_ACKNOWLEDGED")


async def snooze(
    session: AsyncSession, *, actor: Actor, alert_id: UUID, until: datetime
) -> StockAlert:
    """Put it off until a moment, at most 30 days ahead.

    Refused: NotFound, IllegalStep, InvalidInput for a moment that is over or too far.
    """
    row = await _enter(session, actor, alert_id, AlertAction.SNOOZE)
    now = await moment(session)
    if until.tzinfo is None or not now < until <= now + timedelta(days=SNOOZE_DAYS):
        said = f"Put it off until a moment of the next {SNOOZE_DAYS} days, with its offset."
        raise Refused(InvalidInput(path=["input", "until"], message=said))
    row.status, row.snoozed_until = AlertStatus.SNOOZED, until.astimezone(UTC)
    return await _told(session, row, "STOCK_ALERT_SNOOZED")


async def _enter(
    session: AsyncSession, actor: Actor, alert_id: UUID, action: AlertAction
) -> StockAlert:
    row = await session.get(StockAlert, alert_id, with_for_update=True, populate_existing=True)
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(StockAlert, "alertId")
    steps = legal(row.status)
    if action not in steps:
        message = f"{action} can't be done while the alert is {row.status}."
        path = ["input", "alertId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*steps]))
    return row


async def _told(session: AsyncSession, row: StockAlert, type: str) -> StockAlert:
    row.version += 1
    await session.flush()
    body = {
        "alert_id": row.id,
        "product_id": row.product_id,
        "kind": row.kind,
        "priority": row.priority,
        "units": row.units,
    }
    happened(session, alert_stream(row.store_id), type, body, company_id=row.company_id)
    return row


async def set_reorder_point(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    units: int | None,
) -> ReorderPoint:
    """Say from how few units on a product is low; one without a point of its own has the store's.

    Refused: NotFound for others than the store's managers, InvalidInput.
    """
    store = await session.get(Store, store_id, with_for_update={"key_share": True})
    if store is None or not actor.works_at(store.company_id, store.id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    if units is not None and not 0 <= units <= REORDER_POINT_UNITS:
        said = f"A reorder point is from 0 to {REORDER_POINT_UNITS} units."
        raise Refused(InvalidInput(path=["input", "units"], message=said))
    if product_id is not None:
        row: Listing = await listings.locked(session, actor, store_id, product_id)
        row.reorder_point = units
    elif units is None:
        said = "Say how many units; only a product can go without a point of its own."
        raise Refused(InvalidInput(path=["input", "units"], message=said))
    else:
        store.reorder_point = units
    await session.flush()
    return ReorderPoint(store_id, product_id, store.reorder_point if units is None else units)


async def listed(
    session: AsyncSession, *, actor: Actor, sight: Sight, first: int, cursor: str | None
) -> Page[StockAlert]:
    """A page of alerts, the most urgent first; live ones unless statuses are named.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    rows = await _in_sight(session, actor, sight)
    if sight.kinds is not None:
        rows = rows.where(StockAlert.kind.in_(sight.kinds))
    statuses = LIVE if sight.statuses is None else sight.statuses
    rows = rows.where(StockAlert.status.in_(statuses))
    if (start := after(cursor, int, UUID)) is not None:
        behind = tuple_(StockAlert.urgency, StockAlert.id)
        rows = rows.where(behind > tuple_(literal(start[0]), literal(start[1])))
    found = await session.scalars(rows.order_by(StockAlert.urgency, StockAlert.id).limit(first + 1))
    return page(found.all(), first, lambda row: (row.urgency, str(row.id)))


async def watched(session: AsyncSession, *, actor: Actor, sight: Sight) -> list[UUID]:
    """The stores whose alerts are to be watched: the one named, or all of the company named.

    Refused: NotFound, InvalidInput for neither, and for a company of more than 50 stores.
    """
    if sight.store_id is None and sight.company_id is None:
        raise Refused(InvalidInput(path=["storeId"], message="Name a store or a company."))
    await _in_sight(session, actor, sight)
    if sight.store_id is not None:
        return [sight.store_id]
    mine = select(Store.id).where(Store.company_id == sight.company_id).order_by(Store.id)
    stores = list(await session.scalars(mine.limit(WATCHED_STORES + 1)))
    if len(stores) > WATCHED_STORES:
        said = f"At most {WATCHED_STORES} stores can be watched together: name one."
        raise Refused(InvalidInput(path=["storeId"], message=said))
    return stores


async def _in_sight(session: AsyncSession, actor: Actor, sight: Sight) -> Select[StockAlert]:
    """The alerts of the one place that was named, if the actor works for all of it."""
    rows = select(StockAlert)
    if sight.store_id is not None:
        store = await session.get(Store, sight.store_id)
        if store is None or not works_in(actor, store.company_id, store.id):
            raise not_found(Store, "storeId")
        return rows.where(StockAlert.store_id == store.id)
    if sight.company_id is not None:
        if not actor.acts_for(sight.company_id, COMPANY_ROLES):
            raise not_found(Company, "companyId")
        return rows.where(StockAlert.company_id == sight.company_id)
    if Role.SUPER_ADMIN not in actor.roles:
        raise Refused(InvalidInput(path=["storeId"], message="Name a store or a company."))
    return rows
