"""Finds the store from which a customer wants to collect an order."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.companies import Company
from models.geo_point import Point
from models.stores import PickupUnavailableReason, Store, StoreKind, StoreStatus
from services.core.problems import DomainError, Problem, not_found
from services.stores.coverage import Coverage, ServingStore
from services.stores.delivery_estimates import PREPARATION_P90_FACTOR
from services.stores.opening_hours import is_open_at
from services.stores.store_time import STATEMENT_TIME

REFUSAL_MESSAGES = {
    PickupUnavailableReason.NOT_OFFERED: "Orders can't be collected from this store.",
    PickupUnavailableReason.CLOSED: "The store is closed, or closes before the order would be"
    " ready.",
    PickupUnavailableReason.PAUSED: "The store takes no orders for the moment.",
}
_READY_AT = STATEMENT_TIME + func.make_interval(
    0, 0, 0, 0, 0, 0, Store.preparation_seconds * PREPARATION_P90_FACTOR
)
PICKUP_STORE = prepared(
    select(Store, Company, is_open_at(), is_open_at(_READY_AT), func.clock_timestamp())
    .join(Company, Company.id == Store.company_id)
    .where(Store.id == bindparam("store"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupUnavailable(Problem):
    """The order cannot be collected from that store now."""

    reason: PickupUnavailableReason


async def find_pickup_store(session: AsyncSession, store_id: UUID) -> Coverage:
    """The store as the only one that serves its own location, at no distance.

    Raises DomainError: NotFound, PickupUnavailable.
    """
    row = (await session.execute(PICKUP_STORE, {"store": store_id})).first()
    if row is None:
        raise not_found(Store, "destination", "pickupStoreId")
    store, company, is_open, open_when_ready, now = row
    reason = _refusal(store, is_open=is_open, open_when_ready=open_when_ready)
    if reason is not None:
        path, message = ["input", "destination", "pickupStoreId"], REFUSAL_MESSAGES[reason]
        raise DomainError(PickupUnavailable(path=path, message=message, reason=reason))
    location = Point(store.latitude, store.longitude)
    return Coverage(location, now, [ServingStore(store, company, 0)])


def _refusal(
    store: Store, *, is_open: bool, open_when_ready: bool
) -> PickupUnavailableReason | None:
    if not store.pickup_enabled or store.type is StoreKind.WAREHOUSE:
        return PickupUnavailableReason.NOT_OFFERED
    if store.status is StoreStatus.PAUSED:
        return PickupUnavailableReason.PAUSED
    if store.status is StoreStatus.CLOSED or not is_open or not open_when_ready:
        return PickupUnavailableReason.CLOSED
    return None
