"""Where the rider of a delivery is: at the place of a step, elsewhere, or unknown."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import DeliveryProof
from models.geo_point import Point
from models.riders import RiderLocation
from models.stores import Store
from services.core.problems import DomainError, Problem
from services.delivery.delivery_records import LockedDelivery
from services.delivery.ride_settings import SETTINGS
from services.routing.distances import distance_m

MAX_ACCURACY_M = 200.0
POSITION_OF_RIDER = prepared(
    select(
        RiderLocation.latitude,
        RiderLocation.longitude,
        RiderLocation.accuracy_meters,
        RiderLocation.recorded_at,
    ).where(RiderLocation.rider_id == bindparam("rider"))
)
PLACE_OF_STORE = prepared(
    select(Store.latitude, Store.longitude).where(Store.id == bindparam("store"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFar(Problem):
    """The rider is `distance_m` away from the place of the step, beyond `max_distance_meters`."""

    distance_meters: int
    max_distance_meters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofMissing(Problem):
    """The step needs these proofs, or a step of the store or of support."""

    missing: list[DeliveryProof]


async def require_at_customer(
    session: AsyncSession, locked: LockedDelivery, *, strict: bool = False
) -> bool:
    """Whether a fresh position shows the rider near the customer's address.

    Raises DomainError: TooFar when it shows the rider elsewhere. Without one nothing is known: that
    is refused with ProofMissing if `strict`. Store staff and support take the step in place of the
    rider, so nothing is checked.
    """
    return await _require_near(session, locked, locked.delivery.dropoff_location, strict=strict)


def is_at_place(location: Point, accuracy_meters: float | None, place: Point) -> bool:
    """Whether a position is near the place of a step."""
    return _distance_m(location, accuracy_meters, place) <= SETTINGS.place_radius_m


async def require_at_store(
    session: AsyncSession, locked: LockedDelivery, *, strict: bool = False
) -> None:
    """As `require_at_customer`, for the store of the delivery."""
    if locked.by_rider:
        row = (await session.execute(PLACE_OF_STORE, {"store": locked.delivery.store_id})).one()
        await _require_near(session, locked, Point(*row), strict=strict)


async def _require_near(
    session: AsyncSession, locked: LockedDelivery, place: Point, *, strict: bool
) -> bool:
    if not locked.by_rider:
        return False
    distance = await _rider_distance_m(session, locked, place)
    path = ["input", "deliveryId"]
    if distance is None:
        if strict:
            message = "Report your position first."
            missing = [DeliveryProof.POSITION]
            raise DomainError(ProofMissing(path=path, message=message, missing=missing))
    elif distance > SETTINGS.place_radius_m:
        message = (
            f"You are {distance:,.0f} m away: at most {SETTINGS.place_radius_m} m are allowed."
        )
        raise DomainError(
            TooFar(
                path=path,
                message=message,
                distance_meters=round(distance),
                max_distance_meters=SETTINGS.place_radius_m,
            )
        )
    return distance is not None


async def _rider_distance_m(
    session: AsyncSession, locked: LockedDelivery, place: Point
) -> float | None:
    """Metres from the rider to a place; None without a fresh position."""
    rider = {"rider": locked.delivery.rider_id}
    row = (await session.execute(POSITION_OF_RIDER, rider)).one_or_none()
    if row is None:
        return None
    latitude, longitude, accuracy_meters, recorded_at = row
    if (locked.now - recorded_at).total_seconds() > SETTINGS.position_fresh_seconds:
        return None
    return _distance_m(Point(latitude, longitude), accuracy_meters, place)


def _distance_m(location: Point, accuracy_meters: float | None, place: Point) -> float:
    """Metres to a place, less the accuracy of the position."""
    accuracy = min(accuracy_meters or 0.0, MAX_ACCURACY_M)
    return max(0.0, distance_m(location, place) - accuracy)
